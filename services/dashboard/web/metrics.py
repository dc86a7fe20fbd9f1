"""`GET /metrics`: how everything is, for Prometheus. One process answers, so its own numbers are all there are."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from time import perf_counter
from typing import Any

from bandcamp_sync.health.overall import Overall
from bandcamp_sync.throughput import MAX_HOURS, read_throughput
from bandcamp_sync.views import Views
from flask import Blueprint, Response, g, request
from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from services.dashboard.web.streams import Streams

_PREFIX = "bandcampsync_"
#: From a health check to a collection of twenty thousand on a small machine.
_LATENCIES_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_Samples = Iterable[tuple[tuple[str, ...], float]]


def blueprint(views: Views, streams: Streams) -> Blueprint:
    """The one page for Prometheus."""
    metrics = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(Numbers(views, streams))
    for of_the_process in (ProcessCollector, PlatformCollector, GCCollector):
        of_the_process(registry=registry)
    latency = Histogram(
        f"{_PREFIX}request_seconds",
        "From a request to its answer, or to the start of one that is a stream.",
        ("endpoint", "method", "status"),
        buckets=_LATENCIES_S,
        registry=registry,
    )

    @metrics.get("/metrics")
    def scrape_me() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    @metrics.before_app_request
    def note_when() -> None:
        g.began = perf_counter()

    @metrics.after_app_request
    def note_how_long(response: Response) -> Response:
        if "began" in g and request.endpoint is not None:
            kind = f"{response.status_code // 100}xx"
            latency.labels(request.endpoint, request.method, kind).observe(perf_counter() - g.began)
        return response

    return metrics


class Numbers(Collector):
    """What the views tell, as gauges; looked up whenever somebody asks."""

    def __init__(self, views: Views, streams: Streams) -> None:
        self._views, self._streams = views, streams

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge that has a value."""
        status, queue = self._views.status(), self._views.queue()
        yield from _of_status(status)
        yield _gauge("jobs", "Jobs by the folder of the inbox that they lie in.", ("state",), _by_name(queue["counts"]))
        yield from _of_downloads(queue["current"])
        lately = read_throughput(self._views.data, self._views.clock.now(), MAX_HOURS)
        yield _one("fetched_bytes_last_day", "What came in within the last 24 hours.", lately["total_bytes"])
        yield _one("streams", "Clients that listen to events now.", self._streams.listening)


def _of_status(status: Mapping[str, Any]) -> Iterator[GaugeMetricFamily]:
    yield _gauge("info", "The version that runs.", ("version",), [((status["version"],), 1)])
    states = [((state.value,), float(status["state"] == state)) for state in Overall]
    yield _gauge("state", "1 for the state that the whole is in.", ("state",), states)
    yield _gauge("purchases", "Purchases by state; they add up to all.", ("state",), _by_name(status["counts"]))
    # By name and source once, whatever is published: twice the same would make the whole page unreadable.
    units = {(unit["name"], unit["source"]): float(unit["active_state"] == "active") for unit in status["units"]}
    yield _gauge("unit_active", "1 for each unit that is active, else 0.", ("name", "source"), units.items())
    raised = [((str(alarm["name"]),), 1.0) for alarm in status["alarms"]]
    yield _gauge("alarm", "1 for each alarm that stands.", ("name",), raised)
    yield _one("music_bytes", "The music that the receipts name.", status["disk"]["music"])
    yield _one("disk_free_bytes", "Free room on the music disk.", status["disk"]["free"])
    yield _one("disk_total_bytes", "All the room of the music disk.", status["disk"]["total"])
    yield _one("logged_in", "Whether the session works.", status["session"]["logged_in"])
    expires, last = _moment(status["session"]["expires"]), _moment(status["scrape"]["last_run_at"])
    yield _one("session_expires_timestamp_seconds", "When the login ends.", expires)
    yield _one("last_scrape_timestamp_seconds", "When the last scrape ended.", last)


def _of_downloads(current: Iterable[Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    listed = list(current)
    yield _one("downloads", "Downloads that run now.", len(listed))
    yield _one("download_bytes_per_second", "What comes in now.", sum(_number(d["bytes_per_second"]) for d in listed))


def _gauge(name: str, meaning: str, labels: tuple[str, ...], samples: _Samples) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}{name}", meaning, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _one(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    return _gauge(name, meaning, (), [] if value is None else [((), float(value))])


def _by_name(counts: Mapping[str, int]) -> _Samples:
    return [((name,), float(number)) for name, number in counts.items()]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _moment(text: str | None) -> float | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp() if text else None
    return None
