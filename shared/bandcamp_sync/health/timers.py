"""When the loops run next: each leaves its timers in `state/timers/<service>.json`, whoever publishes units reads them.

A loop knows when it is due; supervisord knows only that it runs. On a host systemd has timers of its own.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.health.unit import Timer


class Timetable:
    """One loop's timers; writes only what is news, as it is told twice a second."""

    def __init__(self, folder: Path, service: str) -> None:
        self._path = folder / f"{service}.json"
        self._told: dict[str, Timer] | None = None

    def tell(self, timers: Mapping[str, Timer]) -> None:
        """Leave these timers, by unit name. Raises OSError."""
        if timers != self._told or not self._path.exists():
            atomic.write_json(self._path, {name: asdict(timer) for name, timer in timers.items()}, durable=False)
            self._told = dict(timers)


def read_timers(folder: Path) -> dict[str, Timer]:
    """Every loop's timers by unit name; a file that is not what it should be tells nothing."""
    found: dict[str, Timer] = {}
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            value = read_json(path)
            found |= {str(name): Timer(**fields) for name, fields in value.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return found
