"""What all streams of events share.

Each stream holds a thread of the server for as long as a page is open. One looker looks for all of them; the others
sleep until it saw something new, so that a hundred pages at rest cost no more than one.
"""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from typing import Any

from bandcamp_sync.logs.watch import Watch
from bandcamp_sync.views import Views
from flask import Response, request, session

from services.dashboard.web.listeners import Listener, left
from services.dashboard.web.problems import problem

log = logging.getLogger(__name__)

#: Each takes a thread of the server (see gunicorn.conf.py); some must be left for everything else.
MAX_STREAMS = 100
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
        #: Whether there are new lines, for all who follow the logs.
        self.logs = Watch(views.data.logs)
        #: Whether the server ends. Asked by the looker, and by streams that wait for something of their own.
        self.is_closing: Callable[[], bool] = lambda: False
        #: Whether the session of this id was logged out. Asked before each text; `wake` lets all streams ask at once.
        self.is_over: Callable[[str], bool] = lambda session_id: False
        self._topics: dict[str, Callable[[], Any]] = {
            "status": lambda: _timeless(views.status()),
            "queue": lambda: _timeless(views.queue()),
            "collection": self._collection,
        }
        self._look_lock = Lock()
        self._looked = float("-inf")
        # The rest is changed under this lock alone; whoever waits for news waits for it.
        self._news = Condition()
        self._seen = Seen({}, {})
        self._listeners: set[Listener] = set()
        self._following = 0
        self._looker: Thread | None = None
        self._calls = 0
        self._ends = False

    def add_topic(self, name: str, look: Callable[[], Any]) -> None:
        """Tell of one thing more. What `look` returns, a new object each time, becomes JSON, and is an event whenever
        it differs."""
        self._topics[name] = look

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def connections(self) -> set[socket.socket]:
        """The sockets of those who listen."""
        return {one.connection for one in self._listeners_now() if one.connection is not None}

    def look(self) -> Seen:
        """Every topic as of at most a moment ago, for all who ask; the same object while nothing changed."""
        with self._look_lock:
            if time.monotonic() - self._looked >= LOOK_EVERY_S * 0.9:
                values = {name: look() for name, look in self._topics.items()}
                if values != self._seen.values:
                    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
                    with self._news:
                        self._seen = Seen(values, texts)
                        self._news.notify_all()
                self._looked = time.monotonic()
            return self._seen

    def follow(self) -> Iterator[Seen | None]:
        """What there is to see, and again whenever it differs; None now and then. Ends with the server."""
        with self._news:
            self._following += 1
        try:
            # One's own look: what was seen last may be old, and the looker comes by in a moment only.
            calls, seen = self._calls, self.look()
            yield seen
            while not self.is_closing():
                known, seen = seen, self._await(seen, calls)
                # RACE: who is called after this, while the text is written, does not wait for the next news.
                calls = self._calls
                yield None if seen is known else seen
        finally:
            with self._news:
                self._following -= 1

    def _await(self, known: Seen, calls: int) -> Seen:
        with self._news:
            self._news.wait_for(lambda: self._seen is not known or self._calls != calls or self._ends, _SIGN_EVERY_S)
            return self._seen

    def respond(self, source: Callable[[], Iterator[str]]) -> Response:
        """Stream the texts of `source`, an empty one being a sign of life; 503 when there are too many streams."""
        response = self.hand_out(lambda: _signs_of_life(source()), "text/event-stream; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response

    def hand_out(self, source: Callable[[], Iterator[str]], content_type: str) -> Response:
        """Answer with the texts of `source`, however long that lasts while the client takes them; 503 when there are
        too many of those."""
        session_id = str(session.get("id", ""))
        listener = Listener(request.environ.get("gunicorn.socket"), lambda: self.is_over(session_id))
        if not self._admit(listener):
            return problem(503, f"{MAX_STREAMS} streams are open already", {"Retry-After": "10"})
        response = Response(listener.told(source()), content_type=content_type)
        response.call_on_close(lambda: self._dismiss(listener))
        return response

    def _admit(self, listener: Listener) -> bool:
        with self._news:
            if len(self._listeners) >= MAX_STREAMS:
                return False
            self._listeners.add(listener)
            if self._looker is None:
                self._looker = Thread(target=self._keep_looking, name="looker", daemon=True)
                self._looker.start()
            return True

    def _dismiss(self, listener: Listener) -> None:
        with self._news:
            self._listeners.discard(listener)

    # --- the looker --------------------------------------------------------------------------------------------------

    def _keep_looking(self) -> None:
        """Look for as long as anybody listens."""
        failed = False
        while self._goes_on():
            began = time.monotonic()
            try:
                if self._following:
                    self.look()
                failed = False
            except Exception:
                # A disk that hiccups is no reason to leave everybody without news for ever.
                if not failed:
                    log.exception("what the streams tell of cannot be read")
                failed = True
            # Where a look takes long, half of the time is left for answers.
            time.sleep(max(LOOK_EVERY_S, time.monotonic() - began))
            self._dismiss_the_lost(self._listeners_now())

    def _goes_on(self) -> bool:
        closing = self.is_closing()
        with self._news:
            if self._listeners and not closing:
                return True
            # RACE: whoever comes next finds no looker, and starts one.
            self._looker, self._ends = None, closing
            self._call()
        if closing:
            for listener in self._listeners_now():
                if listener.hangs(for_s=LOOK_EVERY_S):
                    listener.cut_off()
        return False

    def _listeners_now(self) -> list[Listener]:
        with self._news:
            return list(self._listeners)

    def _dismiss_the_lost(self, listeners: Iterable[Listener]) -> None:
        for listener in listeners:
            if listener.hangs():
                listener.cut_off()
        if left(listeners):
            with self._news:
                self._call()

    def wake(self) -> None:
        """Let every stream look at once whether it goes on."""
        with self._news:
            self._call()

    def _call(self) -> None:
        """Wake everybody up without news."""
        self._calls += 1
        self._news.notify_all()

    def _collection(self) -> dict[str, Any]:
        # Asked before the counts: what changes between the two is told by the next look.
        version, pictures = self.views.collection_version()
        return {"version": version, "pictures": pictures, "counts": self.views.ledger.books().counts or {}}


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
        else:
            yield ""


def event(name: str, text: str) -> str:
    """One event; `text` has no line ends."""
    return f"event: {name}\ndata: {text}\n\n"


def _timeless(view: dict[str, Any]) -> dict[str, Any]:
    """Without the time of the answer, which would make every look a change."""
    return {name: value for name, value in view.items() if name != "now"}
