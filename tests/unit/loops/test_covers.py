"""The fetching of covers, against a stand-in that draws them, with a clock that can be set."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.bandcamp.session import SessionState
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb, ask, is_asked, pause, resume
from bandcamp_sync.covers import LONGEST_MISS_S, CoverFolder
from bandcamp_sync.errors import Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.loops.cover_plan import (
    FIRST_WAIT,
    LONGEST_WAIT,
    STRIKES,
    Rounds,
    Wanted,
    after_answer,
    after_strike,
    after_trouble,
    in_turn,
    read_rounds,
    wanted_of,
)
from bandcamp_sync.loops.covers import MISSING_FOR, Covers
from bandcamp_sync.loops.scrape_tick import scrape_tick
from bandcamp_sync.paths import data_folder
from bandcamp_sync.settings import Settings
from standin import StandIn, World
from unit.factories import DAY, NOW, capture, item

MINUTE = timedelta(minutes=1)


class SetClock(Clock):
    """The real clock, as long as nobody adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


class Home:
    """A collection whose pictures the stand-in has, and a session that works."""

    def __init__(self, root: Path, standin: StandIn) -> None:
        self.standin = standin
        given = {"DATA_DIR": str(root), "BANDCAMP_BASE_URL": standin.url, "REQUEST_INTERVAL": "0"}
        self.settings = Settings.from_environment(given)
        self.data = data_folder(self.settings)
        self.folder = CoverFolder(self.data.covers)
        self.clock = SetClock()
        self.arts = sorted(standin.world.art_ids)
        self.own(*self.arts)
        self.log_in(True)
        self.covers = self.anew()

    def anew(self, **changes: float) -> Covers:
        """As another process would begin."""
        return Covers(self.settings, self.data, self.clock, **changes)

    def own(self, *arts: object, **changes: Any) -> None:
        """Purchases with these pictures, the newest first."""
        items = [item(f"p{n}", art_id=art, purchased=NOW - n * DAY) for n, art in enumerate(arts, 1)]
        write_capture(self.data.collection, capture(*items, **changes))

    def log_in(self, logged_in: bool) -> None:
        atomic.write_json(self.data.session, SessionState(logged_in=logged_in, fan_id=1).__dict__)

    def fetch(self, covers: Covers | None = None, within_s: float = 10.0) -> None:
        """Until there is nothing to do."""
        (covers or self.covers).batch(within_s, until=lambda: False)

    def asked(self) -> list[int]:
        """The art ids that were asked for, in that order."""
        return [int(entry.path.split("/a")[1].split("_")[0]) for entry in self.standin.log if "_9" in entry.path]

    def pictures(self) -> set[int]:
        return set(self.folder.pictures())

    def pass_time(self, more: timedelta) -> None:
        self.clock.ahead += more


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with StandIn(World.build(4, preset="small")) as standin:
        yield Home(tmp_path, standin)


def art_is(home: Home, fault: str, art: int | None = None, **more: Any) -> None:
    """What the image host does, for one picture or for all."""
    match = {"class": "art", **({"path": f"/a{art}_"} if art is not None else {})}
    home.standin.rules.add(fault, match=match, **more)


# --- what is fetched --------------------------------------------------------------------------------------------------


def test_missing_covers_are_fetched_once_newest_first(home: Home) -> None:
    home.fetch()
    assert home.asked() == home.arts
    assert home.pictures() == set(home.arts)
    home.fetch()
    home.fetch(home.anew())
    assert home.asked() == home.arts
    assert not any(entry.had_identity_cookie for entry in home.standin.log)


def test_a_cover_that_is_there_is_not_asked_for(home: Home) -> None:
    home.folder.keep(home.arts[1], b"made by a worker")
    home.fetch()
    assert home.arts[1] not in home.asked()


def test_a_cover_that_a_worker_made_meanwhile_is_not_asked_for(home: Home) -> None:
    assert home.covers.step()
    home.folder.keep(home.arts[3], b"made by a worker")
    home.fetch()
    assert home.asked() == home.arts[:3]


def test_a_new_purchase_gets_its_cover_though_all_was_done(home: Home) -> None:
    home.own(*home.arts[1:])
    home.fetch()
    home.own(*home.arts)
    home.fetch()
    assert home.asked() == [*home.arts[1:], home.arts[0]]


