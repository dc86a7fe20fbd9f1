"""Reads the units that others publish in `health/<source>.json`: a list of units, or `{"units": [...]}`.

A file that nobody renewed for `STALE` tells nothing any more: its units turn `unknown`/`stale`. Silence is never green.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

STALE = timedelta(seconds=90)

#: A unit's fields, and what each is when its source does not say.
_FIELDS: dict[str, Any] = {
    "name": None,
    "description": "",
    "source": "host",
    "service": None,
    "load_state": "loaded",
    "active_state": "unknown",
    "sub_state": "unknown",
    "since": None,
    "main_pid": None,
    "restarts": 0,
    "next_elapse": None,
    "last_result": None,
}

Unit = dict[str, Any]


def read_units(folder: Path, now: datetime) -> list[Unit]:
    """Every published unit, by name. A file that cannot be read counts as silence."""
    units: list[Unit] = []
    try:
        paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    except OSError:
        return units
    for path in paths:
        try:
            age = now.timestamp() - path.stat().st_mtime
            value = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        listed = value.get("units") if isinstance(value, dict) else value
        stale = abs(age) > STALE.total_seconds()
        units += [_unit(one, stale) for one in listed if _has_name(one)] if isinstance(listed, list) else []
    return sorted(units, key=lambda unit: (unit["name"], unit["source"]))


def _has_name(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and bool(value["name"])


def _unit(value: dict[str, Any], stale: bool) -> Unit:
    unit = {name: value.get(name, default) for name, default in _FIELDS.items()}
    if stale:
        unit |= {"active_state": "unknown", "sub_state": "stale", "main_pid": None, "next_elapse": None}
    return unit
