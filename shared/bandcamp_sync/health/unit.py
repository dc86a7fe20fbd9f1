"""What runs, in one shape for containers and hosts, with systemd's own words. Pure.

Whoever runs the programs publishes a list of these in `health/<source>.json`: supervisord's listener in a container,
a timer on a host.
"""

from dataclasses import asdict, dataclass
from typing import Any

#: The instance number is in a worker's name: `bandcamp-sync-worker@1.service`.
WORKER_PREFIX = "bandcamp-sync-worker@"

SCRAPE_TIMER = "bandcamp-sync.timer"
RECONCILE_TIMER = "bandcamp-sync-reconcile.timer"
RETRY_TIMER = "bandcamp-sync-retry.timer"

#: Unit: which service of the stack it belongs to, and what it does.
UNITS: dict[str, tuple[str, str]] = {
    SCRAPE_TIMER: ("scraper", "When the purchases are listed next"),
    "bandcamp-sync.service": ("scraper", "Lists the purchases into collection.json"),
    RECONCILE_TIMER: ("reconciler", "When collection and library are compared next"),
    "bandcamp-sync-reconcile.path": ("reconciler", "Watches for a new collection and for what is asked"),
    "bandcamp-sync-reconcile.service": ("reconciler", "Queues what is missing"),
    RETRY_TIMER: ("reconciler", "When the next download is tried again"),
    "bandcamp-dashboard.service": ("dashboard", "Shows what goes on"),
}

#: What there is besides where systemd runs the programs: there, loops are units.
HOST_UNITS: dict[str, tuple[str, str]] = {
    "bandcamp-sync.path": ("scraper", "Watches for new cookies and for what is asked"),
    "bandcamp-sync-retry.service": ("reconciler", "Asks for a reconcile when something is due"),
    "bandcamp-sync-verify.path": ("reconciler", "Watches for a check of the library that is asked"),
    "bandcamp-sync-verify.service": ("reconciler", "Checks every file of the library"),
}


@dataclass(frozen=True)
class Unit:
    """One unit. `since`, `next_elapse`: RFC 3339 or None. `last_result`: systemd's word (`success`, `exit-code`,
    `signal`, ...), None when there was no run. `restarts`: how often it was started again by itself."""

    name: str
    description: str = ""
    source: str = "host"
    service: str | None = None
    load_state: str = "loaded"
    active_state: str = "unknown"
    sub_state: str = "unknown"
    since: str | None = None
    main_pid: int | None = None
    restarts: int = 0
    next_elapse: str | None = None
    last_result: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The shape of the API."""
        return asdict(self)


@dataclass(frozen=True)
class Timer:
    """What a loop says of its timer. `next_elapse`, `last_trigger`: RFC 3339. `last_result`: `success` or `exit-code`.
    `running`: it elapsed, and what it starts is under way."""

    next_elapse: str | None = None
    last_trigger: str | None = None
    last_result: str | None = None
    running: bool = False


def worker_unit(number: int) -> str:
    """The name of the worker with this number, from 1."""
    return f"{WORKER_PREFIX}{number}.service"


def about(name: str) -> tuple[str | None, str]:
    """A unit's service and description, by its name; (None, "") for one that is not ours."""
    if name.startswith(WORKER_PREFIX):
        return "worker", "Downloads and places albums"
    return {**UNITS, **HOST_UNITS}.get(name, (None, ""))