def test_purchases_without_a_usable_number_are_passed_over(home: Home) -> None:
    home.own(None, "../x", "0", home.arts[0], str(home.arts[0]).zfill(10))
    home.fetch()
    assert home.asked() == [home.arts[0]]


def test_what_no_worker_will_bring_comes_before_what_one_will() -> None:
    wanted = [Wanted("p1", 1, True), Wanted("p2", 2, True), Wanted("p3", 3, False), Wanted("p4", 4, True)]
    assert in_turn(wanted, (), {"p2"}, {"p4"}, {}) == [3, 4, 1, 2]
    assert in_turn(wanted, {3}, {"p2"}, {"p4"}, {"4": 1}) == [1, 2, 4]
    assert in_turn([*wanted, Wanted("p5", 1, False)], (), (), (), {}) == [3, 1, 2, 4]


def test_the_newest_purchase_comes_first_and_one_without_a_date_last() -> None:
    items = [
        item("p1", art_id="1", purchased=None),
        item("p2", art_id="2", purchased=NOW - 9 * DAY),
        item("p3", art_id="3", purchased=NOW, is_preorder=True),
        item("p4", art_id=None),
    ]
    assert wanted_of(capture(*items)) == [Wanted("p3", 3, False), Wanted("p2", 2, True), Wanted("p1", 1, True)]


# --- when -------------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_while_paused(home: Home) -> None:
    pause(home.data, NOW)
    home.fetch()
    assert home.asked() == []
    resume(home.data)
    home.fetch()
    assert home.asked() == home.arts


def test_a_pause_in_the_middle_is_felt_at_once(home: Home) -> None:
    assert home.covers.step()
    pause(home.data, NOW)
    home.fetch()
    assert home.asked() == home.arts[:1]
    assert home.pictures() == {home.arts[0]}, "what was under way is kept"


def test_nothing_is_asked_while_nobody_is_logged_in(home: Home) -> None:
    home.log_in(False)
    home.fetch()
    home.data.session.unlink()
    home.fetch()
    assert home.asked() == []


def test_nothing_is_asked_while_bandcamp_asks_for_patience(home: Home) -> None:
    held = {"hold_until": home.clock.now().timestamp() + 600, "level": 1, "next_turn": {}}
    atomic.write_json(home.data.patience, held)
    home.fetch()
    assert home.asked() == []
    home.pass_time(11 * MINUTE)
    home.fetch()
    assert home.asked() == home.arts


def test_requests_are_spaced_and_one_at_a_time(home: Home) -> None:
    home.fetch(home.anew(floor_s=0.4))
    times = [entry.time for entry in home.standin.log]
    assert len(times) == 4
    assert min(b - a for a, b in pairwise(times)) >= 0.4


@pytest.mark.parametrize(("interval", "gap_s"), [("0", 2.0), ("1s", 2.0), ("3s", 6.0)])
def test_bandcamp_itself_is_never_asked_more_often_than_every_two_seconds(
    tmp_path: Path, interval: str, gap_s: float
) -> None:
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path), "REQUEST_INTERVAL": interval})
    assert Covers(settings, data_folder(settings), Clock())._gap_s == gap_s


def test_a_step_waits_for_nobody(home: Home) -> None:
    art_is(home, "hang", seconds=5)
    began = time.monotonic()
    assert all(home.covers.step() for _ in range(20))
    assert time.monotonic() - began < 0.5
    assert len(home.asked()) <= 1


def test_a_batch_ends_when_something_better_is_to_do(home: Home) -> None:
    art_is(home, "hang", seconds=5)
    began = time.monotonic()
    home.covers.batch(60, until=lambda: time.monotonic() - began > 0.5)
    assert time.monotonic() - began < 1


def test_a_stop_is_felt_within_a_second(home: Home) -> None:
    art_is(home, "hang", seconds=30)
    assert home.covers.step()
    time.sleep(0.3)
    began = time.monotonic()
    home.clock.stop()
    with pytest.raises(Stopped):
        home.covers.batch(60, until=lambda: False)
    assert time.monotonic() - began < 1


# --- trouble ----------------------------------------------------------------------------------------------------------


