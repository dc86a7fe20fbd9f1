"""Which number a worker has: several containers, and hosts, share one sequence from 1.

A number is held by a lock on `state/numbers/worker-<N>.lock` for as long as its holder lives, so that one that was
killed is free at once.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine

_NOT_FREE = (errno.EWOULDBLOCK, errno.EACCES)
_MOST = 1000


class Numbers:
    """The numbers that this process holds, until it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[int, int] = {}

    def take(self, count: int) -> list[int]:
        """Hold the `count` lowest numbers that are free; more at each call. Raises OSError."""
        atomic.make_folder(self._folder)
        taken: list[int] = []
        for number in range(1, _MOST):
            if len(taken) == count:
                break
            if number not in self._held and self._lock(number):
                taken.append(number)
        return taken

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Nobody else is in here meanwhile, where the disk knows locks. Raises OSError."""
        atomic.make_folder(self._folder)
        file = _opened(self._folder / "turn.lock")
        try:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def hold_on(self) -> list[int]:
        """Hold what is held under its name again, where somebody deleted the files; those that others have by now.

        Raises OSError.
        """
        lost = []
        for number, file in list(self._held.items()):
            if _is_named(file, self._path(number)):
                continue
            atomic.make_folder(self._folder)
            del self._held[number]
            if not self._lock(number):
                lost.append(number)
            os.close(file)
        return lost

    def is_free(self, number: int) -> bool:
        """Whether nobody holds this number."""
        if number in self._held or not self._lock(number):
            return False
        os.close(self._held.pop(number))
        return True

    def _path(self, number: int) -> Path:
        return self._folder / f"worker-{number}.lock"

    def _lock(self, number: int) -> bool:
        file = _opened(self._path(number))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NOT_FREE:
                os.close(file)
                return False
            # A share without locks (some network disks): a number that two hold is better than none.
        self._held[number] = file
        return True


def _opened(path: Path) -> int:
    """A file to be locked; a folder or a link to itself in its place goes to quarantine. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ELOOP):
            raise
    quarantine(path, datetime.now(UTC), "a file to be locked belongs there")
    return os.open(path, flags, 0o644)


def _is_named(file: int, path: Path) -> bool:
    here = os.fstat(file)
    try:
        named = path.stat()
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (named.st_dev, named.st_ino)
