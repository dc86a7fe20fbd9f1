"""Follows log files as they grow, across rotation, as `tail -F` does."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bandcamp_sync.logs.tail import MAX_LINE_BYTES

_BLOCK_BYTES = 64 * 1024
#: What one look reads of one file at most, so that a burst of one file does not keep the others waiting.
_LOOK_BYTES = 1024 * 1024
SUFFIX = ".log"


def log_files(folder: Path) -> dict[str, Path]:
    """The logs by service: `worker` for `worker.log`. Rotated ones are left out."""
    try:
        return {path.stem: path for path in sorted(folder.iterdir()) if _is_log(path)}
    except OSError:
        return {}


def _is_log(path: Path) -> bool:
    return path.suffix == SUFFIX and not path.name.startswith(".") and path.is_file()


class Follower:
    """New lines of every log in a folder, from now on. Close it, or use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, _Followed] = {}
        for name, path in log_files(folder).items():
            self._add(name, path, from_start=False)

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for followed in self._open.values():
            followed.close()
        self._open = {}

    def look(self) -> list[tuple[str, str]]:
        """The (service, line) pairs that came since the last look, in order within each file."""
        for name, path in log_files(self._folder).items():
            if name not in self._open:
                self._add(name, path, from_start=True)
        return [(name, line) for name, followed in self._open.items() for line in followed.lines()]

    def _add(self, name: str, path: Path, from_start: bool) -> None:
        with suppress(OSError):
            self._open[name] = _Followed(path, from_start)


class _Followed:
    """One log. The old file is read to its end before the new one of that name is opened."""

    def __init__(self, path: Path, from_start: bool) -> None:
        self._path = path
        self._stream: BinaryIO | None = path.open("rb")
        if not from_start:
            self._stream.seek(0, os.SEEK_END)
        self._rest = b""

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def lines(self) -> Iterator[str]:
        moved = self._has_moved()
        yield from self._read(None if moved else _LOOK_BYTES)
        if not moved:
            return
        self.close()
        if self._rest:
            yield _text(self._rest)
            self._rest = b""
        with suppress(OSError):
            self._stream = self._path.open("rb")
        yield from self._read(_LOOK_BYTES)

    def _has_moved(self) -> bool:
        if self._stream is None:
            return True
        here = os.fstat(self._stream.fileno())
        if here.st_size < self._stream.tell():
            return True  # it was cut short in place: everything in it is new
        try:
            named = self._path.stat()
        except OSError:
            return False  # being rotated just now; the next look sees the new one
        return (here.st_dev, here.st_ino) != (named.st_dev, named.st_ino)

    def _read(self, limit: int | None) -> Iterator[str]:
        read = 0
        while self._stream is not None and (limit is None or read < limit):
            block = self._stream.read(_BLOCK_BYTES)
            if not block:
                return
            read += len(block)
            *whole, self._rest = (self._rest + block).split(b"\n")
            self._rest = self._rest[: MAX_LINE_BYTES + 1]
            for line in whole:
                yield _text(line)


def _text(line: bytes) -> str:
    return line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
