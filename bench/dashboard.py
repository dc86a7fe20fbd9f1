"""What the dashboard takes with a big collection and a crowd that listens. Run `make bench`.

20,000 purchases in all states with their receipts, a real gunicorn, 50 clients of event streams, and jobs that change
five times a second. Printed: each endpoint's p50 and p99, alone and with the crowd, and how many times a `/healthz` of
the same moments it takes; how late a change arrives; a browser's time to a usable page; memory; processor time at
rest; and the tail of a log of a gigabyte against one of a megabyte. Nothing is asserted. ITEMS and CLIENTS may be set.
"""

import http.client
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "shared")]

import logtail  # noqa: E402
import look  # noqa: E402
import shelf  # noqa: E402
from bandcamp_sync.paths import DataFolder  # noqa: E402
from bandcamp_sync.spool.job import State  # noqa: E402
from browser.served import Dashboard  # noqa: E402
from crowd import Crowd  # noqa: E402

ITEMS = int(os.environ.get("ITEMS", "20000"))
CLIENTS = int(os.environ.get("CLIENTS", "50"))
ROUNDS = 60
CHANGES_PER_S = 5
REST_S = 10.0

#: What is asked of it. A number in braces is replaced by another one each time, so that no answer is a cached one.
ENDPOINTS: tuple[tuple[str, str], ...] = (
    ("status", "/api/status"),
    ("queue", "/api/queue"),
    ("collection, first page", "/api/collection"),
    ("collection, search", "/api/collection?q=winter%20{turn}"),
    ("collection, one state", "/api/collection?state=failed,waiting"),
    ("collection, deep page", "/api/collection?page={page}"),
    ("collection, by size", "/api/collection?sort=-size&page={turn}"),
    ("one item", "/api/items/{key}"),
    ("actions", "/api/actions"),
    ("throughput", "/api/throughput"),
    ("logs, 200 lines", "/api/logs?lines=200"),
    ("metrics", "/metrics"),
    ("page: overview", "/"),
    ("page: collection", "/collection"),
    ("page: logs", "/logs"),
    ("a static file", "/static/css/frame.css"),
)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        data = DataFolder(Path(scratch) / "data")
        shelf.fill(data, ITEMS)
        logtail.write_log(data.logs / "worker.log", 1_000_000)
        began = time.perf_counter()
        dashboard = Dashboard(data)
        try:
            _measure(dashboard, time.perf_counter() - began)
        finally:
            dashboard.stop()
        logtail.report(Path(scratch))


def _measure(dashboard: Dashboard, started_s: float) -> None:
    asker = Asker(dashboard)
    first_s = asker.ask("/api/collection")
    before = look.memory(dashboard.pid)
    alone = {name: asker.times(path) for name, path in ENDPOINTS}
    streams = ["/api/events", "/live/overview"] * (CLIENTS // 2)
    with Crowd(dashboard.url, streams) as crowd:
        time.sleep(2)
        rest = look.processor_share(dashboard.pid, REST_S)
        lags = _lags(dashboard, crowd)
        with _changes(dashboard.data):
            busy = {name: asker.times(path) for name, path in ENDPOINTS}
            working = look.processor_share(dashboard.pid, REST_S)
        after = look.memory(dashboard.pid)
        told = crowd.open
        page = look.time_to_page(dashboard.url, ITEMS)
    print(f"{ITEMS:,} purchases, {told} of {len(streams)} streams open, {CHANGES_PER_S} changes a second\n")
    _print_table(alone, busy)
    print(f"\n{'from a change to its event, p50 / p99':44}{_p(lags, 50):8.0f} /{_p(lags, 99):6.0f} ms")
    print(f"{'from start to the first answer':44}{started_s * 1000:8.0f} ms")
    print(f"{'the first look at the collection':44}{first_s * 1000:8.0f} ms")
    for name, seconds in page:
        print(f"{name:44}{seconds * 1000:8.0f} ms")
    print(f"{'memory (PSS), nobody listening / the crowd':44}{before / 1e6:8.0f} /{after / 1e6:6.0f} MB")
    print(f"{'processor, the crowd at rest / with changes':44}{rest:8.1%} /{working:7.1%} of one core")


@dataclass(frozen=True)
class Times:
    """Milliseconds of an endpoint, and of `/healthz` asked in between; `code` is what it answered."""

    own: list[float]
    floor: list[float]
    code: int


class Asker:
    """One client that keeps its connection."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._connection = http.client.HTTPConnection(dashboard.bind, timeout=60)
        self._turns = itertools.count(1)
        self.code = 0

    def ask(self, path: str) -> float:
        """Seconds until the answer is here whole."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        answer.read()
        self.code = answer.status
        return time.perf_counter() - began

    def times(self, path: str) -> Times:
        """An endpoint's times, one `/healthz` beside each."""
        own, floor, code = [], [], 0
        self._connection.close()  # it may have been idle for longer than the server waits
        for _ in range(ROUNDS):
            turn = next(self._turns) % 40 + 1
            own.append(1000 * self.ask(path.format(turn=turn, page=ITEMS // 50 - turn, key=shelf.key(turn * 97))))
            code = self.code
            floor.append(1000 * self.ask("/healthz"))
        return Times(own, floor, code)


def _lags(dashboard: Dashboard, crowd: Crowd) -> list[float]:
    """Milliseconds from a change on disk until each client of `/api/events` has it; one change at a time."""
    found: list[float] = []
    for number in range(10):
        time.sleep(1.2 + number * 0.037)  # so that it falls anywhere between two looks
        crowd.await_mark("/api/events", b"event: queue")
        shelf.put(dashboard.data, State.IN_PROGRESS if number % 2 == 0 else State.PENDING, shelf.key(88))
        time.sleep(1.5)
        found += [1000 * wait for wait in crowd.waits("/api/events")]
    return found


@contextmanager
def _changes(data: DataFolder) -> Iterator[None]:
    """Jobs go from pending to in_progress and back meanwhile, and their downloads proceed."""
    over = Event()

    def change() -> None:
        for number in itertools.count():
            state = State.IN_PROGRESS if number % 2 == 0 else State.PENDING
            shelf.put(data, state, shelf.key(100 * (number // 2 % 50) + 89))
            if over.wait(1 / CHANGES_PER_S):
                return

    thread = Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _print_table(alone: dict[str, Times], busy: dict[str, Times]) -> None:
    print(f"{'':24}{'alone':>16}{'':9}{'with the crowd':>16}")
    print(f"{'milliseconds':24}{'p50':>8}{'p99':>8}{'x floor':>9}{'p50':>8}{'p99':>8}{'x floor':>9}")
    for name in alone:
        if alone[name].code != 200:
            print(f"{name:24}{'answers ' + str(alone[name].code):>16}")
            continue
        print(f"{name:24}{_columns(alone[name])}{_columns(busy[name])}")
    floors = [[wait for times in found.values() for wait in times.floor] for found in (alone, busy)]
    print(f"{'floor: /healthz':24}" + "".join(f"{_p(f, 50):8.1f}{_p(f, 99):8.1f}{'1.0':>9}" for f in floors))


def _columns(times: Times) -> str:
    return f"{_p(times.own, 50):8.1f}{_p(times.own, 99):8.1f}{_p(times.own, 50) / _p(times.floor, 50):9.1f}"


def _p(values: Sequence[float], percent: int) -> float:
    """A percentile; of few values the p99 is the greatest."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


if __name__ == "__main__":
    main()
