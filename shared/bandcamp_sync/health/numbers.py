"""Which number a worker has: several containers, and hosts, share one sequence from 1.

A number is held by a lock on `state/numbers/worker-<N>.lock` for as long as its holder lives, so that one that was
killed is free at once.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NOT_FREE = (errno.EWOULDBLOCK, errno.EACCES)
_MOST = 1000


class Numbers:
    """The numbers that this process holds, until it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[int, int] = {}

    def take(self, count: int) -> list[int]:
        """Hold the `count` lowest numbers that are free; more at each call. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
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
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "turn.lock").open("a") as file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_free(self, number: int) -> bool:
        """Whether nobody holds this number."""
        if number in self._held or not self._lock(number):
            return False
        os.close(self._held.pop(number))
        return True

    def _lock(self, number: int) -> bool:
        file = os.open(self._folder / f"worker-{number}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NOT_FREE:
                os.close(file)
                return False
            # A share without locks (some network disks): a number that two hold is better than none.
        self._held[number] = file
        return True
