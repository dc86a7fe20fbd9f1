"""Alarms: what is wrong with the whole, until it is over. One small file each in `state/alarms/`.

An alarm is told once (log, notification) when it is raised, stays visible in `status`, and goes when the stage that
raised it finds things right again. Its sentence may change meanwhile (how much room is left, which answer showed that
nobody is logged in); that is shown, and no news.
"""

import logging
from datetime import datetime
from pathlib import Path

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

#: The alarms that this process told of and no disk took, so that it tells them once.
_unwritten: set[Path] = set()

SESSION = "session"
MUSIC_FOLDER = "music-folder"
COLLECTION = "collection"
BANDCAMP = "bandcamp"
DISK = "disk"
#: Other users of this machine can read the cookies, or put others in their place.
EXPOSED = "exposed-cookies"


def raise_alarm(data: DataFolder, name: str, sentence: str, needs_person: bool, now: datetime) -> bool:
    """Raise it, or keep it raised; True when it is new."""
    path = data.alarms / f"{name}.json"
    known = _read(data).get(name)
    if known is not None and (known["sentence"], known["needs_person"]) == (sentence, needs_person):
        return False
    # What only tells and what wants a person are two things, also under one name.
    is_new = known is None or (needs_person and not known["needs_person"])
    if is_new and path not in _unwritten:
        log.error("ALARM %s: %s", name, sentence)
    since = rfc3339(now) if known is None or is_new else known["since"]
    alarm = {"name": name, "sentence": sentence, "needs_person": needs_person, "since": since}
    try:
        atomic.write_json(path, alarm)
    except OSError as error:
        # What it tells of may be this very disk; what raised it goes on to say so.
        _unwritten.add(path)
        log.debug("the alarm %s is not written: %s", name, error.strerror)
        return False
    _unwritten.discard(path)
    return is_new


def clear_alarm(data: DataFolder, name: str) -> bool:
    """It is over; True when it was raised."""
    path = data.alarms / f"{name}.json"
    _unwritten.discard(path)
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
