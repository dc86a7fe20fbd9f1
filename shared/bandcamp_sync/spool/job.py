"""A job: one purchase on its way to disk; when done, its receipt. Pure.

The folder that a job lies in is its state (`State`); no field repeats it. Moves, all by rename:

    pending ──claim──▶ in_progress ──finish──▶ done
       ▲                  │    │
       │  release, lease  │    └──fail──▶ failed
       ├───── over ───────┘                 │
       └──────────── due, retry ────────────┘         done ──repair, upgrade──▶ pending
"""

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from bandcamp_sync.collection.item import KEY_PATTERN, Item, Moment
from bandcamp_sync.errors import Reason


class State(StrEnum):
    """The folders of the spool."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    DONE = "done"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


_PART = r"(?:[^/.\x00][^/\x00]*|\.[^/.\x00][^/\x00]*|\.\.[^/\x00]+)"
#: A relative path that stays below where it begins: no part of it is empty, `.` or `..`. Receipts are only files.
InnerPath = Annotated[str, Field(pattern=f"^{_PART}(?:/{_PART})*$")]


class ReceiptFile(_Value):
    """A file of an album: `path` relative to the album's folder, size in bytes, SHA-256 in hex."""

    path: InnerPath
    size: int
    sha256: str


class Receipt(_Value):
    """What was placed: the album's folder (relative to the music folder) and its files, each verified.

    `placed_at`: when. `format`: Bandcamp's name, or the stream's. `adopted`: the files were here before us and are
    trusted as they are. `checked_at`: when a better source was last looked for (streams only).
    """

    folder: InnerPath
    files: tuple[ReceiptFile, ...]
    format: str
    source: Literal["purchase", "stream"]
    placed_at: Moment
    artist: str | None = None
    title: str | None = None
    adopted: bool = False
    checked_at: Moment | None = None

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


class Failure(_Value):
    """Why the last attempt failed. `link`: a page that the user may open to mend it."""

    reason: Reason
    sentence: str
    at: Moment
    link: str | None = None


class Claim(_Value):
    """Who holds the job. The lease itself is the file's time, which the holder renews."""

    holder: str
    at: Moment


class What(StrEnum):
    """What can happen to a purchase that is worth remembering; a claim is not, there is one before each of these."""

    QUEUED = "queued"
    FAILED = "failed"
    DUE = "due"
    RECOVERED = "recovered"
    GAVE_UP = "gave up"
    RETRIED = "retried"
    DELIVERED = "delivered"
    KEPT = "kept"
    REPAIR = "repair"
    UPGRADE = "upgrade"
    WITHDRAWN = "withdrawn"
    ADOPTED = "adopted"
    REMEMBERED = "remembered"


class Event(_Value):
    """One thing that happened, when, and a sentence about it where there is more to say."""

    at: Moment
    what: What
    sentence: str | None = None


#: A purchase that is looked at each week for years must not have a file that grows for years.
MOST_EVENTS = 30


def _readable(value: Any, read: ValidatorFunctionWrapHandler) -> tuple[Event, ...]:
    # A history explains and drives nothing: an event of another version must not cost the job that carries it.
    events: tuple[Event, ...] = ()
    try:
        events = read(value)
    except ValidationError:
        for one in value if isinstance(value, list | tuple) else ():
            with suppress(ValidationError):
                events += read([one])
    return events[-MOST_EVENTS:]


History = Annotated[tuple[Event, ...], WrapValidator(_readable)]


class Job(_Value):
    """The content of `<key>.job`. `attempt` counts attempts that failed; `not_before` is when the next of a
    failed job is due, and says nothing of others.

    `history`: what happened to it, oldest first, at most `MOST_EVENTS`; `after` adds to it.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    key: str = Field(pattern=f"^{KEY_PATTERN.pattern}$")
    item: Item
    folder: InnerPath
    queued_at: Moment
    attempt: int = 0
    not_before: Moment | None = None
    failure: Failure | None = None
    claim: Claim | None = None
    receipt: Receipt | None = None
    history: History = ()

    def after(self, what: What, at: datetime, sentence: str | None = None) -> "Job":
        """This job with one more event in its history; of too many the oldest are forgotten."""
        event = Event(at=at, what=what, sentence=sentence)
        return self.model_copy(update={"history": (*self.history, event)[-MOST_EVENTS:]})

    @property
    def label(self) -> str:
        """For lines that a person reads."""
        return self.item.label
