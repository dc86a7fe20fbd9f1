"""Publishes units in `health/<name>.json`, whole or not at all."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.health.unit import Unit


def publish(folder: Path, name: str, units: Iterable[Unit], now: datetime, publisher: str = "") -> None:
    """Say how these units are. `publisher` names who says so. Raises OSError.

    The file's time is the sign of life that a reader goes by, so it is written again and again, without fsync.
    """
    listed = [unit.to_json() for unit in units]
    value = {"published_at": rfc3339(now), "publisher": publisher, "units": listed}
    atomic.write_json(folder / f"{name}.json", value, durable=False)
