"""How the whole is: one word, and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bandcamp_sync.health.unit import about


class Overall(StrEnum):
    """`failed` waits for a person; `degraded` works, but not all of it; `recovering` mends itself."""

    IDLE = "idle"
    SYNCING = "syncing"
    PAUSED = "paused"
    RECOVERING = "recovering"
    DEGRADED = "degraded"
    FAILED = "failed"


#: What must run for music to arrive, by the service that a unit belongs to, and what is to be said when nothing does.
ROLES = {
    "scraper": "no scraper runs: purchases are not listed",
    "reconciler": "no reconciler runs: nothing new is queued",
    "worker": "no worker runs: nothing is downloaded",
}
#: So long after the dashboard's start nobody is missed yet.
GRACE = timedelta(minutes=1)
#: Alarms that stop the pipeline until a person acts.
STOPPING = frozenset({"session", "music-folder", "disk"})
#: Alarms that tell a person of a danger, while everything works as it should.
WARNING = frozenset({"exposed-cookies"})


@dataclass(frozen=True)
class Seen:
    """What is known.

    `counts`: purchases by state, in the books' words. `held_until`, `held`: nobody asks Bandcamp anything, and why.
    `session_problem`: why nobody is logged in, as it was found last. `scraping`: a scrape is under way.
    `scrape_error`: why the last one failed, None when it went well. `expected_since`: from when on somebody waits for
    services to tell of themselves; None where commands are run by hand, and none has to run.
    """

    now: datetime
    paused: bool = False
    session_problem: str | None = None
    scraping: bool = False
    scrape_error: str | None = None
    held_until: datetime | None = None
    held: str = "Bandcamp asks for patience"
    counts: Mapping[str, int] | None = None
    alarms: Sequence[Mapping[str, Any]] = ()
    units: Sequence[Mapping[str, Any]] = ()
    expected_since: datetime | None = None


def overall(seen: Seen) -> tuple[Overall, list[str]]:
    """The state, and the reasons for it, the most pressing first.

    A pause is what the user wants, so it comes before all; then what needs a person, what is half broken, what mends
    itself, and work. A purchase that failed counts only when no work is left: until then there is better to tell.
    """
    counts = seen.counts or {}
    reasons = {
        Overall.PAUSED: ["paused by you"] if seen.paused else [],
        Overall.FAILED: _stopped(seen),
        Overall.DEGRADED: _half_broken(seen),
        Overall.RECOVERING: _mending(seen),
        Overall.SYNCING: _working(seen, counts),
    }
    state = next((state for state, why in reasons.items() if why), None)
    if state is None:
        state, reasons = _at_rest(counts)
    order = [state, *(other for other in reasons if other is not state)]
    return state, [why for one in order for why in reasons[one]]


def _stopped(seen: Seen) -> list[str]:
    alarms = [str(a["sentence"]) for a in seen.alarms if a.get("needs_person") and a.get("name") in STOPPING]
    if seen.session_problem is not None and seen.session_problem not in alarms:
        alarms.append(seen.session_problem)
    if seen.units and set(_idle_roles(seen)) == set(ROLES):
        alarms.append("nothing runs but the dashboard: start the other services")
    return alarms + [f"{u['name']} has failed" for u in seen.units if u.get("active_state") == "failed"]


def _half_broken(seen: Seen) -> list[str]:
    grave = (a for a in seen.alarms if a.get("name") not in WARNING)
    told = [str(a["sentence"]) for a in grave if not (a.get("needs_person") and a.get("name") in STOPPING)]
    if seen.units and len(idle := _idle_roles(seen)) < len(ROLES):
        told += [ROLES[role] for role in idle]
    if _is_silent(seen):
        told.append("no service has told of itself: start them")
    return told + [f"{u['name']}: no news" for u in seen.units if u.get("active_state") == "unknown"]


def _is_silent(seen: Seen) -> bool:
    """Whether no unit at all was published for longer than a start takes, and nothing shows that somebody works."""
    is_late = seen.expected_since is not None and seen.now - seen.expected_since >= GRACE
    return is_late and not seen.units and not (seen.counts or {}).get("downloading")


def _idle_roles(seen: Seen) -> list[str]:
    """The services that are published as being at rest with nothing that would start them, or not published at all.

    None while the dashboard itself has just been started: the others are about to be heard of.
    """
    if any(_is_new(u, seen.now) for u in seen.units if about(str(u["name"]))[0] == "dashboard"):
        return []
    awake = {about(str(u["name"]))[0] for u in seen.units if u.get("active_state") != "inactive"}
    return [role for role in ROLES if role not in awake]


def _is_new(unit: Mapping[str, Any], now: datetime) -> bool:
    try:
        return timedelta() <= now - datetime.fromisoformat(str(unit.get("since"))) < GRACE
    except (ValueError, TypeError):
        return False


def _mending(seen: Seen) -> list[str]:
    why = []
    if seen.held_until is not None and seen.held_until > seen.now:
        why.append(f"{seen.held}; nothing is asked until {seen.held_until:%H:%M:%S} UTC")
    told = {str(alarm["sentence"]) for alarm in seen.alarms} | {seen.session_problem}
    if seen.scrape_error and seen.scrape_error not in told and not seen.scraping:
        why.append(f"the last scrape failed: {seen.scrape_error}")
    why += [f"{u['name']} is being started again" for u in seen.units if u.get("sub_state") == "auto-restart"]
    return why


def _working(seen: Seen, counts: Mapping[str, int]) -> list[str]:
    why = ["listing your purchases"] if seen.scraping else []
    loading, queued = counts.get("downloading", 0), counts.get("queued", 0)
    if loading:
        why.append(f"{loading:,} downloading")
    if queued:
        why.append(f"{queued:,} queued")
    return why


def _at_rest(counts: Mapping[str, int]) -> tuple[Overall, dict[Overall, list[str]]]:
    failed, waiting = counts.get("failed", 0), counts.get("waiting", 0)
    reasons: dict[Overall, list[str]] = {
        Overall.DEGRADED: [f"{failed:,} failed, and {'wait' if failed > 1 else 'waits'} for you"] if failed else [],
        Overall.RECOVERING: [f"{waiting:,} to be tried again"] if waiting else [],
        Overall.IDLE: [],
    }
    state = next((state for state, why in reasons.items() if why), Overall.IDLE)
    if state is Overall.IDLE:
        known = sum(counts.values())
        reasons[Overall.IDLE] = ["everything is in its place" if known else "no purchases are known yet"]
    return state, reasons
