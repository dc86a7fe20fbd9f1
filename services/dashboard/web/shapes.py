"""The shapes of the API's answers, field by field: what `/api/openapi.json` says, and the tests hold answers against.

Nothing is built of these: the views make the answers, and no answer may have a field that is not here. Times are RFC
3339, sizes bytes.
"""

from typing import Annotated, Any, Literal

from bandcamp_sync.books import Shown
from bandcamp_sync.choice import CHOICES
from bandcamp_sync.collection.item import KEY_PATTERN
from bandcamp_sync.control import Verb
from bandcamp_sync.drop.verdict import Outcome
from bandcamp_sync.health.overall import Overall
from bandcamp_sync.listing import SORTS
from bandcamp_sync.spool.job import State, What
from pydantic import BaseModel, ConfigDict, Field, create_model

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Key = Annotated[str, Field(pattern=f"^{KEY_PATTERN.pattern}$", examples=["p500000003"])]
Bytes = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Link = Annotated[str, Field(description="an address that starts with http: or https:")]


class Shape(BaseModel):
    """An answer or a part of one; it has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


def _counts(name: str, states: type[Shown] | type[State], about: str) -> type[Shape]:
    fields: dict[str, Any] = {state.value: (Count, ...) for state in states}
    return create_model(name, __base__=Shape, __doc__=about, **fields)


ByState = _counts("ByState", Shown, "Purchases by state; they add up to all.")
ByFolder = _counts("ByFolder", State, "Jobs by the folder of the inbox that they lie in.")


class Problem(Shape):
    """RFC 9457 problem details; `detail` says what to do."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str


class Health(Shape):
    """Liveness."""

    ok: Literal[True]


class Token(Shape):
    """This session's token for changes, under a mask that is another one each time; any of them will do."""

    token: str


class Accepted(Shape):
    """What was asked for; it is done by the service whose work it is."""

    accepted: str


class ItemAccepted(Accepted):
    """What was asked for, and for which purchase."""

    key: Key


# --- status ---------------------------------------------------------------------------------------------------------


class Unit(Shape):
    """A program or timer, in systemd's words. Of one that its source has not renewed, `sub_state` is `stale`."""

    name: str
    description: str
    source: Annotated[str, Field(description="`container` or `host`")]
    service: str | None
    load_state: str
    active_state: str
    sub_state: str
    since: str | None
    main_pid: int | None
    restarts: int
    next_elapse: str | None
    last_result: str | None


class Session(Shape):
    """Whose session it is, as the scraper found it last."""

    logged_in: bool
    fan_id: int | None
    username: str | None
    expires: Time | None
    checked_at: Time | None
    problem: str | None
    expiry: Literal["valid", "about to expire", "expired", "unknown"]


class Disk(Shape):
    """The music disk: free and total room (null when nobody said), and what the receipts name."""

    free: Bytes | None
    total: Bytes | None
    music: Bytes


class Scrape(Shape):
    """The last scrape, and since when one runs."""

    last_run_at: Time | None
    result: str | None
    error: str | None
    running_since: Time | None


class ReconcileRun(Shape):
    """One reconcile that changed something, or failed. `acts`: how often it did what."""

    at: Time
    result: Literal["done", "failed"]
    acts: dict[str, Count]
    error: str | None


class Reconcile(Shape):
    """The last reconcile, and the newest of those that did something."""

    last_run_at: Time | None
    result: Literal["done", "failed"] | None
    error: str | None
    recent: list[ReconcileRun]


class Alarm(Shape):
    """What is wrong with the whole."""

    name: str
    sentence: str
    needs_person: bool
    since: str


class Need(Shape):
    """What waits for a person. `key`: the purchase it is about."""

    key: Key | None
    label: str
    reason: str | None
    link: Link | None


class Hold(Shape):
    """Nobody asks Bandcamp anything until then, and why."""

    until: Time
    why: str


class Status(Shape):
    """How the whole is, and why. `systemd`: each unit's worst active state."""

    state: Overall
    why: list[str]
    now: Time
    paused: bool
    units: list[Unit]
    systemd: dict[str, str]
    session: Session
    disk: Disk
    counts: Annotated[dict[Shown, Count], Field(description="empty until purchases were listed")]
    purchases: Count
    captured_at: Time | None
    scrape: Scrape
    reconcile: Reconcile
    alarms: list[Alarm]
    hold: Annotated[Hold | None, Field(description="null when Bandcamp may be asked")]
    needs_you: list[Need]
    version: str


# --- queue ----------------------------------------------------------------------------------------------------------


class Download(Shape):
    """A running download. `eta`: seconds."""

    key: Key
    artist: str
    title: str
    attempt: Annotated[int, Field(ge=1)]
    bytes_done: Bytes
    bytes_total: Bytes | None
    bytes_per_second: Annotated[float, Field(ge=0)]
    eta: Annotated[float, Field(ge=0)] | None


