"""A clock that shows its owner is alive: whoever keeps asking the time is not stuck.

Every stage asks its clock while it walks, downloads or waits. So a file that is touched now and then when it does is
what a container's health check looks at (`ALIVE_FILE`; unset on a host, where nothing looks).
"""

import time
from datetime import datetime
from pathlib import Path

from bandcamp_sync.clock import Clock

_TOUCH_EVERY_S = 10.0
_SLICE_S = 15.0


class BeatingClock(Clock):
    """The real clock; touches `path` at most every ten seconds while it is used."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._path = path
        self._touched = float("-inf")

    def now(self) -> datetime:
        """The present, aware, UTC."""
        self._beat()
        return super().now()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        self._beat()
        return super().monotonic()

    def check(self) -> None:
        """Raise `Stopped` when asked to end. Who asks that again and again (a long decode) is alive, too."""
        self._beat()
        super().check()

    def sleep(self, seconds: float) -> None:
        """Wait; raises `Stopped` as soon as `stop()` is called. A long wait is a sign of life, too."""
        left = max(0.0, seconds)
        while True:
            self._beat()
            part = min(left, _SLICE_S)
            super().sleep(part)
            left -= part
            if left <= 0:
                return

    def _beat(self) -> None:
        now = time.monotonic()
        if self._path is None or now - self._touched < _TOUCH_EVERY_S:
            return
        self._touched = now
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        except OSError:
            self._path = None  # a health check without its file says so itself