TROUBLES: dict[str, Callable[[Home], None]] = {
    "429": lambda home: art_is(home, "rate_limit"),
    "403": lambda home: art_is(home, "status", code=403),
    "503": lambda home: art_is(home, "status", code=503),
    "no answer": lambda home: art_is(home, "drop"),
    "a challenge": lambda home: art_is(home, "error_page"),
    "nobody there": lambda home: home.standin.stop(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_ends_the_round_and_is_no_alarm(home: Home, trouble: str) -> None:
    TROUBLES[trouble](home)
    home.fetch()
    home.fetch(home.anew())
    home.pass_time(14 * MINUTE)
    home.fetch(home.anew())
    assert len(home.asked()) <= 1
    assert home.pictures() == set()
    assert not list(home.data.alarms.glob("*"))
    assert home.data.patience.exists() is (trouble == "429"), "told to wait, all wait; other trouble is of the pictures"
    memory = json.loads((home.data.state / "covers.json").read_text())
    assert memory["level"] == 1


def test_after_a_round_that_ended_the_next_begins_a_quarter_of_an_hour_later(home: Home) -> None:
    art_is(home, "rate_limit", times=1)
    home.fetch()
    home.pass_time(20 * MINUTE)
    home.fetch()
    assert home.asked() == [home.arts[0], *home.arts]
    assert home.covers.rounds.level == 0


def test_the_waits_grow_up_to_a_day() -> None:
    rounds, waits = Rounds(), []
    for _ in range(12):
        rounds = after_trouble(rounds, NOW, 0.0, None)
        waits.append((datetime.fromisoformat(rounds.not_before or "") - NOW) / MINUTE)
    assert [int(wait) for wait in waits[:4]] == [15, 30, 60, 120]
    assert waits == sorted(waits)
    assert int(waits[-1]) == 24 * 60
    assert after_answer(rounds, 1).level == 6
    assert after_answer(rounds, 1).not_before is None


def test_a_wish_for_more_patience_is_kept() -> None:
    rounds = after_trouble(Rounds(), NOW, 0.5, NOW + 5 * FIRST_WAIT)
    assert rounds.is_waiting(NOW + 5 * FIRST_WAIT)
    assert not rounds.is_waiting(NOW + 6 * FIRST_WAIT)
    assert not rounds.is_waiting(NOW - 3 * LONGEST_WAIT), "a clock that jumped back"


def test_a_picture_that_makes_trouble_comes_last_and_is_given_up_in_the_end(home: Home) -> None:
    bad = home.arts[0]
    art_is(home, "status", art=bad, code=403)
    home.fetch()
    assert home.asked() == [bad]
    for _ in range(STRIKES + 3):
        home.pass_time(2 * DAY)
        home.fetch()
    assert home.asked() == [bad, *home.arts[1:], *([bad] * (STRIKES - 1))]
    assert home.pictures() == set(home.arts[1:])


def test_silence_gives_no_picture_up() -> None:
    rounds = Rounds()
    for _ in range(3 * STRIKES):
        rounds, is_missing = after_strike(rounds, 7, is_answer=False)
        assert not is_missing
    assert rounds.strikes == {"7": 3 * STRIKES}
    assert after_answer(rounds, 7).strikes == {}


def test_only_so_many_strikes_are_kept() -> None:
    rounds = Rounds()
    for art_id in range(1, 1000):
        rounds, _ = after_strike(rounds, art_id, is_answer=True)
    assert len(rounds.strikes) <= 100
    assert "999" in rounds.strikes


@pytest.mark.parametrize("fault", [{"code": 404}, {"code": 410}, {"code": 200, "body": "no picture at all"}])
def test_what_is_not_to_be_had_is_asked_for_again_after_a_month(home: Home, fault: dict[str, Any]) -> None:
    gone = home.arts[1]
    art_is(home, "status", art=gone, **fault)
    home.fetch()
    assert home.asked() == home.arts
    assert home.pictures() == set(home.arts) - {gone}
    for days in (1, 28):
        home.pass_time(days * DAY)
        home.fetch(home.anew())
    assert home.asked() == home.arts
    home.standin.rules.clear()
    home.pass_time(2 * DAY)
    home.fetch()
    assert home.asked() == [*home.arts, gone]
    assert home.pictures() == set(home.arts)
    assert MISSING_FOR.total_seconds() < LONGEST_MISS_S


# --- the folder and the memory ----------------------------------------------------------------------------------------


def test_covers_of_what_is_owned_no_more_are_removed_in_time(home: Home) -> None:
    home.fetch()
    home.own(*home.arts[:2])
    home.fetch()
    assert home.pictures() == set(home.arts), "not more often than once a day"
    home.pass_time(DAY + MINUTE)
    home.fetch()
    assert home.pictures() == set(home.arts[:2])


@pytest.mark.parametrize("content", ["", "{}", None])
def test_a_collection_that_is_suddenly_empty_or_broken_removes_nothing(home: Home, content: str | None) -> None:
    home.fetch()
    if content is None:
        home.own()
    else:
        home.data.collection.write_text(content)
    home.pass_time(2 * DAY)
    home.fetch()
    home.fetch(home.anew())
    assert home.pictures() == set(home.arts)


def test_a_link_to_nowhere_in_place_of_the_folder_ends_nothing_and_asks_little(home: Home) -> None:
    home.data.covers.symlink_to("a disk that is not mounted")
    home.fetch()
    home.fetch(home.anew())
    assert len(home.asked()) <= 1
    assert home.data.covers.is_symlink()


def test_a_file_in_place_of_the_folder_is_put_aside(home: Home) -> None:
    home.data.covers.write_text("mine")
    home.fetch()
    assert home.pictures() == set(home.arts)


def test_a_folder_in_place_of_a_picture_is_left_alone(home: Home) -> None:
    home.folder.picture(home.arts[0]).mkdir(parents=True)
    home.fetch()
    assert home.asked() == home.arts[1:]


def test_no_collection_is_nothing_to_do(home: Home) -> None:
    home.data.collection.unlink()
    home.fetch()
    assert home.asked() == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"not_before": 7, "level": 0, "swept_at": null, "strikes": {}}',
        '{"not_before": "2026-11-23T12:00:00", "level": 0, "swept_at": null, "strikes": {}}',
        '{"not_before": null, "level": "x", "swept_at": null, "strikes": {}}',
        '{"not_before": null, "level": 0, "swept_at": null, "strikes": [1]}',
        '{"not_before": null, "level": 1e999, "swept_at": null, "strikes": {}}',
    ],
)
def test_a_broken_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "covers.json").write_text(content)
    assert read_rounds(tmp_path / "covers.json") == Rounds()


