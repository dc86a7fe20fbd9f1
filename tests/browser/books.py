"""A data folder as the services leave it, with every state in it, and what may be changed there while a page looks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bandcamp_sync import actions
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import publish_session
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb
from bandcamp_sync.drop.seal import own_key
from bandcamp_sync.errors import Reason
from bandcamp_sync.files import atomic
from bandcamp_sync.health.publish import publish
from bandcamp_sync.health.unit import Unit, about
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from unit.factories import DAY, capture, failure, item, job, receipt

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
#: The purchases of `fill`, by the state that each is in; p1 to p20 are synced.
SYNCED = tuple(f"p{n}" for n in range(1, 21))
QUEUED, DOWNLOADING, WAITING, FAILED = "p21", "p22", "p23", "p24"
PREORDER, UNAVAILABLE, IGNORED = "p25", "p26", "p27"
PURCHASES = 27
_ARTISTS = (
    "Los Faros",
    "Maren Holt",
    "Ostkai",
    "The Paper Observatory",
    "Saffron Radio",
    "Inês Valadão",
    "Low Gardens",
)
_TITLES = ("Night Ferry", "Letters to the Tide", "Kranich", "Small Constellations", "Rooftop Season", "Jardim", "Moss")


def fill(data: DataFolder) -> None:
    """A collection with purchases in each state, a session, units, timers and logs."""
    now = datetime.now(UTC)
    write_capture(data.collection, capture(*_items(now), captured_at=now - HOUR, full_walk_at=now - HOUR))
    Spool(data.inbox).make_folders()
    for number, key in enumerate(SYNCED):
        put(data, State.DONE, key, receipt=receipt(_folder(key), placed_at=now - (number + 1) * HOUR))
    put(data, State.PENDING, QUEUED)
    put(data, State.IN_PROGRESS, DOWNLOADING)
    progress(data, DOWNLOADING, 12_000_000, 48_000_000)
    put(data, State.FAILED, WAITING, attempt=2, failure=failure(at=now - MINUTE), not_before=now + 10 * MINUTE)
    broke = failure(Reason.TRANSFER, sentence="the archive is damaged", at=now - HOUR)
    put(data, State.FAILED, FAILED, attempt=8, failure=broke)
    atomic.write_json(data.state / "ignored.json", [IGNORED])
    own_key(data)
    publish_session(data, now - HOUR, Fan(7_654_321, "a_listener"), now + 300 * DAY, None)
    atomic.write_json(data.scrape_memory, {"last_run_at": told(now - HOUR), "result": "success", "error": None})
    atomic.write_json(data.state / "disk.json", {"free": 812_000_000_000})
    publish(data.health, "host", units(now), now, "tests")
    log(data, "scraper", "INFO  bandcamp_sync.stages.scrape - 27 purchases listed", now - HOUR)
    log(data, "worker", "INFO  bandcamp_sync.stages.work p22 begun", now - MINUTE)
    log(data, "worker", "WARN  bandcamp_sync.stages.work p23 the connection broke; again in 10 min", now - MINUTE / 2)
    log(data, "worker", "ERROR bandcamp_sync.stages.work p24 the archive is damaged", now - MINUTE / 3)


def put(data: DataFolder, state: State, key: str, **changes: Any) -> None:
    """A job of this key in this state, and in no other."""
    spool, of = Spool(data.inbox), changes.pop("of", None) or _item(key, datetime.now(UTC))
    whole: Job = job(key, of=of, **{"folder": _folder(key), **changes})
    for other in State:
        if other is not state:
            spool.path(other, key).unlink(missing_ok=True)
    atomic.write_text(spool.path(state, key), whole.model_dump_json(by_alias=True))


def progress(data: DataFolder, key: str, done: int, total: int) -> None:
    """How far a worker says a download is, at a megabyte a second."""
    speed = 1_000_000
    told = {"key": key, "bytes_done": done, "bytes_total": total, "bytes_per_second": speed}
    atomic.write_json(data.progress / f"{key}.json", {**told, "eta": (total - done) / speed}, durable=False)


def log(data: DataFolder, service: str, text: str, at: datetime | None = None) -> None:
    """One more line of a service's log. `text` begins with the level, five letters wide, then the logger."""
    moment = at or datetime.now(UTC)
    data.logs.mkdir(parents=True, exist_ok=True)
    with (data.logs / f"{service}.log").open("a") as file:
        file.write(f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z {text}\n")


def rotate(data: DataFolder, service: str) -> None:
    """Begin a new log for a service, as it does itself when the old one is full."""
    for number in range(5, 0, -1):
        path = data.logs / f"{service}.log{f'.{number - 1}' if number > 1 else ''}"
        if path.exists():
            path.rename(data.logs / f"{service}.log.{number}")


def act(data: DataFolder, became: actions.State, outcome: str) -> None:
    """One more entry of the journal: a scrape that somebody asked for here, and what came of it."""
    now = datetime.now(UTC)
    asked = actions.new(Verb.SCRAPE, actions.By.DASHBOARD, now, None, actions.State.ASKED)
    actions.write(data, actions.ended(asked, became, outcome, now))


def own(data: DataFolder, *items: Item) -> None:
    """These are all the purchases now."""
    now = datetime.now(UTC)
    write_capture(data.collection, capture(*items, captured_at=now, full_walk_at=now))


def _items(now: datetime) -> list[Item]:
    return [_item(f"p{number}", now) for number in range(1, PURCHASES + 1)]


def _item(key: str, now: datetime) -> Item:
    number = int(key[1:])
    changes: dict[str, Any] = {
        "band_name": _ARTISTS[number % 7],
        "item_title": f"{_TITLES[number % 7]} {number}",
        "item_url": f"https://faros.bandcamp.com/album/title-{number}",
        "purchased": now - number * 10 * DAY,
        "art_id": str(4_000_000 + number),
        "is_preorder": key == PREORDER,
    }
    if key == UNAVAILABLE:
        changes |= {"redownload_url": None, "item_type": "package"}
    return item(key, **changes)


def _folder(key: str) -> str:
    number = int(key[1:])
    return f"{_ARTISTS[number % 7]}/{_TITLES[number % 7]} {number}"


def units(now: datetime) -> list[Unit]:
    """What runs, and two timers."""
    since = now - 3 * HOUR
    services = ("bandcamp-sync", "bandcamp-sync-reconcile", "bandcamp-sync-worker@1", "bandcamp-dashboard")
    running = [unit(f"{name}.service", "running", since, main_pid=100 + n) for n, name in enumerate(services)]
    timers = {"bandcamp-sync.timer": 3 * HOUR, "bandcamp-sync-reconcile.timer": 5 * MINUTE}
    waiting = [unit(name, "waiting", since, next_elapse=told(now + to_go)) for name, to_go in timers.items()]
    return [*running, *waiting]


def unit(name: str, sub_state: str, since: datetime, **changes: Any) -> Unit:
    """A service, or a timer, that is active unless `changes` say otherwise."""
    service, description = about(name)
    known = {"description": description, "service": service, "active_state": "active", "last_result": "success"}
    return Unit(name, sub_state=sub_state, since=told(since), **{**known, **changes})


def told(moment: datetime) -> str:
    """A time as files have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
