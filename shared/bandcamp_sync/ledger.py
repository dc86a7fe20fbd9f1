"""The books, kept in memory and read again only when a file behind them changed. Reads, and changes nothing.

Works without a view of `config/` and `music/`: what it needs of those, the other services publish in `state/`.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from bandcamp_sync.books import Known, Policy, Row, count, rows
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import Capture, is_key
from bandcamp_sync.files import reading
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.kept import KeptOfFiles
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.glance import Glance
from bandcamp_sync.spool.spool import Spool

#: Of the time, at most this share goes into writing up the books while they change without pause.
_SHARE = 0.5


@dataclass(frozen=True)
class Books:
    """The rows, newest purchase first, the sums, and a number that grows with every change."""

    rows: tuple[Row, ...] = ()
    counts: dict[str, int] | None = None
    captured_at: str | None = None
    version: int = 0


class Ledger:
    """Safe to use from several threads."""

    def __init__(self, settings: Settings, data: DataFolder) -> None:
        self._data = data
        self.policy = policy_of(settings)
        self._ignored = KeptOfFiles[frozenset[str]](data.ignore, data.published_ignored)
        self.glance = Glance(Spool(data.inbox))
        self._lock = Lock()
        self._capture: tuple[object, Capture | None] = (None, None)
        self._known: dict[str, Known] = {}
        self._basis: object = None
        self._books = Books()
        self._not_before = 0.0

    def books(self) -> Books:
        """The books as they are now; with very many purchases that change all the time, as of a moment ago."""
        with self._lock:
            now = time.monotonic()
            if now < self._not_before:
                return self._books
            self._write_up()
            cost = time.monotonic() - now
            self._not_before = now + cost / _SHARE if cost > 0.1 else 0.0
            return self._books

    def ignored(self) -> frozenset[str]:
        """The ignored keys; the same object as long as nothing changed, as it is asked for several times a second."""
        return self._ignored.of(lambda: visible_ignored(self._data))

    def _write_up(self) -> None:
        capture_mark, capture = self._read_capture()
        jobs = self.glance.jobs()
        ignored = self.ignored()
        basis = (capture_mark, self.glance.version, ignored)
        if basis == self._basis:
            return
        listed = rows(capture.items, jobs, ignored, self.policy, self._known) if capture else []
        if len(self._known) > len(listed):  # purchases that are listed no more
            listed_keys = {row.item.key for row in listed}
            self._known = {key: known for key, known in self._known.items() if key in listed_keys}
        self._basis = basis
        self._books = Books(
            rows=tuple(listed),
            counts={state.value: number for state, number in count(listed).items()},
            captured_at=rfc3339(capture.captured_at) if capture else None,
            version=self._books.version + 1,
        )

    def _read_capture(self) -> tuple[object, Capture | None]:
        try:
            stat = self._data.collection.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._capture[0] != mark:
                self._capture = (mark, Capture.model_validate_json(reading.read_bytes(self._data.collection)))
        except (OSError, ValidationError):
            self._capture = (None, None)
        return self._capture


def policy_of(settings: Settings) -> Policy:
    """What is wanted, as the user set it."""
    return Policy(settings.include_hidden, settings.stream_fallback, settings.layout)


def visible_ignored(data: DataFolder) -> frozenset[str]:
    """The ignore list itself where it can be seen, else the copy that the reconciler published."""
    if is_seen(data.ignore):
        return read_ignored(data)
    value = read_json(data.published_ignored)
    if not isinstance(value, list):
        return frozenset()
    return frozenset(key for key in value if isinstance(key, str) and is_key(key))


def is_seen(path: Path) -> bool:
    """Whether there is such a file, as far as this process may look: a covered folder may be closed, too."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def read_json(path: Path) -> Any:
    """What a small file of `state/` holds; None when it cannot be read."""
    try:
        return reading.read_json(path)
    except (OSError, ValueError):
        return None
