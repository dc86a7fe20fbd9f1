"""A data folder with a collection of any size, every state in it, receipts and all: what the benchmark looks at."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import publish_session
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.errors import Reason
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import Job, Receipt, ReceiptFile, State
from bandcamp_sync.spool.spool import Spool
from standin.names import MOODS, THINGS, artist_name
from unit.factories import capture, failure, item, job

FILES = 11
_HOUR = timedelta(hours=1)


def fill(data: DataFolder, purchases: int) -> None:
    """Of every hundred purchases 88 are synced; the rest are in each of the other states."""
    now = datetime.now(UTC)
    items = [_item(number, now) for number in range(purchases)]
    write_capture(data.collection, capture(*items, captured_at=now - _HOUR, full_walk_at=now - _HOUR))
    spool = Spool(data.inbox)
    spool.make_folders()
    for number, one in enumerate(items):
        placed = _job(number, one, now)
        if placed is not None:
            state, whole = placed
            spool.path(state, one.key).write_text(whole.model_dump_json(by_alias=True))
    atomic.write_json(data.state / "ignored.json", [one.key for n, one in enumerate(items) if n % 100 == 95])
    publish_session(data, now, Fan(7_654_321, "a_listener"), now + 7000 * _HOUR, None)
    atomic.write_json(data.state / "disk.json", {"free": 812_000_000_000})
    data.logs.mkdir(parents=True, exist_ok=True)


def put(data: DataFolder, state: State, key: str) -> None:
    """Move a job between states as workers do: the same purchase, in one folder."""
    spool = Spool(data.inbox)
    for source in State:
        if source is not state and (path := spool.path(source, key)).exists():
            path.touch()
            path.rename(spool.path(state, key))


def key(number: int) -> str:
    """The key of a purchase; those whose number ends in 88 or 89 are queued at first."""
    return f"p{500_000_000 + number}"


def _item(number: int, now: datetime) -> Item:
    title = f"{MOODS[number % len(MOODS)]} {THINGS[number // 7 % len(THINGS)]} {number}"
    changes: dict[str, Any] = {
        "item_id": 1_000_000_000 + number,
        "band_name": artist_name(number // 6 % 400),
        "item_title": title,
        "item_url": f"https://band{number // 6 % 400}.bandcamp.com/album/{number}",
        "purchased": now - number * _HOUR * 5,
        "art_id": str(4_000_000 + number),
        "tralbum": f"a{1_000_000_000 + number}",
        "is_preorder": number % 100 == 96,
    }
    if number % 100 == 97:
        changes |= {"redownload_url": None, "item_type": "package"}
    return item(key(number), **changes)


def _job(number: int, of: Item, now: datetime) -> tuple[State, Job] | None:
    place, folder = number % 100, f"{of.artist}/{of.title}"
    if place < 88:
        return State.DONE, job(of.key, of=of, folder=folder, receipt=_receipt(number, folder, now))
    if place < 94:
        return State.PENDING, job(of.key, of=of, folder=folder)
    if place == 98:
        why, due = failure(at=now - _HOUR), now + _HOUR
        return State.FAILED, job(of.key, of=of, folder=folder, attempt=2, failure=why, not_before=due)
    if place == 99:
        why = failure(Reason.TRANSFER, sentence="the archive is damaged", at=now - _HOUR)
        return State.FAILED, job(of.key, of=of, folder=folder, attempt=8, failure=why)
    return None


def _receipt(number: int, folder: str, now: datetime) -> Receipt:
    names = [*(f"{track:02d} {MOODS[track]} {THINGS[track]}.flac" for track in range(1, FILES)), "cover.jpg"]
    files = tuple(ReceiptFile(path=name, size=28_000_000 + number, sha256=f"{number:064x}") for name in names)
    return Receipt(
        folder=folder, files=files, format="flac", source="purchase", placed_at=now - number * _HOUR, artist=None
    )
