"""Server-sent events: what changed, within a second of it, and log lines as they are written."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any

from bandcamp_sync.logs.follow import Follower
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, request

from services.dashboard.web.problems import problem

#: Each stream holds a thread of the server (see gunicorn.conf.py); some must be left for everything else.
MAX_STREAMS = 30
LOOK_EVERY_S = 0.4
#: A comment now and then, so that proxies keep the line open and a page that is gone is noticed.
_SIGN_EVERY_S = 10.0


@dataclass(frozen=True, eq=False)
class Seen:
    """What one look found: each topic's value, and the same as JSON."""

    values: dict[str, Any]
    texts: dict[str, str]


class Streams:
    """What all streams share: how many there may be, whether the server ends, and one look for all of them."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self.slots = BoundedSemaphore(MAX_STREAMS)
        self.is_closing: Callable[[], bool] = lambda: False
        self._lock = Lock()
        self._looked = float("-inf")
        self._topics: dict[str, Callable[[], Any]] = {
            "status": lambda: _timeless(views.status()),
            "queue": lambda: _timeless(views.queue()),
            "collection": self._collection,
        }
        self._seen = Seen({}, {})

    def add_topic(self, name: str, look: Callable[[], Any]) -> None:
        """Tell of one thing more. What `look` returns becomes JSON, and is an event whenever it differs."""
        self._topics[name] = look

    def look(self) -> Seen:
        """Every topic as of at most a moment ago, for all who ask; the same object while nothing changed."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_EVERY_S * 0.9:
                values = {name: look() for name, look in self._topics.items()}
                texts = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
                if texts != self._seen.texts:
                    self._seen = Seen(values, texts)
                self._looked = time.monotonic()
            return self._seen

    def respond(self, source: Callable[[], Iterator[str]]) -> Response:
        """Stream the texts of `source`, an empty one being a sign of life; 503 when there are too many streams."""
        if not self.slots.acquire(blocking=False):
            return problem(503, f"{MAX_STREAMS} streams are open already", {"Retry-After": "10"})
        response = Response(_signs_of_life(source()), content_type="text/event-stream; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(self.slots.release)
        return response

    def _collection(self) -> dict[str, Any]:
        books = self.views.ledger.books()
        return {"version": books.version, "counts": books.counts or {}}


def blueprint(views: Views, streams: Streams) -> Blueprint:
    """The two streams."""
    events = Blueprint("events", __name__)

    @events.get("/api/events")
    def all_changes() -> Response:
        return streams.respond(lambda: _changes(streams))

    @events.get("/api/logs/stream")
    def log_lines() -> Response:
        wanted = request.args.get("file") or None
        if wanted is not None and not wanted.isidentifier():
            abort(400, "file is the name of a log, as worker")
        return streams.respond(lambda: _lines(views, streams, wanted))

    return events


def _signs_of_life(source: Iterator[str]) -> Iterator[str]:
    yield "retry: 2000\n\n"
    sent = time.monotonic()
    for text in source:
        if text:
            sent = time.monotonic()
            yield text
        elif time.monotonic() - sent >= _SIGN_EVERY_S:
            sent = time.monotonic()
            yield ": still here\n\n"


def _changes(streams: Streams) -> Iterator[str]:
    """First everything, then what changed; an empty text when nothing did."""
    sent: dict[str, str] = {}
    while not streams.is_closing():
        texts = streams.look().texts
        news = {name: text for name, text in texts.items() if sent.get(name) != text} if texts is not sent else {}
        sent = texts
        yield "".join(event(name, text) for name, text in news.items())
        time.sleep(LOOK_EVERY_S)


def _lines(views: Views, streams: Streams, wanted: str | None) -> Iterator[str]:
    with Follower(views.data.logs) as follower:
        while not streams.is_closing():
            found = [(name, line) for name, line in follower.look() if wanted in (None, name)]
            found.sort(key=lambda pair: pair[1][:24])  # a line begins with its time
            yield "".join(event("line", json.dumps({"file": n, "line": redact(t)})) for n, t in found)
            time.sleep(LOOK_EVERY_S)


def event(name: str, text: str) -> str:
    """One event; `text` has no line ends."""
    return f"event: {name}\ndata: {text}\n\n"


def _timeless(view: dict[str, Any]) -> dict[str, Any]:
    """Without the time of the answer, which would make every look a change."""
    return {name: value for name, value in view.items() if name != "now"}
