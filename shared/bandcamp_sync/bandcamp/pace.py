"""Patience with Bandcamp, shared by all processes of the stack through one small file.

Every request takes a turn: turns of one class of request are spaced, and when Bandcamp says 429 nobody asks anything
until the hold is over. The hold grows with each 429 in a row; `Retry-After` is a floor, never a target.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import RateLimited
from bandcamp_sync.files import atomic


class RequestClass(StrEnum):
    """Bandcamp's limits differ by what is asked; so does our spacing."""

    COLLECTION = "collection"
    PAGE = "page"
    STAT = "stat"
    FILE = "file"
    ART = "art"


#: Spacing in units of REQUEST_INTERVAL. Three collection walks in a minute earned others a 429; stat and file hosts
#: stand apart from the pages.
SPACING = {
    RequestClass.COLLECTION: 2.0,
    RequestClass.PAGE: 1.0,
    RequestClass.STAT: 0.25,
    RequestClass.FILE: 0.25,
    RequestClass.ART: 0.25,
}
HOLD_BASE_S = 10.0
HOLD_MAX_S = 900.0
#: A hold beyond this is a clock that jumped, or an answer that lies.
LONGEST_HOLD_S = 86400.0


@dataclass(frozen=True)
class Patience:
    """The file's content; times in seconds since 1970. `level`: how many 429 came without a success between."""

    hold_until: float = 0.0
    level: int = 0
    next_turn: dict[str, float] = field(default_factory=dict)


def take_turn(patience: Patience, kind: RequestClass, now: float, interval_s: float) -> tuple[Patience, float]:
    """The next free turn of this class, and the patience with that turn taken."""
    # A turn far in the future is no turn of ours but a clock that jumped back.
    latest = now + 3600.0
    hold = patience.hold_until if patience.hold_until <= now + LONGEST_HOLD_S else now
    planned = patience.next_turn.get(kind.value, 0.0)
    turn = max(now, hold, planned if planned <= latest else now)
    following = {**patience.next_turn, kind.value: turn + SPACING[kind] * interval_s}
    return replace(patience, next_turn=following), turn


def after_limit(patience: Patience, now: float, retry_after_s: float | None, base_s: float, jitter: float) -> Patience:
    """The patience after a 429. Several workers that were told at the same moment count as one."""
    already_held = patience.hold_until > now
    level = patience.level if already_held else patience.level + 1
    # `Retry-After` obeyed to the second, again and again, has ended in a long refusal: it grows as our own base does.
    first_s = base_s if retry_after_s is None else max(retry_after_s, min(1.0, base_s))
    wait = min(first_s * 2.0 ** (max(level, 1) - 1), max(HOLD_MAX_S, first_s))
    until = now + min(wait * (1.0 + 0.3 * jitter), LONGEST_HOLD_S)
    standing = patience.hold_until if patience.hold_until <= now + LONGEST_HOLD_S else now
    return replace(patience, hold_until=max(standing, until), level=level)


def after_success(patience: Patience) -> Patience:
    """One good answer halves the suspicion, so that a storm does not start again at full speed."""
    return replace(patience, level=patience.level // 2)


class Pace:
    """The shared gate. `hold_base_s`: first wait after a 429 without `Retry-After`."""

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

    @property
    def interval_s(self) -> float:
        """The spacing of page requests."""
        return self._interval_s

    def wait_turn(self, kind: RequestClass) -> None:
        """Sleep until this request's turn. Raises RateLimited when Bandcamp's hold is longer than our patience."""
        now = self._now()
        patience = self._update(lambda p: take_turn(p, kind, now, self._interval_s)[0])
        turn = patience.next_turn[kind.value] - SPACING[kind] * self._interval_s
        if turn - now > self._patience_s and patience.hold_until > now:
            raise RateLimited(datetime.fromtimestamp(patience.hold_until, UTC))
        # The rest of the wait is counted by a clock that does not jump.
        until = self._clock.monotonic() + turn - now
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, 5.0))
            # A 429 that another worker met while we slept holds us too.
            held_s = self._read().hold_until - self._now()
            if 0 < held_s <= LONGEST_HOLD_S:
                until = max(until, self._clock.monotonic() + held_s)

    def limited(self, retry_after_s: float | None) -> datetime:
        """Note a 429; returns until when everyone waits."""
        now, jitter = self._now(), random.random()
        patience = self._update(lambda p: after_limit(p, now, retry_after_s, self._hold_base_s, jitter))
        return datetime.fromtimestamp(patience.hold_until, UTC)

    def answered(self) -> None:
        """Note a good answer."""
        if self._read().level:
            self._update(after_success)

    def held_until(self) -> datetime | None:
        """Until when nothing may be asked; None when asking is allowed."""
        until = self._read().hold_until
        return datetime.fromtimestamp(until, UTC) if self._now() < until <= self._now() + LONGEST_HOLD_S else None

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read(self) -> Patience:
        try:
            value = json.loads(self._path.read_bytes())
            turns = {str(k): float(v) for k, v in value["next_turn"].items()}
            return Patience(float(value["hold_until"]), int(value["level"]), turns)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Patience()

    def _update(self, change: Callable[[Patience], Patience]) -> Patience:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self._path}.lock", timeout=10):
                patience = change(self._read())
                atomic.write_json(self._path, asdict(patience), durable=False)
                return patience
        except (Timeout, NotImplementedError):
            # A file system without locks, or a holder that hangs: politeness for this process alone is what is left.
            patience = change(self._read())
            atomic.write_json(self._path, asdict(patience), durable=False)
            return patience
