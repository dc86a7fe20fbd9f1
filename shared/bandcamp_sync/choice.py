"""The choice: fetch everything, or only what is bought from a moment on. `state/from-now-on.json` has it.

It is asked for by a file in `control/`, like all else, and the reconciler alone writes it. While it is `from now on`,
each reconcile puts what was bought before that moment, and has no receipt, onto the ignore list before it queues
anything, also what a later scrape finds. Which those were is remembered, so that `everything` takes back just those.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import Item, is_key
from bandcamp_sync.control import Request, Verb, ask
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import NotAFile, read_json
from bandcamp_sync.ignore import change_ignored, read_ignored
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

EVERYTHING, FROM_NOW_ON = "everything", "from-now-on"
CHOICES = (EVERYTHING, FROM_NOW_ON)


@dataclass(frozen=True)
class Choice:
    """`since`: None for everything. `keys`: what was put onto the ignore list for it, whether or not it is there still.

    `adding`: what is being put there, as a reconcile may be killed between the two files.
    """

    since: datetime | None = None
    keys: frozenset[str] = frozenset()
    adding: frozenset[str] = frozenset()

    @property
    def mode(self) -> str:
        """One of `CHOICES`."""
        return EVERYTHING if self.since is None else FROM_NOW_ON


def read_choice(data: DataFolder) -> Choice | None:
    """What was chosen; None when nothing ever was, which does the same as `everything`."""
    return _choice_in(_read(data.choice))


def _choice_in(value: object) -> Choice | None:
    if not isinstance(value, dict) or "since" not in value:
        return None
    since = _moment(value["since"])
    if since is None and value["since"] is not None:
        return None
    return Choice(since, _keys(value.get("keys")), _keys(value.get("adding")))


def check_choice(data: DataFolder, now: datetime) -> None:
    """Put a file that is no choice aside. What it had put onto the ignore list stays there, so nothing is fetched."""
    try:
        if _choice_in(read_json(data.choice)) is not None:
            return
        problem = "it is no choice"
    except FileNotFoundError:
        return
    except NotAFile as error:
        problem = str(error.strerror)
    except ValueError:
        problem = "it is no JSON"
    except OSError as error:
        log.warning("%s cannot be read (%s)", data.choice, error.strerror)
        return
    quarantine(data.choice, now, problem)


def ask_choice(data: DataFolder, mode: str, now: datetime) -> None:
    """Ask for one of `CHOICES`; `from-now-on` counts from `now`. The newest wish wins."""
    if mode not in CHOICES:
        raise ValueError(f"{mode!r} is none of {', '.join(CHOICES)}")
    at = now.astimezone(UTC).isoformat()
    ask(data, Verb.CHOOSE, content={"since": rfc3339(now) if mode == FROM_NOW_ON else None, "at": at})


def asked_choice(data: DataFolder) -> str | None:
    """Which of `CHOICES` is asked for, and not taken yet."""
    wish = _read(data.control / f"{Verb.CHOOSE}.request")
    if not isinstance(wish, dict) or "since" not in wish:
        return None
    return EVERYTHING if wish["since"] is None else FROM_NOW_ON


def choose(data: DataFolder, wanted: Request) -> None:
    """Take the newest of the wishes for the choice. Idempotent."""
    wishes = [value for path in wanted.paths if isinstance(value := _read(path), dict) and "since" in value]
    if not wishes:
        log.warning("a choice was asked for, and it is not said which; nothing is changed")
        return
    newest = max(wishes, key=lambda wish: str(wish.get("at")))
    before, since = read_choice(data) or Choice(), _moment(newest["since"])
    if since is not None:
        _write(data, replace(before, since=since))
        log.info("from now on: what was bought before %s is not fetched", rfc3339(since))
        return
    back = (before.keys | before.adding) & read_ignored(data)
    change_ignored(data, drop=back)
    _write(data, Choice())
    log.info("everything is fetched; %d purchases are taken back from the ignore list", len(back))


def too_old(
    choice: Choice | None, items: Iterable[Item], had: Collection[str], ignored: Collection[str]
) -> frozenset[str]:
    """The keys that the choice puts onto the ignore list. `had`: those with a receipt.

    One whose day is not known counts as old. What was put there once, and taken off by a person, stays off.
    """
    if choice is None or choice.since is None:
        return frozenset()
    since = choice.since
    old = {item.key for item in items if item.purchased is None or item.purchased < since}
    return frozenset(old - set(had) - set(ignored) - choice.keys) | choice.adding


def put_aside(data: DataFolder, choice: Choice | None, keys: frozenset[str]) -> None:
    """Put `keys` onto the ignore list, and remember that it was done for the choice."""
    if choice is None or not keys:
        return
    _write(data, replace(choice, adding=keys))
    change_ignored(data, add=sorted(keys))
    _write(data, replace(choice, keys=choice.keys | keys, adding=frozenset()))
    log.info("from now on: %d older purchases are on the ignore list now", len(keys))


def _write(data: DataFolder, choice: Choice) -> None:
    value = {
        "chosen": choice.mode,
        "since": rfc3339(choice.since) if choice.since else None,
        "keys": sorted(choice.keys),
        "adding": sorted(choice.adding),
    }
    atomic.write_json(data.choice, value)


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _keys(value: object) -> frozenset[str]:
    listed = value if isinstance(value, list) else []
    return frozenset(key for key in listed if isinstance(key, str) and is_key(key))
