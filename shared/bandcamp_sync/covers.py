"""`covers/`: a small cache of small pictures, so that a browser that looks at the dashboard asks nobody else.

    <art_id>.jpg    a JPEG of about 210 pixels a side
    <art_id>.none   there is no such picture; its time is the moment from which on it may be asked for again

The worker makes pictures of the albums it places, the scraper fetches what is missing then and removes what belongs to
no purchase any more; both replace a file in one step. Whoever deletes the folder loses some requests, and nothing else.
"""

import os
import re
import stat
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from bandcamp_sync.collection.item import Item
from bandcamp_sync.files import atomic

#: More than anyone has bought; beyond it nothing is added.
MAX_FILES = 25_000
MAX_BYTES = 512 * 1024
#: Nothing is known to be missing for longer than this, whatever a clock that jumped has written.
LONGEST_MISS_S = 31 * 86400.0
_NAME = re.compile(r"([1-9][0-9]{0,18})\.(jpg|none)")
#: A folder that changed so lately may change again within one tick of its clock, so it is listed once more.
_FRESH_S = 2.0
#: A file in the making that is older was left by a writer that was killed.
_ABANDONED_S = 3600.0


def art_number(item: Item) -> int | None:
    """The number of a purchase's picture; None where Bandcamp names none."""
    text = item.art_id or ""
    return int(text) if _NAME.fullmatch(f"{text.lstrip('0')}.jpg") else None


@dataclass(frozen=True)
class Listed:
    """`known`: art ids that have a picture, or are known to have none. `files`: how many files there are."""

    known: frozenset[int] = frozenset()
    files: int = 0


class CoverFolder:
    """The folder. One that is not there, or cannot be read, holds nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def picture(self, art_id: int) -> Path:
        """Where the picture of this art lies, or would."""
        return self.path / f"{art_id}.jpg"

    def has(self, art_id: int) -> bool:
        """Whether there is something of that name."""
        return os.path.lexists(self.picture(art_id))

    def read(self, art_id: int) -> tuple[bytes, os.stat_result] | None:
        """A picture and its file's status; None for what is not there, is no regular file, or is far too large."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self.picture(art_id), flags), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                    return None
                return file.read(MAX_BYTES), status
        except (OSError, ValueError):
            return None

    def keep(self, art_id: int, content: bytes) -> bool:
        """Write a picture; False when the folder is full. Raises OSError."""
        if not self.has(art_id) and self._count() >= MAX_FILES:
            return False
        atomic.write_bytes(self.picture(art_id), content, durable=False)
        with suppress(OSError):
            self._miss(art_id).unlink(missing_ok=True)
        return True

    def note_missing(self, art_id: int, until: datetime) -> None:
        """There is no such picture: nobody asks for it before `until`. Raises OSError."""
        if self._count() < MAX_FILES:
            path = self._miss(art_id)
            atomic.write_bytes(path, b"", durable=False)
            os.utime(path, (until.timestamp(), until.timestamp()))

    def pictures(self) -> frozenset[int]:
        """The art ids that have a file to show."""
        return frozenset(art_id for entry, art_id, kind in self._entries() if kind == "jpg" and _is_file(entry))

    def listed(self, now: datetime) -> Listed:
        """What nobody has to ask for, and how many files there are."""
        entries = self._entries()
        known = (art_id for entry, art_id, kind in entries if kind == "jpg" or not _is_over(entry, now))
        return Listed(frozenset(known), len(entries))

    def sweep(self, wanted: Collection[int], now: datetime) -> int:
        """Remove what is of no art in `wanted`, misses whose time is over, and what killed writers left; how many."""
        gone = [
            Path(entry.path)
            for entry, art_id, kind in self._entries()
            if art_id not in wanted or (kind == "none" and _is_over(entry, now))
        ]
        removed = 0
        for path in [*gone, *self._leftovers(now)]:
            with suppress(OSError):
                path.unlink()
                removed += 1
        return removed

    def _miss(self, art_id: int) -> Path:
        return self.path / f"{art_id}.none"

    def _count(self) -> int:
        try:
            return len(os.listdir(self.path))  # noqa: PTH208 - the names alone, and nothing made of them
        except OSError:
            return 0

    def _leftovers(self, now: datetime) -> list[Path]:
        try:
            found = atomic.leftovers(self.path)
            return [path for path in found if now.timestamp() - path.lstat().st_mtime > _ABANDONED_S]
        except OSError:
            return []

    def _entries(self) -> list[tuple[os.DirEntry[str], int, str]]:
        try:
            with os.scandir(self.path) as entries:
                named = [(entry, _NAME.fullmatch(entry.name)) for entry in entries]
        except OSError:
            return []
        return [(entry, int(match[1]), match[2]) for entry, match in named if match is not None]


class CoverIds:
    """Which art ids have a picture, for who asks often: listed again only when the folder has changed.

    `version` grows whenever the answer differs from the last one. Safe to use from several threads.
    """

    def __init__(self, folder: CoverFolder) -> None:
        self._folder, self._lock = folder, Lock()
        self._mark: tuple[int, int] | None = None
        self._ids: frozenset[int] = frozenset()
        self._not_before = 0.0
        self.version = 0

    def ids(self) -> frozenset[int]:
        """The art ids, as of a moment ago while pictures arrive."""
        with self._lock:
            if time.monotonic() < self._not_before:
                return self._ids
            try:
                status = self._folder.path.stat()
                mark = (status.st_mtime_ns, status.st_ino)
            except OSError:
                mark = None
            if mark is None or mark != self._mark:
                self._list(mark)
            return self._ids

    def _list(self, mark: tuple[int, int] | None) -> None:
        began = time.monotonic()
        found = self._folder.pictures()
        settled = mark is not None and time.time() - mark[0] / 1e9 > _FRESH_S
        self._mark = mark if settled else None
        # While pictures arrive the folder changes all the time; listing takes a tenth of the time at most.
        self._not_before = time.monotonic() + 10 * (time.monotonic() - began)
        if found != self._ids:
            self._ids = found
            self.version += 1


def cover_address(item: Item, pictures: Collection[int]) -> str | None:
    """Where the dashboard shows a purchase's picture, below its own root; None when `pictures` has none of it."""
    art_id = art_number(item)
    return f"/covers/{art_id}.jpg" if art_id in pictures else None


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _is_over(entry: os.DirEntry[str], now: datetime) -> bool:
    try:
        left_s = entry.stat(follow_symlinks=False).st_mtime - now.timestamp()
    except OSError:
        return True
    return not 0 < left_s <= LONGEST_MISS_S
