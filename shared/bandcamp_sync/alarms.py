"""Alarms: what is wrong with the whole, until it is over. One small file each in `state/alarms/`.

An alarm is told once (log, notification) when it is raised, stays visible in `status`, and goes when the stage that
raised it finds things right again.
"""

import json
import logging
from datetime import datetime

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

SESSION = "session"
MUSIC_FOLDER = "music-folder"
COLLECTION = "collection"
BANDCAMP = "bandcamp"
DISK = "disk"


def raise_alarm(data: DataFolder, name: str, sentence: str, needs_person: bool, now: datetime) -> bool:
    """Raise it, or keep it raised; True when it is new or says something new."""
    path = data.alarms / f"{name}.json"
    known = _read(data).get(name)
    if known is not None and known["sentence"] == sentence:
        return False
    log.error("ALARM %s: %s", name, sentence)
    alarm = {"name": name, "sentence": sentence, "needs_person": needs_person, "since": rfc3339(now)}
    atomic.write_json(path, alarm)
    return True


def clear_alarm(data: DataFolder, name: str) -> bool:
    """It is over; True when it was raised."""
    path = data.alarms / f"{name}.json"
    if not path.exists():
        return False
    atomic.remove(path)
    log.info("alarm %s is over", name)
    return True


def raised_alarms(data: DataFolder) -> list[dict[str, object]]:
    """The alarms that stand: name, sentence, needs_person, since."""
    return list(_read(data).values())


def _read(data: DataFolder) -> dict[str, dict[str, object]]:
    alarms: dict[str, dict[str, object]] = {}
    try:
        paths = sorted(data.alarms.glob("*.json"))
    except OSError:
        return alarms
    for path in paths:
        try:
            value = json.loads(path.read_bytes())
            alarms[path.stem] = {
                "name": path.stem,
                "sentence": str(value["sentence"]),
                "needs_person": bool(value["needs_person"]),
                "since": str(value["since"]),
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return alarms
