"""What systemd says of its user units, in the one shape of a unit. Pure.

Given are the words of `systemctl --user show --timestamp=unix --property=...`, a block of `Property=value` lines for
each unit, and of `systemctl --user list-timers --all --output=json` (microseconds since 1970; null when a timer does
not run; systemd 252).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.health.unit import HOST_UNITS, UNITS, WORKER_PREFIX, Timer, Unit, about

#: What to ask for: names, and a pattern for the workers that there are.
ASKED = (*UNITS, *HOST_UNITS, f"{WORKER_PREFIX}*")

PROPERTIES = (
    "Id",
    "Description",
    "LoadState",
    "ActiveState",
    "SubState",
    "StateChangeTimestamp",
    "MainPID",
    "NRestarts",
    "Result",
    "ExecMainStartTimestamp",
)

Shown = Mapping[str, str]


def host_units(shown: str, timers_json: str, due: Mapping[str, Timer]) -> list[Unit]:
    """The units that systemd showed, by name. What it did not say stays empty; what has no name is left out.

    `due`: for a timer that only asks whether its time has come, what its program left about that. Its next elapse is
    then the later of systemd's next tick and the program's own time; none when the program waits for nothing.
    """
    blocks = {block["Id"]: block for block in parse_show(shown) if block.get("Id")}
    ticks = parse_timers(timers_json)
    return [_unit(block, blocks, ticks, due) for _, block in sorted(blocks.items())]


def parse_show(text: str) -> list[dict[str, str]]:
    """The properties of each unit; a line without `=` is skipped."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.split("\n"):
        name, is_property, value = line.partition("=")
        if is_property:
            blocks[-1][name] = value
        elif not line.strip():
            blocks.append({})
    return [block for block in blocks if block]


def parse_timers(text: str) -> dict[str, str]:
    """When each timer elapses next, RFC 3339; a timer that does not wait is left out."""
    try:
        listed = json.loads(text)
    except ValueError:
        return {}
    found = {}
    for timer in listed if isinstance(listed, list) else ():
        name, next_us = (timer.get("unit"), timer.get("next")) if isinstance(timer, dict) else (None, None)
        at = _moment(next_us / 1e6) if isinstance(next_us, int) and next_us > 0 else None
        if isinstance(name, str) and at is not None:
            found[name] = at
    return found


def _unit(shown: Shown, all_shown: Mapping[str, Shown], ticks: Mapping[str, str], due: Mapping[str, Timer]) -> Unit:
    name = shown["Id"]
    service, description = about(name)
    return Unit(
        name=name,
        description=description or shown.get("Description", ""),
        source="host",
        service=service,
        load_state=shown.get("LoadState") or "unknown",
        active_state=shown.get("ActiveState") or "unknown",
        sub_state=shown.get("SubState") or "unknown",
        since=_since(shown.get("StateChangeTimestamp", "")),
        main_pid=_number(shown.get("MainPID")) or None,
        restarts=_number(shown.get("NRestarts")),
        next_elapse=_next_elapse(shown, ticks, due),
        last_result=_last_result(shown, all_shown),
    )


def _next_elapse(shown: Shown, ticks: Mapping[str, str], due: Mapping[str, Timer]) -> str | None:
    name = shown["Id"]
    tick = ticks.get(name)
    # While the service runs, the list still holds the time of the elapse that started it.
    if tick is None or shown.get("SubState") != "waiting":
        return None
    if name not in due:
        return tick
    at = due[name].next_elapse
    return max(tick, at) if at is not None else None  # both are UTC in one format


def _last_result(shown: Shown, all_shown: Mapping[str, Shown]) -> str | None:
    """How the last run ended. A timer or path that is well itself is as good as its service."""
    name, result = shown["Id"], shown.get("Result") or None
    if name.endswith(".service"):
        return result if shown.get("ExecMainStartTimestamp") or result != "success" else None
    if result == "success":
        started = all_shown.get(f"{name.rpartition('.')[0]}.service")
        return _last_result(started, all_shown) if started is not None else None
    return result


def _since(text: str) -> str | None:
    seconds = text.removeprefix("@")
    return _moment(float(seconds)) if seconds != text and seconds.isascii() and seconds.isdigit() else None


def _moment(seconds: float) -> str | None:
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _number(text: Any) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else 0
