"""What was worked out of something, kept until it is something else: for who is asked often and changes seldom."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from bandcamp_sync.files.marks import file_mark

T = TypeVar("T")


class Kept(Generic[T]):
    """One value. Safe to use from several threads: two may work out the same one, and the later one stays."""

    def __init__(self) -> None:
        self._last: tuple[tuple[object, ...], T] | None = None

    def of(self, work_out: Callable[[], T], *basis: object) -> T:
        """What `work_out` returns, or returned when it was last asked for these very objects. Treat it as read-only."""
        last = self._last
        if last is None or any(was is not one for was, one in zip(last[0], basis, strict=True)):
            last = self._last = basis, work_out()
        return last[1]


class KeptOfFiles(Generic[T]):
    """What was read of files, kept until one of them is another one. Safe to use from several threads."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._last: tuple[object, T] | None = None

    def of(self, read: Callable[[], T]) -> T:
        """What `read` returns, or returned of the files as they are. The same object then; treat it as read-only."""
        # Looked at before it is read: what is put there in between is read once more, and never missed.
        marks, last = [file_mark(path) for path in self._paths], self._last
        if last is None or last[0] != marks:
            last = self._last = marks, read()
        return last[1]
