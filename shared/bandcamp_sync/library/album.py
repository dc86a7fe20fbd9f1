"""From fetched files to an album's folder: which file is what, and how each is called.

Audio becomes `NN Title.ext` (extension by content, number and title by tags, else by the archive's names), the cover
`cover.jpg`, and extras (booklets, videos) keep their names beside them. Missing tags are filled in; what the artist
wrote is never changed.
"""

import logging
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio import is_audio, sniff
from bandcamp_sync.library.entries import entry_title
from bandcamp_sync.library.names import file_name, first_free_name, track_file_name
from bandcamp_sync.library.tags import Tags, fill_tags, read_tags
from bandcamp_sync.spool.job import ReceiptFile

log = logging.getLogger(__name__)

_IMAGE = re.compile(r"\.(jpe?g|png)$", re.I)
_COVER = re.compile(r"^(cover|folder|front)\.(jpe?g|png)$", re.I)


@dataclass(frozen=True)
class Fetched:
    """A whole file: where it lies, what the archive calls it, its SHA-256."""

    path: Path
    name: str
    sha256: str


@dataclass(frozen=True)
class About:
    """What is known of the release beside its files; true names, not file names."""

    artist: str
    title: str
    year: int | None
    single: bool


@dataclass(frozen=True)
class _Track:
    fetched: Fetched
    number: int | None
    title: str
    extension: str
    tags: Tags


def compose(files: Sequence[Fetched], about: About, target: Path, cover: bytes | None) -> list[ReceiptFile]:
    """Move `files` into the new folder `target` under clean names, and list what is there.

    `cover`: used as `cover.jpg` when the files bring none. Raises OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    audio = {f for f in files if is_audio(file_name(f.name))}
    tracks = [_track(f, about) for f in files if f in audio]
    placed = _Placed(target)
    width = 3 if len(tracks) > 99 else 2
    for position, track in enumerate(tracks, start=1):
        number = track.number or (1 if len(tracks) == 1 else position)
        name = track_file_name(number, track.title, track.extension, width)
        placed.move(track.fetched, name, _missing(track, about, number))
    for extra in (f for f in files if f not in audio):
        placed.move(extra, _extra_name(extra.name), None)
    if cover is not None and not placed.has_cover():
        placed.write("cover.jpg", cover)
    return placed.files


class _Placed:
    """The folder being filled."""

    def __init__(self, target: Path) -> None:
        self._target, self._taken = target, set[str]()
        self.files: list[ReceiptFile] = []

    def move(self, fetched: Fetched, wanted: str, missing: Tags | None) -> None:
        name = first_free_name(wanted, self._taken)
        path = self._target / name
        if missing is not None and _filled_copy(fetched, path, missing):
            self._note(name, path, file_sha256(path))
            return
        _link_or_move(fetched.path, path)
        self._note(name, path, fetched.sha256)

    def write(self, name: str, content: bytes) -> None:
        path = self._target / name
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._note(name, path, sha256(content).hexdigest())

    def _note(self, name: str, path: Path, digest: str) -> None:
        self._taken.add(name)
        self.files.append(ReceiptFile(path=name, size=path.stat().st_size, sha256=digest))

    def has_cover(self) -> bool:
        return any(_COVER.match(name) for name in self._taken)


def _filled_copy(fetched: Fetched, path: Path, missing: Tags) -> bool:
    """A copy with more tags; False, and no copy, where it cannot be had.

    What was fetched stays as it is: it is known by its hash, and a crash amid the writing of tags would make that
    untrue.
    """
    try:
        shutil.copyfile(fetched.path, path)
        if fill_tags(path, missing, None):
            return True
    except OSError:
        raise
    except Exception as error:  # mutagen raises many kinds, and a missing tag is no reason to lose an album
        log.warning("tags of %s are left as they are (%s)", fetched.name, type(error).__name__)
    path.unlink()
    return False


def _link_or_move(source: Path, target: Path) -> None:
    # A second name costs nothing, and a crash before the album is placed then loses nothing that was fetched.
    try:
        target.hardlink_to(source)
    except OSError:
        source.rename(target)


def _track(fetched: Fetched, about: About) -> _Track:
    with fetched.path.open("rb") as file:
        extension = sniff(file.read(4096))
    try:
        tags = read_tags(fetched.path)
    except BadAudio:
        tags = Tags()  # it decodes, as was checked; only its tags are beyond us
    number, title = entry_title(fetched.name, about.artist, about.title)
    if fetched.name == fetched.path.name:
        number, title = None, about.title  # a bare file came without a name of its own
    suffix = Path(fetched.name).suffix.lstrip(".").lower()
    return _Track(
        fetched,
        tags.track_number or number,
        tags.title or title or about.title,
        extension if extension not in (None, "zip") else suffix,
        tags,
    )


def _missing(track: _Track, about: About, number: int) -> Tags | None:
    """What its tags should say; None where each of them says something already."""
    wanted = Tags(
        title=track.title,
        artist=about.artist,
        album=None if about.single else about.title,
        album_artist=about.artist,
        track_number=number,
        year=about.year,
    )
    has, wants = vars(track.tags), vars(wanted)
    return wanted if any(wants[name] and has[name] is None for name in wants) else None


def _extra_name(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    if _IMAGE.search(last) and re.search(r"(^|[ _-])(cover|folder|front)\.\w+$", last, re.I):
        return "cover.png" if last.lower().endswith("png") else "cover.jpg"
    return file_name(name)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
