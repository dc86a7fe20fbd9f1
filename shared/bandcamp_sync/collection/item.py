"""A purchase, as the scraper lists it and everything else reads it. Pure."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from bandcamp_sync.clock import rfc3339

#: Characters that turn the direction of what follows them, the rest of a line with it.
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
KEY_PATTERN = re.compile(r"[a-z]{1,3}\d{1,20}")


def _in_utc(moment: datetime) -> datetime:
    """One without a zone is in UTC, as all are that we write. Raises ValueError at the ends of time."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("there is no such time in UTC") from None


Moment = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(rfc3339, when_used="json")]
#: Ids come as numbers or strings, and change type now and then; kept as text where only compared.
IdText = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


def is_key(text: str) -> bool:
    """Whether `text` can be the key of a purchase (and so, safely, a file name)."""
    return KEY_PATTERN.fullmatch(text) is not None


class Item(BaseModel):
    """One purchase (a sale item).

    `key`: sale_item_type + sale_item_id, its only name. `tralbum`: the release itself, `a123` or `t123` (None where
    Bandcamp does not say). `redownload_url` is a bearer secret, None for what has no download.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(pattern=f"^{KEY_PATTERN.pattern}$")
    item_id: int | None = None
    item_type: str = "album"
    band_name: str | None = None
    item_title: str | None = None
    item_url: str | None = None
    art_id: IdText | None = None
    purchased: Moment | None = None
    is_preorder: bool = False
    hidden: bool = False
    redownload_url: str | None = Field(None, repr=False)
    tralbum: str | None = None
    tracks: int | None = None

    @property
    def artist(self) -> str:
        """The seller's name, or a stand-in for null."""
        return self.band_name or "Unknown Artist"

    @property
    def title(self) -> str:
        """The title, or a stand-in for null."""
        return self.item_title or f"Untitled {self.key}"

    @property
    def label(self) -> str:
        """`Artist - Title (key)`, for lines that a person reads."""
        return f"{self.artist} - {self.title} ({self.key})".translate(_TURNING)


class Capture(BaseModel):
    """One listing of everything bought: the content of `collection.json`.

    `complete`: the walk reached the end of every list. `owned`: the tralbums that Bandcamp said are owned at that
    time. `full_walk_at`: when everything was last walked (a short walk merges into an older capture). `unlisted`:
    tralbums that are owned and that the last full walk did not list.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_version: Literal[1] = Field(1, alias="schema")
    fan_id: int
    username: str | None = None
    captured_at: Moment
    complete: bool
    items: tuple[Item, ...] = ()
    owned: tuple[str, ...] = ()
    full_walk_at: Moment | None = None
    unlisted: tuple[str, ...] = ()

    def by_key(self) -> dict[str, Item]:
        """The purchases by their key."""
        return {item.key: item for item in self.items}
