"""Watches a stack from the outside while it runs: a browser's questions, its stream, the library, the weights."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests
from leaks.needles import Needles, of_world

from soak import processes
from soak.figures import Figures, Weights
from soak.library import LibraryWatch
from soak.stack import SoakStack

#: What a page asks for in turn, and what a program does.
_PATHS = (
    *(
        "/api/status",
        "/api/queue",
        "/api/collection?per_page=500",
        "/healthz",
        "/",
        "/api/logs?lines=500",
        "/collection",
    ),
    *("/metrics", "/api/actions", "/api/throughput", "/logs", "/api/setup", "/setup", "/api/openapi.json"),
)
_ASK_EVERY_S, _LOOK_EVERY_S, _WEIGH_EVERY_S = 0.25, 1.0, 5.0
_TIMEOUT_S = 20.0
#: After which a process has read its books, and is as large as it should be.
_GROWN_S = 60.0


class Watch:
    """From `start` to `stop`; what it sees goes to `figures`."""

    def __init__(self, stack: SoakStack, library: LibraryWatch, figures: Figures) -> None:
        self._stack, self.library, self._figures = stack, library, figures
        self._over = threading.Event()
        self._silent_since: float | None = None
        self._grown: dict[int, tuple[float, int | None]] = {}
        self._logins: list[str] = []
        self._needles = Needles({})
        self.new_login()
        self._threads = [
            threading.Thread(target=self._keep, args=(deed, every_s), daemon=True)
            for deed, every_s in (
                (self._ask_next, _ASK_EVERY_S),
                (self._listen, 0.2),
                (self.look, _LOOK_EVERY_S),
                (self._weigh, _WEIGH_EVERY_S),
            )
        ]
        self._turn = 0

    def start(self) -> "Watch":
        """Begin to watch."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S + 5)

    def new_login(self) -> None:
        """The world has another login, or more purchases, none of whose secrets may be seen from now on."""
        world = self._stack.standin.world
        if world.identity is not None:
            self._logins.append(world.identity)
        self._needles = Needles(of_world(world, self._logins))

    def check(self, where: str, data: bytes) -> None:
        """That there is no secret in what was seen there."""
        for hit in self._needles.hits(data):
            self._figures.violated(f"a secret in {where}: {hit}")

    # --- the dashboard -----------------------------------------------------------------------------------------------

    def _ask_next(self) -> None:
        path = _PATHS[self._turn % len(_PATHS)]
        self._turn += 1
        try:
            answer = requests.get(self._stack.url + path, timeout=_TIMEOUT_S)
        except requests.RequestException:
            self._figures.unanswered += 1
            self._silent_since = self._silent_since or time.monotonic()
            return
        finally:
            if self._silent_since is not None:
                silent_s = time.monotonic() - self._silent_since
                self._figures.longest_silence_s = max(self._figures.longest_silence_s, silent_s)
        self._silent_since = None
        self._figures.asked += 1
        self.check(path, answer.content)
        if answer.status_code != 200:
            self._figures.violated(f"GET {path}: {answer.status_code} {answer.text[:200]}")
        elif path.startswith("/api/"):
            self._check_answer(path, answer)

    def _check_answer(self, path: str, answer: requests.Response) -> None:
        try:
            told = answer.json()
        except ValueError:
            self._figures.violated(f"GET {path}: no JSON")
            return
        name = path.partition("?")[0]
        if name == "/api/status" and sum(told["counts"].values()) != told["purchases"]:
            self._figures.violated(f"the counts do not add up: {told['counts']} of {told['purchases']} purchases")
        if name == "/api/collection":
            keys = [item["key"] for item in told["items"]]
            counted = dict.fromkeys(told["counts"], 0)
            for item in told["items"]:
                counted[item["state"]] += 1
            all_there = told["total"] == len(keys) and counted == told["counts"]
            if len(set(keys)) != len(keys) or (not all_there and told["pages"] == 1):
                self._figures.violated(f"the collection does not add up: {told['counts']}, listed {counted}")

    def _listen(self) -> None:
        """Until the stream breaks, as it does whenever the dashboard is struck."""
        with (
            suppress(requests.RequestException),
            requests.get(f"{self._stack.url}/api/events", stream=True, timeout=_TIMEOUT_S) as stream,
        ):
            if stream.status_code != 200:
                self._figures.violated(f"GET /api/events: {stream.status_code}")
                return
            for line in stream.iter_lines():
                if self._over.is_set():
                    return
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        self.check("/api/events", line)
        if not line.startswith(b"data: "):
            return
        self._figures.events += 1
        with suppress(ValueError):
            json.loads(line.removeprefix(b"data: "))
            return
        # A stream that is cut off in the middle of a line gives half of one.
        if line.endswith(b"}"):
            self._figures.violated("an event holds no JSON")

    # --- the rest ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """At the library, and at what arrived."""
        self.library.look()
        self._figures.looks = self.library.looks

    def _weigh(self) -> None:
        now = time.monotonic()
        for one in processes.weigh(self._stack.supervisord):
            seen = (one.rss, one.fds)
            weights = self._figures.weights.setdefault(one.program, Weights(seen, seen, seen))
            weights.see(*seen)
            since, grown = self._grown.setdefault(one.pid, (now, None))
            if grown is None and now - since > _GROWN_S:
                self._grown[one.pid] = since, one.rss
            elif grown is not None:
                weights.growth = max(weights.growth, one.rss - grown)

    def _keep(self, deed: Callable[[], Any], every_s: float) -> None:
        while not self._over.wait(every_s):
            try:
                deed()
            except Exception as error:  # a watcher that ends would let everything pass
                self._figures.violated(f"the watch itself failed: {deed.__name__}: {error!r}")
