"""A job: one purchase on its way to disk; when done, its receipt. Pure.

The folder that a job lies in is its state (`State`); no field repeats it. Moves, all by rename:

    pending ──claim──▶ in_progress ──finish──▶ done
       ▲                  │    │
       │  release, lease  │    └──fail──▶ failed
       ├───── over ───────┘                 │
       └──────────── due, retry ────────────┘         done ──repair, upgrade──▶ pending
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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


class ReceiptFile(_Value):
    """A file of an album: `path` relative to the album's folder, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class Receipt(_Value):
    """What was placed: the album's folder (relative to the music folder) and its files, each verified.

    `placed_at`: when. `format`: Bandcamp's name, or the stream's. `adopted`: the files were here before us and are
    trusted as they are. `checked_at`: when a better source was last looked for (streams only).
    """

    folder: str
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


class Job(_Value):
    """The content of `<key>.job`. `attempt` counts attempts that failed; `not_before` is when the next is due."""

    schema_version: Literal[1] = Field(1, alias="schema")
    key: str = Field(pattern=f"^{KEY_PATTERN.pattern}$")
    item: Item
    folder: str
    queued_at: Moment
    attempt: int = 0
    not_before: Moment | None = None
    failure: Failure | None = None
    claim: Claim | None = None
    receipt: Receipt | None = None

    @property
    def label(self) -> str:
        """For lines that a person reads."""
        return self.item.label
