"""`GET /metrics`: a few gauges in Prometheus' text format."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bandcamp_sync.health.overall import Overall
from bandcamp_sync.views import Views
from flask import Blueprint, Response


def blueprint(views: Views) -> Blueprint:
    """The one page for Prometheus."""
    metrics = Blueprint("metrics", __name__)

    @metrics.get("/metrics")
    def scrape_me() -> Response:
        text = "".join(_lines(views.status(), views.queue()))
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    return metrics


def _lines(status: Mapping[str, Any], queue: Mapping[str, Any]) -> Iterator[str]:
    yield from _gauge("info", "The version that runs.", [({"version": status["version"]}, 1)])
    states = [({"state": state.value}, float(status["state"] == state)) for state in Overall]
    yield from _gauge("state", "1 for the state that the whole is in.", states)
    yield from _gauge("purchases", "Purchases by state; they add up to all.", _by_state(status["counts"]))
    yield from _gauge("jobs", "Jobs by the folder of the inbox that they lie in.", _by_state(queue["counts"]))
    speed = sum(float(one["bytes_per_second"] or 0) for one in queue["current"])
    yield from _gauge("download_bytes_per_second", "What comes in now.", [({}, speed)])
    yield from _gauge("music_bytes", "The music that the receipts name.", _one(status["disk"]["music"]))
    yield from _gauge("disk_free_bytes", "Free room on the music disk.", _one(status["disk"]["free"]))
    yield from _gauge("logged_in", "Whether the session works.", [({}, float(status["session"]["logged_in"]))])
    expires = _moment(status["session"]["expires"])
    yield from _gauge("session_expires_timestamp_seconds", "When the login ends.", expires)
    last = _moment(status["scrape"]["last_run_at"])
    yield from _gauge("last_scrape_timestamp_seconds", "When the last scrape ended.", last)
    raised = [({"name": str(alarm["name"])}, 1.0) for alarm in status["alarms"]]
    yield from _gauge("alarm", "1 for each alarm that stands.", raised)


def _gauge(name: str, meaning: str, samples: list[tuple[dict[str, str], float]]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP bandcampsync_{name} {meaning}\n# TYPE bandcampsync_{name} gauge\n"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"bandcampsync_{name}{{{inside}}} {value:.17g}\n" if inside else f"bandcampsync_{name} {value:.17g}\n"


def _by_state(counts: Mapping[str, int]) -> list[tuple[dict[str, str], float]]:
    return [({"state": state}, float(number)) for state, number in counts.items()]


def _one(value: float | None) -> list[tuple[dict[str, str], float]]:
    return [] if value is None else [({}, float(value))]


def _moment(text: str | None) -> list[tuple[dict[str, str], float]]:
    try:
        return [({}, datetime.fromisoformat(text).timestamp())] if text else []
    except ValueError:
        return []


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
