"""Looks at the music folder and the inbox while everything goes on: no half album, true receipts, one state each."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.album import file_sha256
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.audio_kind import is_audio
from bandcamp_sync.paths import DataFolder, MusicFolder

#: A crash between two renames may leave a job in two places, until it is looked at again.
_TWO_PLACES_S = 60.0
_STATES = ("pending", "in_progress", "failed", "done")

Mark = tuple[int, int, int]  # what tells one version of a file from the next: inode, time, size


@dataclass(frozen=True)
class Album:
    """What some book says of an album: its files with size and SHA-256. `book`: where it says so."""

    key: str
    book: str
    folder: str
    files: Mapping[str, tuple[int, str]]


@dataclass
class LibraryWatch:
    """`truth`: how many tracks each purchase has, by key. `damaged`: keys whose album was spoiled on purpose, and is
    not repaired yet. `violated`: hears what is wrong."""

    data: DataFolder
    music: MusicFolder
    truth: Callable[[], Mapping[str, int]]
    violated: Callable[[str], None]
    damaged: set[str] = field(default_factory=set)
    looks: int = 0
    _good: dict[tuple[str, str], Mark] = field(default_factory=dict)
    _twice: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """One look at everything."""
        # First what is visible, then the books: an album's book is always written before it is renamed into place.
        visible = dict(self._visible())
        albums = [*self._announced(), *self._copies(), *self._done()]
        self._check_visible(visible, albums)
        self._check_receipts()
        self._check_states()
        self.looks += 1

    # --- no half album -----------------------------------------------------------------------------------------------

    def _check_visible(self, visible: Mapping[str, Mapping[str, Mark]], albums: list[Album]) -> None:
        by_folder: dict[str, list[Album]] = {}
        for album in albums:
            by_folder.setdefault(album.folder, []).append(album)
        tracks = self.truth()
        for folder, files in visible.items():
            books = by_folder.get(folder, [])
            if any(book.key in self.damaged for book in books):
                continue
            if not books:
                self.violated(f"{folder!r} is in the music folder and in no book")
                continue
            sizes = {name: mark[2] for name, mark in files.items()}
            fitting = [book for book in books if {name: size for name, (size, _) in book.files.items()} == sizes]
            if not fitting:
                said = "; ".join(f"{book.book} has {len(book.files)} files" for book in books)
                self.violated(f"a half album: {folder!r} shows {len(sizes)} files, {said}")
                continue
            count = sum(is_audio(name) for name in sizes)
            if count != (expected := tracks.get(fitting[0].key, count)):
                self.violated(f"{folder!r} has {count} of {expected} tracks")
            for name, mark in files.items():
                self._check_file(folder, name, mark, {book.files[name][1] for book in fitting}, fitting[0].key)

    def _check_file(self, folder: str, name: str, mark: Mark, digests: set[str], key: str) -> None:
        if self._good.get((folder, name)) == mark:
            return
        path = self.music.root / folder / name
        try:
            found = file_sha256(path)
            if is_audio(name) and found in digests:
                decode(path)
        except BadAudio as error:
            problem = f"does not decode: {error.problem}"
        except OSError:
            return  # it was replaced as we looked; the next look sees the new one
        else:
            problem = "" if found in digests else "is not what its receipt says"
        if not problem:
            self._good[folder, name] = mark
        elif _mark(path) == mark and key not in self.damaged:
            self.violated(f"{folder}/{name} {problem}")

    def _visible(self) -> Iterator[tuple[str, Mapping[str, Mark]]]:
        """Each album folder, with its files. One that changes while it is read is left to the next look."""
        for artist in _folders(self.music.root):
            if artist.name == self.music.own.name:
                continue
            for album in _folders(artist):
                before = _mark(album)
                files = dict(_tree(album))
                if before is not None and _mark(album) == before and files:
                    yield f"{artist.name}/{album.name}", files

    # --- the books ---------------------------------------------------------------------------------------------------

    def _announced(self) -> Iterator[Album]:
        for folder in _folders(self.music.staging):
            receipt = _json(folder / "receipt.json")
            if receipt is not None:
                yield _album(folder.name, "what was announced", receipt)

    def _copies(self) -> Iterator[Album]:
        for path in _files(self.music.receipts, ".json"):
            job = _json(path)
            if job is not None and job.get("receipt"):
                yield _album(path.stem, "the receipt's copy", job["receipt"])

    def _done(self) -> Iterator[Album]:
        for path in _files(self.data.inbox / "done", ".job"):
            job = _json(path)
            if job is not None and job.get("receipt"):
                yield _album(path.stem, "the receipt", job["receipt"])

    def done(self, key: str) -> Album | None:
        """What the receipt of a purchase says; None where there is none."""
        return next((album for album in self._done() if album.key == key), None)

    def is_whole(self, album: Album) -> bool:
        """Whether each of its files is as the book says."""
        folder = self.music.root / album.folder
        try:
            return all(file_sha256(folder / name) == digest for name, (_, digest) in album.files.items())
        except OSError:
            return False

    def receipts(self) -> dict[str, float]:
        """When each album that is done was placed, in seconds since the epoch, by key."""
        found: dict[str, float] = {}
        for path in _files(self.data.inbox / "done", ".job"):
            mark = _mark(path)
            if mark is not None:
                found[path.stem] = mark[1] / 1e9
        return found

    # --- receipts are true, and each purchase is in one place ---------------------------------------------------------

    def _check_receipts(self) -> None:
        for path in _files(self.data.inbox / "done", ".job"):
            said, job = _mark(path), _json(path)
            if job is None or not job.get("receipt") or path.stem in self.damaged:
                continue
            album = _album(path.stem, "the receipt", job["receipt"])
            for name, (size, _) in album.files.items():
                mark = _mark(self.music.root / album.folder / name)
                if (mark is None or mark[2] != size) and _mark(path) == said and path.stem not in self.damaged:
                    found = "is missing" if mark is None else f"has {mark[2]} bytes"
                    self.violated(f"the receipt of {path.stem} is not true: {album.folder}/{name} {found}")

    def _check_states(self) -> None:
        places: dict[str, list[Path]] = {}
        for state in _STATES:
            for path in _files(self.data.inbox / state, ".job"):
                places.setdefault(path.stem, []).append(path)
        now = time.monotonic()
        twice = {key for key, paths in places.items() if len(paths) > 1 and all(p.exists() for p in [*paths, paths[0]])}
        self._twice = {key: self._twice.get(key, now) for key in twice}
        for key, since in self._twice.items():
            if now - since > _TWO_PLACES_S:
                self.violated(f"{key} is in {', '.join(path.parent.name for path in places[key])} at once")


def _album(key: str, book: str, receipt: Mapping[str, Any]) -> Album:
    files = {file["path"]: (file["size"], file["sha256"]) for file in receipt["files"]}
    return Album(key, book, receipt["folder"], files)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _mark(path: Path) -> Mark | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _folders(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []
    return [folder / name for name in names if name.endswith(suffix) and not name.startswith(".")]


def _tree(folder: Path) -> Iterator[tuple[str, Mark]]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if (mark := _mark(path)) is not None:
                yield path.relative_to(folder).as_posix(), mark
