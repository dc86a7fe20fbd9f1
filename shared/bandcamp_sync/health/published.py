"""Reads the units that others publish in `health/<source>.json`: a list of units, or `{"units": [...]}`.

A file that nobody renewed for `STALE` tells nothing any more: its units turn `unknown`/`stale`. Silence is never green.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bandcamp_sync.files.reading import read_json
from bandcamp_sync.health.unit import Unit

STALE = timedelta(seconds=90)

Published = dict[str, Any]


def read_units(folder: Path, now: datetime) -> list[Published]:
    """Every published unit, by name. A file that cannot be read counts as silence."""
    units: list[Published] = []
    try:
        paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    except OSError:
        return units
    for path in paths:
        try:
            age = now.timestamp() - path.stat().st_mtime
            value = read_json(path)
        except (OSError, ValueError):
            continue
        listed = value.get("units") if isinstance(value, dict) else value
        stale = abs(age) > STALE.total_seconds()
        units += [_unit(one, stale) for one in listed if _has_name(one)] if isinstance(listed, list) else []
    return sorted(units, key=lambda unit: (unit["name"], unit["source"]))


def _has_name(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and bool(value["name"])


def _told(value: dict[str, Any], name: str, default: Any) -> Any:
    """A field's value if it is of its kind; else what a unit is that says nothing of it."""
    told = value.get(name, default)
    kinds: tuple[type, ...] = (int,) if name in ("main_pid", "restarts") else (str,)
    may_be_none = default is None and told is None
    return told if may_be_none or (isinstance(told, kinds) and not isinstance(told, bool)) else default


def _unit(value: dict[str, Any], stale: bool) -> Published:
    unit = {name: _told(value, name, default) for name, default in Unit(value["name"]).to_json().items()}
    if stale:
        unit |= {"active_state": "unknown", "sub_state": "stale", "main_pid": None, "next_elapse": None}
    return unit
