"""A log and the files that it was rotated into, and where in them somebody has read up to.

A file keeps its inode when it is rotated, but a file that is new may be given the inode of one that is gone. So a
place in a file is its inode, a checksum of how the file begins (a line begins with its time), and the offset.
"""

import errno
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from bandcamp_sync.logs.rotation import KEPT_FILES

_LOG = re.compile(r"([^.].*)\.log(?:\.1)?", re.DOTALL)
_HEAD_BYTES = 64
_MAX_POSITION_CHARS = 4096


@dataclass(frozen=True)
class Place:
    """In a file: its inode, the CRC-32 of its first bytes (64, or what lies before the offset), the offset in bytes."""

    inode: int
    head: int
    offset: int


@dataclass(frozen=True)
class Position:
    """In several logs: a place in each, by service; and when that was, in seconds since the epoch."""

    places: Mapping[str, Place]
    at_s: int


@dataclass(frozen=True)
class Line:
    """One line that may be shown, and the place just behind it."""

    service: str
    text: str
    place: Place


def position_text(position: Position) -> str:
    """As it is sent to whoever reads, who gives it back to go on there: one word of ASCII."""
    places = (f"{quote(name, safe='')}={p.inode:x}.{p.head:x}.{p.offset:x}" for name, p in position.places.items())
    return f"{position.at_s:x}~{','.join(places)}"


def parse_position(text: str) -> Position | None:
    """What `position_text` wrote; None for anything else."""
    at, separator, rest = text[:_MAX_POSITION_CHARS].partition("~")
    try:
        if not separator:
            return None
        named = [part.split("=") for part in rest.split(",") if part]
        return Position({unquote(name): _place(numbers) for name, numbers in named}, _number(at))
    except ValueError:
        return None


def _place(numbers: str) -> Place:
    inode, head, offset = map(_number, numbers.split("."))
    return Place(inode, head, offset)


def _number(text: str) -> int:
    value = int(text, 16)
    if not 0 <= value < 1 << 64:
        raise ValueError(text)
    return value


class OpenLog:
    """One file of a log, open to be read at any place; whoever has it closes it."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        found = os.fstat(descriptor)
        self.identity = (found.st_dev, found.st_ino)
        self.modified_s = found.st_mtime
        self._heads: dict[int, int] = {}

    @classmethod
    def at(cls, path: Path) -> "OpenLog":
        """The file of that name. Raises OSError."""
        # Without O_NONBLOCK the opening of a FIFO would wait for a writer. A link could lead to any file.
        log = cls(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
        if not stat.S_ISREG(os.fstat(log._fd).st_mode):
            log.close()
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return log

    def again(self) -> "OpenLog":
        """The same file, to be closed on its own."""
        return OpenLog(os.dup(self._fd))

    def close(self) -> None:
        """Close it; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def size(self) -> int:
        """Its size in bytes as it is now."""
        return os.fstat(self._fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on."""
        return os.pread(self._fd, size, offset)

    def place(self, offset: int) -> Place:
        """The place at `offset`, up to which it was read."""
        length = min(offset, _HEAD_BYTES)
        if length not in self._heads:
            self._heads[length] = zlib.crc32(self.read(0, length))
        return Place(self.identity[1], self._heads[length], offset)

    def forget(self) -> None:
        """What was known of its content holds no longer."""
        self._heads = {}

    def holds(self, place: Place) -> bool:
        """Whether `place` is one in this file."""
        return place.inode == self.identity[1] and place.offset <= self.size() and self.place(place.offset) == place


def log_files(folder: Path) -> dict[str, Path]:
    """The logs by service: `worker` for `worker.log`, also in the moment of a rotation when it has no such file."""
    try:
        # Followers ask this all the time, and an entry knows what it is without another look at the disk.
        with os.scandir(folder) as entries:
            found = [(_LOG.fullmatch(entry.name), entry) for entry in entries]
            services = {match[1] for match, entry in found if match and entry.is_file(follow_symlinks=False)}
    except OSError:
        return {}
    return {service: folder / f"{service}.log" for service in sorted(services)}


@contextmanager
def opened_family(path: Path) -> Iterator[list[OpenLog]]:
    """The files of a log for as long as the `with` lasts, the newest first; fewer when some cannot be opened.

    RACE: a rotation between two openings shows one file under two names; it is taken once.
    """
    with ExitStack() as stack:
        found: dict[tuple[int, int], OpenLog] = {}
        for name in (path.name, *(f"{path.name}.{number}" for number in range(1, KEPT_FILES + 1))):
            with suppress(OSError):
                one = OpenLog.at(path.with_name(name))
                stack.callback(one.close)
                found.setdefault(one.identity, one)
        yield list(found.values())


def next_file(path: Path, log: OpenLog) -> OpenLog | None:
    """The file that followed on `log` in the log at `path`, for the caller to close; None while `log` is the newest.

    When `log` is none of them any more it is the one that has the name now.
    """
    try:
        named = path.stat()
    except OSError:
        return None  # being rotated just now; the next look sees the new one
    if (named.st_dev, named.st_ino) == log.identity:
        return None
    with opened_family(path) as family:
        known = [one.identity for one in family]
        number = known.index(log.identity) if log.identity in known else 1
        return family[number - 1].again() if family and number else None
