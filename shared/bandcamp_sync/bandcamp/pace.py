"""Patience with Bandcamp, shared by all processes of the stack through one small file.

Every request takes a turn: turns of one class of request are spaced, and when Bandcamp says 429, shows a challenge, or
is out of order, nobody asks anything until the hold is over. How long that is, `patience.py` says.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from bandcamp_sync.bandcamp.patience import (
    HOLD_BASE_S,
    PROBE_S,
    Patience,
    RequestClass,
    Why,
    after_limit,
    after_success,
    after_trouble,
    as_patience,
    take_turn,
)
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import RateLimited
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import read_json

#: Who waits for a hold, or for whom asks first, looks again this often.
_LOOK_EVERY_S = 0.5
#: Nobody makes anything for so long; some shares say that somebody does although nobody does.
_ALONE_WITHIN_S = 300.0


class Pace:
    """The shared gate. `hold_base_s`: the first wait that nobody gave a length.

    `patience_s`: a longer hold is told, and not waited for.
    """

    def __init__(
        self,
        path: Path,
        interval: timedelta,
        clock: Clock,
        hold_base_s: float = HOLD_BASE_S,
        patience_s: float = 60.0,
    ) -> None:
        self._path, self._interval_s, self._clock = path, interval.total_seconds(), clock
        self._hold_base_s, self._patience_s = hold_base_s, patience_s
        self._goes_first = False

    @property
    def interval_s(self) -> float:
        """The spacing of page requests."""
        return self._interval_s

    def wait_turn(self, kind: RequestClass) -> Why | None:
        """Sleep until this request's turn. What the hold before it was for, when it goes first; else None.

        Who goes first owes the others a word: `answered`, `limited`, `troubled` or `gave_up`. Raises RateLimited when
        the hold is longer than our patience.
        """
        while True:
            patience, now, turn, is_granted = self._take_turn(kind)
            goes_first = is_granted and patience.is_unproven
            if not is_granted:
                if patience.left_s(now) > self._patience_s:
                    raise self._limit(patience)
                self._clock.sleep(min(max(turn - now, 0.01), _LOOK_EVERY_S))
                continue
            self._goes_first = goes_first
            try:
                if self._sleep_until_turn(turn - now, goes_first):
                    return patience.why if goes_first else None
            except BaseException:
                self.gave_up()
                raise

    def limited(self, retry_after_s: float | None, why: Why = Why.LIMITED) -> RateLimited:
        """Note that Bandcamp said to wait; the error that tells until when everyone does."""
        jitter = random.random()
        return self._limit(
            self._update(lambda p, now: after_limit(p, now, retry_after_s, self._hold_base_s, jitter, why))
        )

    def troubled(self, mark: str, why: Why) -> RateLimited | None:
        """Note that this request met trouble of the server's; the error to tell when it is more than this request's."""
        jitter = random.random()
        patience = self._update(lambda p, now: after_trouble(p, now, mark, self._hold_base_s, jitter, why))
        return self._limit(patience) if patience.left_s(self._now()) else None

    def answered(self) -> None:
        """Note a good answer."""
        self._goes_first = False
        patience = self._read()
        if patience.level or patience.is_unproven or patience.troubled:
            self._update(after_success)

    def gave_up(self) -> None:
        """Who went first did not ask after all: somebody else may."""
        if self._goes_first:
            self._goes_first = False
            self._update(lambda p, _: replace(p, probe_until=0.0))

    def held_until(self) -> datetime | None:
        """Until when nothing may be asked; None when asking is allowed."""
        now, patience = self._now(), self._read()
        return _moment(now + left) if (left := patience.left_s(now)) else None

    def is_open(self) -> bool:
        """Whether who does not go first after a hold may ask: somebody did, or nobody does for long."""
        now, patience = self._now(), self._read()
        return patience.is_open(now) or (not patience.left_s(now) and now - patience.hold_until > PROBE_S)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _take_turn(self, kind: RequestClass) -> tuple[Patience, float, float, bool]:
        taken: list[tuple[float, float, bool]] = []

        def take(patience: Patience, now: float) -> Patience:
            after, turn, is_granted = take_turn(patience, kind, now, self._interval_s)
            taken.append((now, turn, is_granted))
            return after

        patience = self._update(take)
        return patience, *taken[-1]

    def _sleep_until_turn(self, wait_s: float, goes_first: bool) -> bool:
        """Sleep by a clock that does not jump; False as soon as everybody was told to wait meanwhile."""
        until = self._clock.monotonic() + wait_s
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, 1.0))
            patience, now = self._read(), self._now()
            if patience.left_s(now) or not (goes_first or patience.is_open(now)):
                return False
        return True

    def _limit(self, patience: Patience) -> RateLimited:
        return RateLimited(_moment(patience.hold_until), patience.why.words)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read(self) -> Patience:
        return read_patience(self._path)

    def _update(self, change: Callable[[Patience, float], Patience]) -> Patience:
        """The patience after `change(patience, now)`. What is now is asked with the lock in hand: who waited for it
        would judge by a moment of before what another one noted meanwhile."""
        atomic.make_folder(self._path.parent)
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            with FileLock(lock, timeout=10, fallback_to_soft=False):
                return self._change(change)
        except (Timeout, NotImplementedError, OSError):
            if os.path.lexists(lock) and not lock.is_file():
                quarantine(lock, self._clock.now(), "it is no file")
            # A file system without locks, or a holder that hangs: politeness for this process alone is what is left.
            return self._change(change)

    def _change(self, change: Callable[[Patience, float], Patience]) -> Patience:
        before = self._read()
        patience = change(before, self._now())
        if patience != before:
            atomic.write_json(self._path, asdict(patience), durable=False)
        return patience


def read_patience(path: Path) -> Patience:
    """What the file says; patience without a past when it is not there, or not what it should be."""
    try:
        return as_patience(read_json(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Patience()


def standing_hold(path: Path, now: datetime) -> RateLimited | None:
    """The hold that stands, for who only looks; None when there is none."""
    patience = read_patience(path)
    left = patience.left_s(now.timestamp())
    return RateLimited(now + timedelta(seconds=left), patience.why.words) if left else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def alone(path: Path, clock: Clock) -> Iterator[None]:
    """Be the only process that makes `path`, where the file system has locks. Raises Stopped."""
    lock, until = FileLock(f"{path}.lock", fallback_to_soft=False), clock.monotonic() + _ALONE_WITHIN_S
    try:
        while not lock.is_locked and clock.monotonic() < until:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                clock.sleep(_LOOK_EVERY_S)
    except (NotImplementedError, OSError):
        pass
    try:
        yield
    finally:
        lock.release()
