"""What a person put into an album's folder, or changed in it, outlives the album's replacement.

Files that the receipt does not name go along into the new album. Files that are not as the receipt says may be edited,
or rotten, which nobody can tell apart: the new album has its own, and they are kept in `replaced/<key>/<time>/`.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bandcamp_sync.library.album import file_sha256
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.spool.job import Receipt

log = logging.getLogger(__name__)


def take_along(music: MusicFolder, receipt: Receipt, key: str, staged: Path, now: datetime) -> None:
    """Give the files of a person's in the album of `receipt` a second name where they stay; nothing is moved.

    `staged`: the new album, not placed yet. So whoever is killed here has changed nothing, and begins again. Raises
    OSError.
    """
    old, kept = music.root / receipt.folder, music.replaced / key / f"{now:%Y%m%dT%H%M%S}"
    ours = {file.path: file for file in receipt.files}
    along, aside = 0, 0
    for path in _files(old):
        name = path.relative_to(old).as_posix()
        if name in ours and (path.is_symlink() or not _differs(path, ours[name].size, ours[name].sha256)):
            continue
        if name not in ours and not os.path.lexists(staged / name):
            _give_name(path, staged / name)
            along += 1
        elif name in ours or not _is_same(path, staged / name):
            _give_name(path, kept / name)
            aside += 1
    if along:
        log.info("%s: %d of your own files stay in its folder", key, along)
    if aside:
        log.warning("%s: %d files that had been changed are replaced; they are kept in %s", key, aside, kept)


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in sorted(names))


def _differs(path: Path, size: int, sha256: str) -> bool:
    try:
        return path.stat().st_size != size or file_sha256(path) != sha256
    except OSError:
        return False  # it cannot be read, so there is nothing to keep


def _is_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size == other.stat().st_size and file_sha256(path) == file_sha256(other)
    return False


def _give_name(path: Path, name: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, name, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError:
        if path.is_symlink() or path.is_file():
            shutil.copy2(path, name, follow_symlinks=False)
