"""What was asked of the stand-in: every request, with its outcome and without its secrets."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from standin.exchange import Request, Route

_KEPT = 200_000  # entries; a demo that runs for months must not grow for ever


@dataclass
class Entry:
    """One request. `query` holds the names of its parameters only: the values are secrets."""

    time: float
    method: str
    path: str
    query: list[str]
    kind: str
    key: str | None
    had_identity_cookie: bool
    range: str | None
    user_agent: str | None
    host: str | None
    status: int = 0
    fault: str | None = None
    bytes_sent: int = 0
    finished: bool = False


class RequestLog:
    """The requests so far, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._running = 0
        self._changed = threading.Condition()

    def open(self, request: Request, route: Route) -> Entry:
        """Note a request before anything is sent, so that no answer comes before its entry."""
        entry = Entry(
            time=time.time(),
            method=request.method,
            path=request.path,
            query=sorted(request.query),
            kind=route.kind,
            key=route.key,
            had_identity_cookie="identity" in request.cookies,
            range=request.headers.get("range"),
            user_agent=request.headers.get("user-agent"),
            host=request.headers.get("host"),
        )
        if route.kind != "control":
            with self._changed:
                self._entries.append(entry)
                self._running += 1
        return entry

    def close(self, entry: Entry) -> None:
        """The answer is on its way, or broken off."""
        with self._changed:
            entry.finished = True
            self._running -= entry.kind != "control"
            self._changed.notify_all()

    def entries(self, *, kind: str | None = None, key: str | None = None) -> list[Entry]:
        """The entries of a class or of a purchase, once running answers had a moment to end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, 0.3)
            return [
                entry
                for entry in self._entries
                if (kind is None or entry.kind == kind) and (key is None or entry.key == key)
            ]

    def report(self) -> list[dict[str, Any]]:
        """The entries as JSON; `class` is the class that rules match."""
        rows = []
        for entry in self.entries():
            row = asdict(entry)
            row["class"] = row.pop("kind")
            rows.append(row)
        return rows

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def __len__(self) -> int:
        return len(self._entries)
