import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import publish_session
from bandcamp_sync.books import Shown
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.errors import Reason
from bandcamp_sync.files import atomic
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.views import Views, web_link
from unit.factories import DAY, LINK, NOW, HurriedClock, capture, failure, item, job, receipt

SECRETS = ("0123456789abcdef0123456789abcdef", "payment_id=90003", "redownload")


class Folder:
    """A data folder, and what may be put into it."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment({"DATA_DIR": str(root)})
        self.views = Views(self.settings, HurriedClock())
        self.data = self.views.data
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()

    def own(self, *keys: str, **changes: Any) -> None:
        write_capture(self.data.collection, capture(*(item(key, **changes) for key in keys)))

    def put(self, state: State, one: Job) -> None:
        path = self.spool.path(state, one.key)
        path.write_text(one.model_dump_json(by_alias=True))

    def states(self, **query: Any) -> dict[str, str]:
        return {one["key"]: one["state"] for one in self.views.collection(**query)["items"]}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def full(folder: Folder) -> None:
    """One purchase in each state."""
    items = [item(f"p{n}", item_title=f"Title {n}", purchased=NOW - n * DAY) for n in range(1, 9)]
    items[4] = item("p5", is_preorder=True)
    items[5] = item("p6", redownload_url=None, item_type="package")
    write_capture(folder.data.collection, capture(*items))
    folder.put(State.DONE, job("p1", receipt=receipt()))
    folder.put(State.PENDING, job("p2"))
    folder.put(State.IN_PROGRESS, job("p3"))
    folder.put(State.FAILED, job("p4", attempt=2, failure=failure(), not_before=NOW + DAY))
    folder.put(State.FAILED, job("p8", attempt=8, failure=failure(sentence=f"broke at {LINK}")))
    atomic.write_json(folder.data.state / "ignored.json", ["p7"])


def test_every_purchase_is_in_one_state_and_the_sum_is_right(folder: Folder) -> None:
    full(folder)
    view = folder.views.collection()
    assert sum(view["counts"].values()) == view["total"] == 8
    assert set(view["counts"]) == {state.value for state in Shown}
    assert all(number == 1 for number in view["counts"].values())
    assert all(one["reason"] for one in view["items"])
    assert folder.states()["p7"] == "ignored"
    assert {one["key"]: one["next_try"] for one in view["items"]}["p4"] == "2026-11-24T12:00:00Z"


def test_nothing_secret_is_shown(folder: Folder) -> None:
    full(folder)
    alarms.raise_alarm(folder.data, "session", f"refused {LINK}", True, NOW)
    shown = json.dumps([folder.views.status(), folder.views.queue(), folder.views.collection()])
    assert not [secret for secret in SECRETS if secret in shown]


def test_the_collection_is_filtered_sorted_and_cut_into_pages(folder: Folder) -> None:
    full(folder)
    assert list(folder.states(states=["failed", "waiting"])) == ["p4", "p8"]
    assert list(folder.states(q="title 3")) == ["p3"]
    assert list(folder.states(q="LOS FAROS p8")) == ["p8"]
    assert list(folder.states(sort="title"))[-1] == "p8"
    assert list(folder.states(sort="purchased", per_page=2, page=1)) == ["p5", "p6"]
    last = folder.views.collection(per_page=3, page=3)
    assert (last["pages"], last["total"], len(last["items"])) == (3, 8, 2)


@pytest.mark.parametrize(
    "wrong", [{"states": ["lost"]}, {"sort": "redownload_url"}, {"page": 0}, {"per_page": 0}, {"per_page": 1001}]
)
def test_a_wrong_question_is_refused(folder: Folder, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        folder.views.collection(**wrong)


def test_the_queue_counts_folders_and_shows_progress(folder: Folder) -> None:
    full(folder)
    progress = {"key": "p3", "bytes_done": 5, "bytes_total": 10, "bytes_per_second": 1, "eta": 5.0}
    atomic.write_json(folder.data.progress / "p3.json", progress)
    queue = folder.views.queue()
    assert queue["counts"] == {"pending": 1, "in_progress": 1, "failed": 2, "done": 1}
    [current] = queue["current"]
    assert (current["artist"], current["bytes_done"], current["bytes_total"], current["eta"]) == ("Los Faros", 5, 10, 5)
    [retry] = queue["retries"]
    assert (retry["key"], retry["attempt"], retry["not_before"]) == ("p4", 2, "2026-11-24T12:00:00Z")
    assert retry["error"] == "the connection broke"


def test_the_queue_tries_nothing_again_that_is_not_wanted_any_more(folder: Folder) -> None:
    full(folder)
    atomic.write_json(folder.data.published_ignored, ["p4", "p7"])
    assert folder.states()["p4"] == "ignored"
    assert folder.views.queue()["retries"] == []
    atomic.write_json(folder.data.published_ignored, ["p7"])
    assert [retry["key"] for retry in folder.views.queue()["retries"]] == ["p4"]


def test_an_empty_folder_is_idle(folder: Folder) -> None:
    status = folder.views.status()
    assert (status["state"], status["purchases"], status["units"], status["systemd"]) == ("idle", 0, [], {})
    assert not status["session"]["logged_in"]
    assert folder.views.collection()["total"] == 0


def test_the_status_says_what_needs_a_person(folder: Folder) -> None:
    folder.own("p1")
    folder.put(State.FAILED, job("p1", attempt=1, failure=failure(Reason.REAUTH, link="https://bandcamp.com/settings")))
    alarms.raise_alarm(folder.data, alarms.SESSION, "log in again", True, NOW)
    status = folder.views.status()
    assert status["state"] == "failed"
    assert [(need["key"], need["link"]) for need in status["needs_you"]] == [
        (None, "https://bandcamp.com/login"),
        ("p1", "https://bandcamp.com/settings"),
    ]


def test_albums_that_verify_found_broken_need_a_person_until_they_are_placed_anew(folder: Folder) -> None:
    folder.own("p1")
    folder.put(State.DONE, job("p1", receipt=receipt()))
    at = {"at": "2026-11-23T12:00:00Z", "albums": 1, "broken": ["p1"]}
    atomic.write_json(folder.data.state / "verify.json", at)
    [need] = folder.views.status()["needs_you"]
    assert "verify --repair" in need["reason"]
    folder.put(State.DONE, job("p1", receipt=receipt(placed_at=NOW + DAY)))
    assert folder.views.status()["needs_you"] == []


def test_the_session_is_shown_as_it_was_found_last(folder: Folder) -> None:
    publish_session(folder.data, NOW, Fan(7, "a_listener"), NOW + 400 * DAY, None)
    session = folder.views.status()["session"]
    assert (session["logged_in"], session["checked_at"]) == (True, "2026-11-23T12:00:00Z")
    assert session["expiry"] == "valid"
    assert folder.views.status()["needs_you"] == []


def test_a_login_that_ends_soon_needs_you_days_ahead(folder: Folder) -> None:
    publish_session(folder.data, NOW, Fan(7, "a_listener"), NOW + 3 * DAY, None)
    (need,) = folder.views.status()["needs_you"]
    assert (need["key"], need["label"]) == (None, "session")
    assert need["reason"] == "the login ends on 2026-11-26: hand over new cookies before that"


def test_an_empty_folder_asks_for_cookies(tmp_path: Path) -> None:
    (need,) = Folder(tmp_path).views.status()["needs_you"]
    assert need["reason"] == "hand over the cookies of a browser that is logged in to Bandcamp"


def test_free_room_comes_from_the_reconciler_where_the_music_cannot_be_seen(folder: Folder) -> None:
    assert folder.views.status()["disk"] == {"free": None, "total": None, "music": 0}
    atomic.write_json(folder.data.state / "disk.json", {"free": 5_000_000, "total": 9_000_000})
    disk = folder.views.status()["disk"]
    assert (disk["free"], disk["total"]) == (5_000_000, 9_000_000)


def test_little_more_or_less_free_room_is_no_news_until_it_is_what_must_stay_free(folder: Folder) -> None:
    def told(free: int) -> int | None:
        atomic.write_json(folder.data.state / "disk.json", {"free": free, "total": 10**12})
        found: int | None = folder.views.status()["disk"]["free"]
        return found

    least = int(folder.views.settings.min_free_space)
    assert [told(free) for free in (10**11, 10**11 - 1, 10**11 - 9 * 10**8)] == [10**11] * 3
    assert told(10**11 - 10**9) == 10**11 - 10**9
    assert [told(free) for free in (least + 10, least + 5, least - 1, least - 2)] == [least + 10] * 2 + [least - 1] * 2


def test_a_hold_of_bandcamps_is_recovering(folder: Folder) -> None:
    until = (NOW + timedelta(minutes=3)).timestamp()
    atomic.write_json(folder.data.patience, {"hold_until": until, "level": 1, "next_turn": {}})
    assert folder.views.status()["state"] == "recovering"


@pytest.mark.parametrize("name", ["scrape.json", "scraper.json", "patience.json", "disk.json", "verify.json"])
@pytest.mark.parametrize("content", ["", "[]", "7", "null", '{"at": 1, "broken": 1, "hold_until": "x"}'])
def test_a_broken_state_file_breaks_nothing(folder: Folder, name: str, content: str) -> None:
    folder.data.state.mkdir(exist_ok=True)
    (folder.data.state / name).write_text(content)
    assert folder.views.status()["state"] == "idle"


def test_a_collection_that_cannot_be_read_is_left_where_it_is(folder: Folder) -> None:
    folder.data.collection.write_text("{")
    assert folder.views.collection()["total"] == 0
    assert folder.data.collection.exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.bandcamp.com/album/b", "https://a.bandcamp.com/album/b"),
        ("javascript:alert(1)", None),
        ("//evil.example", None),
        ("http://[", None),
        (None, None),
    ],
)
def test_only_web_addresses_become_links(url: str | None, shown: str | None) -> None:
    assert web_link(url) == shown


def test_twenty_thousand_purchases_stay_quick(folder: Folder) -> None:
    folder.own(*(f"p{n}" for n in range(20_000)))
    done = job("p0", receipt=receipt()).model_dump_json(by_alias=True)
    for n in range(20_000):
        folder.spool.path(State.DONE, f"p{n}").write_text(done.replace('"p0"', f'"p{n}"'))
    assert folder.views.collection()["counts"]["synced"] == 20_000
    time.sleep(2.1)  # until the folder counts as settled
    folder.views.collection()
    began = time.perf_counter()
    for _ in range(5):
        folder.views.status()
        folder.views.collection(q="night")
    assert (time.perf_counter() - began) / 5 < 1.0