def test_the_memory_is_read_as_it_was_written(home: Home) -> None:
    art_is(home, "status", code=500)
    home.fetch()
    assert home.covers.rounds.strikes == {str(home.arts[0]): 1}
    assert read_rounds(home.data.state / "covers.json") == home.covers.rounds
    assert home.covers.rounds.swept_at is not None
    assert rfc3339(datetime.fromisoformat(home.covers.rounds.swept_at)) == home.covers.rounds.swept_at


# --- on a host, where a timer runs the scraper now and then -----------------------------------------------------------


def test_a_tick_fetches_covers_at_its_end(tmp_path: Path) -> None:
    with StandIn(World.build(4, preset="small")) as standin:
        home = Home(tmp_path, standin)
        home.data.collection.unlink()
        standin.write_cookies(home.settings.cookies_file)
        assert scrape_tick(home.settings, home.data, home.clock) == 0
        assert home.pictures() == set(home.arts)
        assert scrape_tick(home.settings, home.data, home.clock) == 0
        assert sorted(home.asked()) == home.arts


def test_a_tick_that_fetches_covers_scrapes_when_it_is_asked_to(tmp_path: Path) -> None:
    with StandIn(World.build(4, preset="small")) as standin:
        home = Home(tmp_path, standin)
        standin.write_cookies(home.settings.cookies_file)
        last = {"last_run_at": rfc3339(home.clock.now()), "result": "done", "error": None}
        atomic.write_json(home.data.scrape_memory, last)
        art_is(home, "hang", seconds=60)
        threading.Timer(1.0, ask, (home.data, Verb.SCRAPE)).start()
        began = time.monotonic()
        assert scrape_tick(home.settings, home.data, home.clock) == 0
        assert time.monotonic() - began < 6
        assert standin.log.entries(kind="collection")
        assert not is_asked(home.data, (Verb.SCRAPE,))


def test_a_tick_that_is_paused_or_failed_fetches_none(tmp_path: Path) -> None:
    with StandIn(World.build(4, preset="small")) as standin:
        home = Home(tmp_path, standin)
        assert scrape_tick(home.settings, home.data, home.clock) == 3, "there are no cookies"
        pause(home.data, NOW)
        assert scrape_tick(home.settings, home.data, home.clock) == 0
        assert home.asked() == []
