"""Which sessions are over before their time.

A session lies in its cookie, and whoever has copied the cookie has the session. So each has an id of its own, and the
ids of those that were logged out count no more. They are kept in `state/`, so that a restart does not forget them:

    dashboard.logged-out.json    {id: when, in seconds since the epoch}
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Lock

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import parse_json, read_bytes

log = logging.getLogger(__name__)

LIFETIME = timedelta(days=30)
FILE = "dashboard.logged-out.json"
#: One has to be logged in to log out, so there are never many; beyond it the oldest are forgotten.
MAX_KEPT = 1000
_MAX_BYTES = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    """An id for a session that begins."""
    return secrets.token_hex(16)


class LoggedOut:
    """The ids of the sessions that were logged out, for as long as their cookies would last. `path`: where they lie."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock, self._lock = path, clock, Lock()
        self._ids = self._read()

    def __contains__(self, id: object) -> bool:
        """Whether the session of this id is over."""
        return id in self._ids

    def add(self, id: str) -> None:
        """The session of this id is over, from now on. Where the folder cannot be written: until the next restart."""
        with self._lock:
            # What another process has written meanwhile counts, too.
            kept = self._lasting({**self._read(), **self._ids, id: self._clock()})
            self._ids = kept
            try:
                atomic.write_json(self._path, kept, 0o600)
            except OSError as error:
                log.warning("a log-out is forgotten with the next restart: %s: %s", self._path, error.strerror)

    def _read(self) -> dict[str, float]:
        """What the file holds; nothing when it is not there, or is garbage."""
        try:
            found = parse_json(read_bytes(self._path, _MAX_BYTES))
        except (OSError, ValueError):
            return {}
        return self._lasting(found) if isinstance(found, dict) else {}

    def _lasting(self, ids: Mapping[str, object]) -> dict[str, float]:
        """Those whose cookies may still last, the newest that may be kept."""
        now = self._clock()
        since = now - LIFETIME.total_seconds()
        known = {id: at for id, at in ids.items() if _ID.fullmatch(id) and isinstance(at, int | float)}
        # A time to come is of a clock that jumped.
        lasting = {id: float(min(at, now)) for id, at in known.items() if at > since}
        return dict(sorted(lasting.items(), key=lambda pair: pair[1])[-MAX_KEPT:])
