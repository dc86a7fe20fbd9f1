"""The overview: how everything is, now."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bandcamp_sync.actions import State
from bandcamp_sync.books import Shown
from bandcamp_sync.throughput import read_throughput
from flask import Blueprint, render_template

from services.dashboard.web.site import Site
from services.dashboard.web.words import size_text

PARTS = (
    "welcome",
    "counts",
    "arriving",
    "needs",
    "throughput",
    "lately",
    "session",
    "timers",
    "retries",
    "reconciles",
    "units",
    "actions",
)
HOURS = 12
#: What one bar of the chart stands for.
_BAR_S = 900
#: What alarms are about, for people.
_NEEDS = {
    "session": "Your login",
    "music-folder": "The music folder",
    "collection": "The collection",
    "bandcamp": "Bandcamp",
    "disk": "The disk",
    "verify": "The library",
}
#: A path of more than three parts; what encloses or ends it in a sentence is no part of it.
_LONG_PATH = re.compile(r"(?<![\w/.:])(/[^\s/]+)(?:/[^\s/]+){2,}(/[^\s/,;:)'\"]+)")


def blueprint(site: Site) -> Blueprint:
    """The page at `/`."""
    bp = Blueprint("overview", __name__)
    bp.add_app_template_filter(number_text, "number")
    bp.add_app_template_filter(need_word, "need_word")
    bp.add_app_template_filter(sentence, "sentence")
    bp.add_app_template_filter(short_paths, "short_paths")

    def context(topics: Mapping[str, Any]) -> dict[str, Any]:
        found = read_throughput(site.views.data, site.views.clock.now(), HOURS)
        units = topics["status"]["units"]
        return {
            "queue": topics["queue"],
            "lately": site.views.lately(),
            "hold": topics["status"].get("hold"),
            "states": [state.value for state in Shown],
            "units": [unit for unit in units if not is_timer(unit)],
            "timers": [unit for unit in units if is_timer(unit)],
            "several_sources": len({unit["source"] for unit in units}) > 1,
            "actions": folded(topics.get("actions", [])),
            **chart(found["buckets"], found["bucket_s"]),
        }

    site.live.add("overview", PARTS, context)

    @bp.get("/")
    def index() -> str:
        return render_template("overview.html", **site.live.context("overview"))

    return bp


def number_text(number: Any) -> str:
    """`12,345`; as it is, for what is no whole number."""
    return f"{number:,}" if isinstance(number, int) else str(number)


def need_word(need: Mapping[str, Any]) -> str:
    """What needs somebody, as people call it: of a purchase its name without its key."""
    label = str(need["label"])
    return label.removesuffix(f" ({need['key']})") if need["key"] else _NEEDS.get(label, label)


def sentence(text: str) -> str:
    """With a capital to begin with."""
    return text[:1].upper() + text[1:]


def short_paths(text: str) -> str:
    """With the middle of long paths left out, so that what comes behind them is not cut off."""
    return _LONG_PATH.sub(r"\1/…\2", text)


def folded(actions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The actions, the newest first, each with its `times`: failures that follow each other and are alike are one."""
    found: list[dict[str, Any]] = []
    for action in actions:
        if found and action["state"] == State.FAILED and _kind(action) == _kind(found[-1]):
            found[-1]["times"] += 1
        else:
            found.append({**action, "times": 1})
    return found


def _kind(action: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(action[name] for name in ("verb", "key", "by", "state", "outcome"))


def is_timer(unit: Mapping[str, Any]) -> bool:
    """Whether a unit starts others when its time has come."""
    return str(unit["name"]).endswith(".timer")


def chart(buckets: Iterable[Mapping[str, Any]], bucket_s: int) -> dict[str, Any]:
    """The bars of the throughput chart, the oldest first: heights in percent of the highest, and what each says.

    `buckets`: bytes that came in within `bucket_s` seconds from `at` (RFC 3339) on, without gaps.
    """
    listed = list(buckets)
    per_bar = max(1, _BAR_S // bucket_s)
    groups = [listed[at : at + per_bar] for at in range(0, len(listed), per_bar)]
    sums = [sum(bucket["bytes"] for bucket in group) for group in groups]
    highest = max(sums, default=0)
    bars = [
        {
            # A bar that is there at all can be seen.
            "height": round(max(3.0, 100.0 * found / highest), 1) if found else 0.6,
            "title": f"{group[0]['at'][11:16]} UTC: {size_text(found)}",
        }
        for group, found in zip(groups, sums, strict=True)
    ]
    return {"bars": bars, "hours": HOURS, "total": sum(sums), "busiest": highest / (per_bar * bucket_s)}
