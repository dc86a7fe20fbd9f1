"""The journal: who asked for what, when, and what came of it. One small file each in `state/actions/`.

    asked ──▶ running ──▶ done, failed
      ▲          │
      └─ waits ──┘

It only tells of what happens: what makes a stage act is a request (`control.py`). So nothing here raises, and a journal
that cannot be written is no reason to stop work. What the dashboard asks for is written before its request is left, so
that whoever takes the request finds it here (`deeds.py`). The file of what runs is touched now and then: one that is
left untouched was a killed process's, and readers are told so.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import KEY_PATTERN
from bandcamp_sync.control import Verb, is_asked
from bandcamp_sync.errors import BandcampSyncError, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

#: The newest that are kept.
KEPT = 100
_OUTCOME_CHARS = 400
_FILE_LIMIT = 16 * 1024
#: What runs and gave no sign of life for so long runs no more.
_DEAD_AFTER = timedelta(minutes=3)
#: What is asked lies in `control/` as well, but for the moment between two writes.
_REQUEST_GRACE = timedelta(minutes=1)
_CUT_OFF = "it was cut off: its process ended before it was done"
#: A temporary file older than this has no writer any more.
_ABANDONED_S = 3600.0
_LOST = "its request is gone, and nobody noted what came of it"


class By(StrEnum):
    """Who asked."""

    DASHBOARD = "dashboard"
    COMMAND_LINE = "command line"
    TIMER = "timer"


class State(StrEnum):
    """How far it is."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339, when_used="json")]
_ID = r"\d{8}T\d{12}Z-[0-9a-f]{6}"


class Action(BaseModel):
    """One entry. `id` sorts by time; `key`: the purchase it is about, None when it is about all; `outcome`: a sentence,
    of what runs or waits only where there is something to say."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern=f"^{_ID}$")
    verb: str = Field(pattern=r"^[a-z-]{1,20}$")
    key: str | None = Field(None, pattern=f"^{KEY_PATTERN.pattern}$")
    by: By
    asked_at: _Moment
    state: State
    ended_at: _Moment | None = None
    outcome: str | None = Field(None, max_length=_OUTCOME_CHARS)


# --- asking ---------------------------------------------------------------------------------------------------------


@contextmanager
def asking(data: DataFolder, now: datetime, verb: str, by: By, key: str | None = None) -> Iterator[None]:
    """Write that `verb` is asked for; the body leaves the request. When it cannot, the action has failed."""
    action = new(verb, by, now, key, State.ASKED)
    begin(data, action)
    try:
        yield
    except BaseException as error:
        write(data, ended(action, State.FAILED, sentence_of(error), now))
        raise


def note(data: DataFolder, now: datetime, verb: str, by: By, outcome: str, key: str | None = None) -> None:
    """Write what was asked for and done at once."""
    begin(data, ended(new(verb, by, now, key, State.DONE), State.DONE, outcome, now))


def sentence_of(error: BaseException) -> str:
    """What a person is told of an error that ended an action."""
    match error:
        case Stopped() | KeyboardInterrupt():
            return "it was stopped before it was done"
        case BandcampSyncError():
            return str(error)
        case OSError():
            return f"{error.filename or 'the data folder'}: {error.strerror or type(error).__name__}"
        case ModuleNotFoundError():
            return f"{error.name} is not installed here"
        case _:
            return f"unexpected: {type(error).__name__} (see the log)"


# --- looking --------------------------------------------------------------------------------------------------------


def recent(data: DataFolder, now: datetime, limit: int = KEPT) -> list[dict[str, Any]]:
    """The newest actions, the newest first, as the API shows them. What is no action is skipped."""
    found: list[dict[str, Any]] = []
    for path in reversed(_paths(data)):
        if len(found) >= limit:
            break
        with suppress(OSError, ValueError, OverflowError):
            touched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            action = _as_it_is(data, _read(path), touched, now)
            shown = action.model_dump(mode="json")
            found.append({**shown, "outcome": redact(action.outcome) if action.outcome else None})
    return found


def _as_it_is(data: DataFolder, action: Action, touched: datetime, now: datetime) -> Action:
    """The action, or what must have become of it."""
    if action.state is State.RUNNING and now - touched > _DEAD_AFTER:
        return ended(action, State.FAILED, _CUT_OFF, touched)
    if action.state is State.ASKED and now - action.asked_at > _REQUEST_GRACE and not _waits(data, action.verb):
        return ended(action, State.FAILED, _LOST, touched)
    return action


def _waits(data: DataFolder, verb: str) -> bool:
    try:
        return is_asked(data, (Verb(verb),))
    except (OSError, ValueError):
        return False


# --- files ----------------------------------------------------------------------------------------------------------


def new(verb: str, by: By, now: datetime, key: str | None, state: State) -> Action:
    """An entry that is not written yet. Raises ValueError for what is no verb or no key."""
    name = f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z-{token_hex(3)}"
    return Action(id=name, verb=str(verb), key=key, by=by, asked_at=now, state=state)


def ended(action: Action, state: State, outcome: str | None, now: datetime | None) -> Action:
    """The action as it is from now on; `outcome` is cut to what may be shown."""
    told = None
    if outcome:
        # Redacted whole, then cut: half a secret would not be known as one.
        told = " ".join(redact(outcome).encode(errors="replace").decode().split())
        told = told if len(told) <= _OUTCOME_CHARS else told[: _OUTCOME_CHARS - 1] + "…"
    return action.model_copy(update={"state": state, "outcome": told, "ended_at": now})


def begin(data: DataFolder, action: Action) -> None:
    """Write a new one, and let the oldest go."""
    write(data, action)
    for path in _paths(data)[:-KEPT]:
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        for path in atomic.leftovers(data.actions):
            if path.stat().st_mtime < action.asked_at.timestamp() - _ABANDONED_S:
                path.unlink()


def path_of(data: DataFolder, action: Action) -> Path:
    """Its file."""
    return data.actions / f"{action.id}.json"


def write(data: DataFolder, action: Action) -> None:
    """Write it down, or its next state over it. Where that cannot be done, the journal is silent about it."""
    try:
        atomic.write_text(path_of(data, action), action.model_dump_json(indent=1) + "\n", durable=False)
    except (OSError, ValueError, OverflowError) as error:
        log.debug("the journal of actions is not written: %s", error)


def _paths(data: DataFolder) -> list[Path]:
    """The journal's files, the oldest first."""
    pattern = "[0-9]" * 8 + "T" + "[0-9]" * 12 + "Z-*.json"
    with suppress(OSError):
        return sorted(data.actions.glob(pattern))
    return []


def every(data: DataFolder) -> Iterator[Action]:
    """Every entry as it was written, the oldest first."""
    for path in _paths(data):
        with suppress(OSError, ValueError):
            yield _read(path)


def _read(path: Path) -> Action:
    """Raises OSError, and ValueError for what is no action."""
    action = Action.model_validate_json(read_bytes(path, _FILE_LIMIT))
    if path.name != f"{action.id}.json":
        raise ValueError(f"{path.name} calls itself {action.id}")
    return action
