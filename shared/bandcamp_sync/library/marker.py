"""The music folder's marker: tells it from the empty place where its disk should be mounted."""

import json
import os
import secrets
import shutil
from datetime import datetime

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.errors import DiskFull, FolderTrouble, MusicFolderMissing
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_bytes, read_json
from bandcamp_sync.machine import as_trouble
from bandcamp_sync.paths import DataFolder, MusicFolder


def check_music_folder(data: DataFolder, music: MusicFolder, books_empty: bool) -> None:
    """Raise MusicFolderMissing when the books know of music and the folder lacks its marker. Writes nothing.

    Raises LocalTrouble when it cannot be seen.
    """
    try:
        # RACE: at the very first run another worker may be marking it just now. The marker comes before whatever tells
        # of it, so it is looked for last.
        missing = (data.library_id.exists() or not books_empty) and not music.marker.exists()
    except OSError as error:  # no permission to look
        raise as_trouble(error, music.root) from error
    if missing:
        raise MusicFolderMissing(music.root)


def mark_music_folder(data: DataFolder, music: MusicFolder, books_empty: bool, now: datetime) -> None:
    """Check, and write the marker at the first run. Raises MusicFolderMissing, FolderTrouble."""
    check_music_folder(data, music, books_empty)
    write_marker(data, music, now)


def write_marker(data: DataFolder, music: MusicFolder, now: datetime) -> None:
    """Make the music folder and these books know each other. Idempotent. Raises FolderTrouble."""
    try:
        if not music.marker.exists():
            music.root.mkdir(parents=True, exist_ok=True)
            marker = {"schema": 1, "library": secrets.token_hex(8), "since": rfc3339(now)}
            # RACE: of two workers at their first run one is first, and both know the library by its marker.
            is_first = atomic.write_new(music.marker, f"{json.dumps(marker, indent=1)}\n".encode())
            if not is_first and not music.marker.exists():
                atomic.write_json(music.marker, marker)  # in the place of a link that leads nowhere
        if not data.library_id.exists():
            atomic.write_bytes(data.library_id, read_bytes(music.marker))
    except OSError as error:
        raise not_writable(music.root, error) from error


def library_name(music: MusicFolder) -> str | None:
    """The marker's own id; None without a readable marker."""
    try:
        return str(read_json(music.marker)["library"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def not_writable(path: os.PathLike[str], error: OSError) -> FolderTrouble:
    """The error of a folder that this user may not write to, with the command that mends it."""
    return FolderTrouble(
        os.fspath(path), f"cannot be written ({error.strerror}); run: chown -R {os.getuid()}:{os.getgid()} {path}"
    )


def check_room(music: MusicFolder, wanted: int, floor: int) -> None:
    """Raise DiskFull unless `wanted` bytes fit and `floor` bytes stay free."""
    free = shutil.disk_usage(music.root).free
    if free - wanted < floor:
        raise DiskFull(music.root, free, wanted + floor)
