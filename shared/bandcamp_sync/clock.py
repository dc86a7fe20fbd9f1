"""Time, passed in wherever something waits or dates something, so that a stop is felt within a moment."""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol
from weakref import WeakSet

from bandcamp_sync.errors import Stopped


class Stoppable(Protocol):
    """What can be cut short, from any thread."""

    def end(self) -> None:
        """End what is going on, and let nothing begin any more. Idempotent."""


class Clock:
    """The real clock. `stop()`, from any thread but from no signal handler, ends every sleep at once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._at_stop: WeakSet[Stoppable] = WeakSet()
        self._registering = threading.Lock()

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump, for speeds and time-outs."""
        return time.monotonic()

    def stop(self) -> None:
        """Ask everything that uses this clock to end."""
        self._stop.set()
        with self._registering:
            registered = list(self._at_stop)
        for one in registered:
            one.end()

    def end_at_stop(self, one: Stoppable) -> None:
        """Have `one.end()` called when this clock is stopped, or now; what waits for a silent peer registers so."""
        with self._registering:
            self._at_stop.add(one)
        if self.stopped:
            one.end()

    @property
    def stopped(self) -> bool:
        """Whether `stop()` was called."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Stopped` when asked to end."""
        if self._stop.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait; raises `Stopped` as soon as `stop()` is called."""
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T12:00:00Z`: UTC, whole seconds."""
    # Not strftime: it writes the year 202 with three digits, which nobody reads back.
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