class Retry(Shape):
    """What is tried again, and when."""

    key: Key
    artist: str
    title: str
    attempt: Count
    not_before: Time
    error: str | None


class Queue(Shape):
    """Jobs by folder, running downloads, and what is tried again."""

    now: Time
    counts: ByFolder  # type: ignore[valid-type]
    current: list[Download]
    retries: list[Retry]


# --- collection -----------------------------------------------------------------------------------------------------


class Item(Shape):
    """A purchase. `path`: its folder below the music folder, placed or planned. `cover`: where its picture is.

    `ignored`: it is on the ignore list. What was delivered before stays `synced`.
    """

    key: Key
    artist: str
    title: str
    state: Shown
    path: str
    format: str | None
    size: Bytes | None
    purchased: Time | None
    item_url: Link | None
    error: str | None
    reason: str | None
    next_try: Time | None
    link: Link | None
    cover: Annotated[str, Field(pattern=r"^/covers/[0-9]{1,19}\.jpg$")] | None
    ignored: bool


class Collection(Shape):
    """A page of the purchases that match. `counts` are of all purchases; `version` grows whenever one changes."""

    now: Time
    version: Count
    total: Count
    page: Annotated[int, Field(ge=1)]
    pages: Annotated[int, Field(ge=1)]
    per_page: Annotated[int, Field(ge=1)]
    counts: ByState  # type: ignore[valid-type]
    items: list[Item]


class File(Shape):
    """A file of an album, relative to the album's folder."""

    path: str
    size: Bytes


class Happening(Shape):
    """One thing that happened to a purchase."""

    at: Time
    what: What
    sentence: str | None


class WholeItem(Item):
    """A purchase with its files and all that happened to it, the newest last."""

    item_type: str | None
    hidden: bool
    queued_at: Time | None
    attempt: Count
    source: Literal["purchase", "stream"] | None
    adopted: bool
    placed_at: Time | None
    files: list[File]
    history: list[Happening]


# --- what was, and logs ---------------------------------------------------------------------------------------------


class Action(Shape):
    """Who asked for what, when, and what came of it. `key`: the purchase it is about, null when it is about all."""

    id: str
    verb: str
    key: Key | None
    by: Literal["dashboard", "command line", "timer"]
    asked_at: Time
    state: Literal["asked", "running", "done", "failed"]
    ended_at: Time | None
    outcome: str | None


class Actions(Shape):
    """The newest actions, the newest first."""

    now: Time
    actions: list[Action]


class Bucket(Shape):
    """What came in within one span that begins at `at`."""

    at: Time
    bytes: Bytes
    albums: Count


class Throughput(Shape):
    """What came in lately, the oldest bucket first and without gaps."""

    now: Time
    bucket_s: Annotated[int, Field(ge=1)]
    hours: Annotated[int, Field(ge=1)]
    buckets: list[Bucket]
    total_bytes: Bytes


class Logs(Shape):
    """The last lines: merged in the order of time, and of each log. `last_event_id` is for following from there on.

    `searched`: bytes that were looked at. `complete`: whether there is no more to be found.
    """

    logs: str
    files: dict[str, list[str]]
    searched: Bytes
    complete: bool
    last_event_id: str


# --- set-up ---------------------------------------------------------------------------------------------------------


class Handed(Shape):
    """Cookies were taken; the verdict on them will have this id."""

    id: str


class Verdict(Shape):
    """What the scraper says of the cookies that were handed over last. `id`: null for what could not be opened."""

    id: str | None
    checked_at: Time
    state: Outcome
    username: str | None
    fan_id: int | None
    expires: Time | None
    problem: str | None
    can_switch: bool
    next_try: Time | None
    tries: Count


class Choice(Shape):
    """What is fetched, since when, how many are left out for it, and what is asked for and not done yet."""

    mode: Annotated[str, Field(json_schema_extra={"enum": list(CHOICES)})]
    chosen: bool
    since: Time | None
    left_out: Count
    asked: Annotated[str, Field(json_schema_extra={"enum": list(CHOICES)})] | None


class Setup(Shape):
    """How far set-up is. `ready`: cookies can be taken. `handed`: some lie there that were not looked at yet."""

    now: Time
    ready: bool
    session: Session
    handed: bool
    drop: Verdict | None
    choice: Choice
    first_run: bool


#: Words that parameters may be.
STATES = ("unsynced", *(state.value for state in Shown))
ORDERS = tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))
ACTIONS = (Verb.SCRAPE.value, Verb.RECONCILE.value, Verb.RETRY.value, Verb.VERIFY.value, "pause", "resume", *CHOICES)
ITEM_ACTIONS = (Verb.RETRY.value, Verb.IGNORE.value, Verb.UNIGNORE.value)
