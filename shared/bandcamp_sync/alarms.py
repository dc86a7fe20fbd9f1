"""Alarms: what is wrong with the whole, until it is over. One small file each in `state/alarms/`.

An alarm is told once (log, notification) when it is raised, stays visible in `status`, and goes when the stage that
raised it finds things right again.
"""

import logging
from datetime import datetime
from pathlib import Path

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

#: What this process said of alarms that no disk took, so that it says it once.
_unwritten: dict[Path, str] = {}

SESSION = "session"
MUSIC_FOLDER = "music-folder"
COLLECTION = "collection"
BANDCAMP = "bandcamp"
DISK = "disk"
#: Other users of this machine can read the cookies, or put others in their place.
EXPOSED = "exposed-cookies"


def raise_alarm(data: DataFolder, name: str, sentence: str, needs_person: bool, now: datetime) -> bool:
    """Raise it, or keep it raised; True when it is new or says something new."""
    path = data.alarms / f"{name}.json"
    known = _read(data).get(name)
    if known is not None and known["sentence"] == sentence:
        return False
    if _unwritten.get(path) != sentence:
        log.error("ALARM %s: %s", name, sentence)
    alarm = {"name": name, "sentence": sentence, "needs_person": needs_person, "since": rfc3339(now)}
    try:
        atomic.write_json(path, alarm)
    except OSError as error:
        # What it tells of may be this very disk; what raised it goes on to say so.
        _unwritten[path] = sentence
        log.debug("the alarm %s is not written: %s", name, error.strerror)
        return False
    _unwritten.pop(path, None)
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
            value = read_json(path)
            alarms[path.stem] = {
                "name": path.stem,
                "sentence": str(value["sentence"]),
                "needs_person": bool(value["needs_person"]),
                "since": str(value["since"]),
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return alarms
