import json
import logging
import stat
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.session import read_session
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb, is_asked, pause
from bandcamp_sync.drop import seal
from bandcamp_sync.drop.verdict import Outcome, Verdict, publish_verdict, read_verdict
from bandcamp_sync.errors import Stopped
from bandcamp_sync.loops.handover import ClockBeside, Handover, beside
from bandcamp_sync.loops.scrape_tick import scrape_tick
from bandcamp_sync.paths import data_folder
from bandcamp_sync.settings import Settings
from standin import StandIn, World
from unit.factories import NOW, HurriedClock, capture, item

OLD = "the cookies in use"


class Home:
    """A scraper's folders, with other cookies in use, and a Bandcamp."""

    def __init__(self, root: Path, base_url: str, **more: str) -> None:
        given = {"DATA_DIR": str(root), "BANDCAMP_BASE_URL": base_url, "REQUEST_INTERVAL": "0", "STALL_TIMEOUT": "2s"}
        self.settings = Settings.from_environment({**given, "RETRY_BASE": "5m", **more})
        self.data = data_folder(self.settings)
        self.clock: Clock = HurriedClock()
        self.data.config.mkdir(parents=True)
        self.settings.cookies_file.write_text(OLD)
        seal.own_key(self.data)

    def handover(self) -> Handover:
        return Handover(self.settings, self.data, self.clock)

    def hand(self, given: str, switch: bool = False) -> str:
        key = seal.public_key(self.data)
        assert key is not None
        return seal.hand_over(self.data, key, given.encode(), NOW, switch)

    def verdict(self) -> Verdict:
        verdict = read_verdict(self.data)
        assert verdict is not None
        return verdict

    def nothing_is_left(self) -> bool:
        return not seal.sealed_path(self.data).exists() and not seal.taken_path(self.data).exists()

    def is_as_it_was(self) -> bool:
        return self.settings.cookies_file.read_text() == OLD and not is_asked(self.data, Verb)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(World.build(3)) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, standin: StandIn) -> Home:
    return Home(tmp_path / "data", standin.url)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def wait_for(what: Callable[[], bool], within_s: float = 5) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def good(standin: StandIn, tmp_path: Path) -> str:
    return standin.write_cookies(tmp_path / "export.txt").read_text()


def test_a_good_login_is_accepted_and_put_into_its_place(home: Home, standin: StandIn, tmp_path: Path) -> None:
    alarms.raise_alarm(home.data, alarms.SESSION, "the cookies expired", True, NOW)
    drop_id = home.hand(good(standin, tmp_path))
    assert home.handover().look()
    verdict = home.verdict()
    assert (verdict.id, verdict.state, verdict.username) == (drop_id, Outcome.ACCEPTED, "a_listener")
    assert (verdict.fan_id, verdict.expires) == (7654321, "2030-01-01T00:00:00Z")
    placed = home.settings.cookies_file
    assert standin.world.identity is not None and standin.world.identity in placed.read_text()
    assert stat.S_IMODE(placed.stat().st_mode) == 0o600
    session = read_session(home.data.session)
    assert session.logged_in and session.expires == verdict.expires
    assert not alarms.raised_alarms(home.data)
    assert is_asked(home.data, (Verb.SCRAPE,))
    assert home.nothing_is_left()
    assert not home.handover().look(), "once is enough"


def test_it_works_during_a_pause_and_asks_for_a_scrape_after_it(home: Home, standin: StandIn, tmp_path: Path) -> None:
    pause(home.data, NOW)
    home.hand(good(standin, tmp_path))
    assert home.handover().look()
    assert home.verdict().state == Outcome.ACCEPTED
    assert is_asked(home.data, (Verb.SCRAPE,)) and home.data.paused.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("dear scraper", "neither a cookie"),
        ("Cookie: session=abcdefgh", "no identity cookie"),
        (".bandcamp.com\tTRUE\t/\tTRUE\t1600000000\tidentity\tsecretsecret\n", "expired on 2020-09-13"),
    ],
)
def test_what_is_no_login_is_refused_and_bandcamp_is_not_asked(
    home: Home, standin: StandIn, given: str, words: str
) -> None:
    drop_id = home.hand(given)
    assert not home.handover().look()
    verdict = home.verdict()
    assert (verdict.id, verdict.state) == (drop_id, Outcome.REFUSED)
    assert words in (verdict.problem or "")
    assert home.nothing_is_left() and home.is_as_it_was()
    assert not standin.log.entries()
    assert "secretsecret" not in home.data.verdict.read_text()


def test_a_login_that_bandcamp_does_not_know_any_more_is_refused(home: Home, standin: StandIn, tmp_path: Path) -> None:
    given = good(standin, tmp_path)
    standin.world.log_out()
    home.hand(given)
    home.handover().look()
    assert home.verdict().state == Outcome.REFUSED
    assert "not logged in to Bandcamp" in (home.verdict().problem or "")
    assert home.nothing_is_left() and home.is_as_it_was()


def test_another_account_is_refused_before_anything_changes_unless_it_is_wanted(
    home: Home, standin: StandIn, tmp_path: Path
) -> None:
    write_capture(home.data.collection, capture(item("p1"), item("p2"), fan_id=99, username="somebody"))
    home.hand(good(standin, tmp_path))
    home.handover().look()
    verdict = home.verdict()
    assert (verdict.state, verdict.can_switch) == (Outcome.REFUSED, True)
    assert "a_listener (fan 7654321)" in (verdict.problem or "")
    assert "2 purchases here are those of somebody (fan 99)." in (verdict.problem or "")
    assert home.is_as_it_was() and home.nothing_is_left()
    home.hand(good(standin, tmp_path), switch=True)
    assert home.handover().look()
    assert home.verdict().state == Outcome.ACCEPTED


def test_a_fan_id_that_a_person_wrote_is_not_overruled(tmp_path: Path, standin: StandIn) -> None:
    home = Home(tmp_path / "data", standin.url, BANDCAMP_FAN_ID="99")
    home.hand(good(standin, tmp_path), switch=True)
    home.handover().look()
    assert home.verdict().state == Outcome.REFUSED and not home.verdict().can_switch
    assert "BANDCAMP_FAN_ID names fan 99" in (home.verdict().problem or "")
    assert home.is_as_it_was()


def test_while_bandcamp_is_down_it_waits_and_is_tried_again_ever_more_seldom(
    home: Home, standin: StandIn, tmp_path: Path
) -> None:
    outage = standin.rules.add("status", match={"class": "any"}, code=503)
    home.hand(good(standin, tmp_path))
    handover = home.handover()
    waits = []
    for _ in range(3):
        handover.look()
        verdict = home.verdict()
        assert verdict.state == Outcome.WAITING and verdict.next_try is not None
        assert "Bandcamp cannot be reached" in (verdict.problem or "")
        asked = len(standin.log.entries())
        assert not handover.look() and not home.handover().look()
        assert len(standin.log.entries()) == asked, "nobody is asked before it is time, also after a restart"
        waits.append((_moment(verdict.next_try) - home.clock.now()).total_seconds())
        home.clock.sleep(waits[-1])
    assert waits == sorted(waits) and waits[-1] > 3 * waits[0] > 0
    assert home.is_as_it_was()
    standin.rules.remove(outage)
    assert handover.look()
    assert home.verdict().state == Outcome.ACCEPTED and home.nothing_is_left()


def test_a_wish_for_patience_is_told_and_kept(home: Home, standin: StandIn, tmp_path: Path) -> None:
    home.clock = Clock()
    standin.rules.add("rate_limit", match={"class": "any"}, retry_after=30)
    home.hand(good(standin, tmp_path))
    began = time.monotonic()
    home.handover().look()
    assert time.monotonic() - began < 5, "it is told, and not slept through"
    verdict = home.verdict()
    assert verdict.state == Outcome.WAITING and "asks for patience" in (verdict.problem or "")
    assert verdict.next_try is not None
    assert _moment(verdict.next_try) - home.clock.now() > timedelta(seconds=20)
    asked = len(standin.log.entries())
    home.hand(good(standin, tmp_path))
    home.handover().look()
    assert len(standin.log.entries()) == asked, "also what is handed over anew asks nobody during the hold"


def test_what_is_handed_over_meanwhile_takes_the_place_of_what_waits(
    home: Home, standin: StandIn, tmp_path: Path
) -> None:
    outage = standin.rules.add("status", match={"class": "any"}, code=503)
    home.hand(good(standin, tmp_path))
    handover = home.handover()
    handover.look()
    standin.rules.remove(outage)
    newer = home.hand(good(standin, tmp_path))
    assert handover.look(), "at once, as it has not failed yet"
    assert home.verdict().id == newer


def test_a_garbage_file_is_put_aside_and_told(home: Home) -> None:
    seal.sealed_path(home.data).write_bytes(b"garbage")
    home.handover().look()
    assert home.verdict().state == Outcome.REFUSED
    assert "damaged: hand it over again" in (home.verdict().problem or "")
    assert len(list((home.data.drop / "quarantine").iterdir())) == 1
    assert home.nothing_is_left() and home.is_as_it_was()


def test_when_the_key_was_lost_there_is_a_new_one_and_the_user_is_told(
    home: Home, standin: StandIn, tmp_path: Path
) -> None:
    drop_id = home.hand(good(standin, tmp_path))
    home.data.drop_key.unlink()
    handover = home.handover()
    handover.look()
    assert (home.verdict().id, home.verdict().state) == (drop_id, Outcome.REFUSED)
    assert "hand it over again" in (home.verdict().problem or "")
    assert not (home.data.drop / "quarantine").exists()
    home.hand(good(standin, tmp_path))
    assert handover.look(), "the new key is published already"


def test_the_keys_are_made_by_the_first_look_and_kept(tmp_path: Path, standin: StandIn) -> None:
    home = Home(tmp_path / "data", standin.url)
    for path in (home.data.drop_key, home.data.drop_public):
        path.unlink()
    handover = home.handover()
    handover.look()
    assert seal.public_key(home.data) is not None
    home.data.drop_public.unlink()
    handover.look()
    assert seal.public_key(home.data) is not None


def test_a_place_that_cannot_be_written_is_told_and_waited_for(standin: StandIn, tmp_path: Path) -> None:
    place = tmp_path / "cookies"
    place.mkdir()
    home = Home(tmp_path / "data", standin.url, COOKIES_FILE=str(place / "cookies.txt"))
    home.settings.cookies_file.unlink()
    place.rmdir()
    place.symlink_to("/proc/nobody-can-write-here")
    home.hand(good(standin, tmp_path))
    home.handover().look()
    verdict = home.verdict()
    assert verdict.state == Outcome.WAITING and "cookies.txt: cannot be written" in (verdict.problem or "")
    place.unlink()
    home.clock.sleep(3600)
    assert home.handover().look()


def test_where_the_cookies_file_is_a_link_its_target_is_written(home: Home, standin: StandIn, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    home.settings.cookies_file.rename(elsewhere)
    home.settings.cookies_file.symlink_to(elsewhere)
    home.hand(good(standin, tmp_path))
    assert home.handover().look()
    assert home.settings.cookies_file.is_symlink()
    assert "identity" in elsewhere.read_text()


def test_a_verdict_of_what_is_gone_is_forgotten(home: Home) -> None:
    publish_verdict(home.data, Verdict("1", "2026-11-23T12:00:00Z", Outcome.WAITING, next_try="2026-11-23T13:00:00Z"))
    home.handover().look()
    assert read_verdict(home.data) is None


def test_nothing_of_the_cookies_is_logged(
    home: Home, standin: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    home.hand(good(standin, tmp_path))
    home.handover().look()
    assert standin.world.identity is not None and caplog.records
    token = standin.world.identity.split("%09")[1]
    assert not any(token[:12] in record.getMessage() for record in caplog.records)


# --- beside the loop ------------------------------------------------------------------------------------------------


def test_a_clock_beside_is_stopped_with_the_loops() -> None:
    loops = Clock()
    own = ClockBeside(loops)
    loops.stop()
    with pytest.raises(Stopped):
        own.check()
    assert ClockBeside(loops).stopped


def test_beside_a_loop_it_looks_by_itself_and_ends_with_it(home: Home, standin: StandIn, tmp_path: Path) -> None:
    home.clock = Clock()
    with beside(home.settings, home.data, home.clock) as handover:
        home.hand(good(standin, tmp_path))
        wait_for(lambda: handover.accepted > 0, within_s=3)
        assert home.verdict().state == Outcome.ACCEPTED
        began = time.monotonic()
    assert time.monotonic() - began < 2


# --- on a host with systemd -----------------------------------------------------------------------------------------


def test_a_tick_judges_what_was_handed_over_and_scrapes(home: Home, standin: StandIn, tmp_path: Path) -> None:
    home.hand(good(standin, tmp_path))
    assert scrape_tick(home.settings, home.data, Clock()) == 0
    assert home.verdict().state == Outcome.ACCEPTED
    assert len(json.loads(home.data.collection.read_text())["items"]) == 3
    assert not is_asked(home.data, Verb)


def test_what_is_handed_over_while_a_tick_scrapes_is_judged_meanwhile_and_scraped_with(
    home: Home, standin: StandIn, tmp_path: Path
) -> None:
    given = good(standin, tmp_path)
    home.settings.cookies_file.write_text(given)
    hang = standin.rules.add("hang", match={"path": "collection_items"}, times=1, seconds=1.5)
    states: list[str] = []

    def hand_over_and_watch() -> None:
        wait_for(lambda: hang.hits > 0)
        home.hand(given)
        wait_for(lambda: read_verdict(home.data) is not None and home.verdict().state == Outcome.ACCEPTED)
        states.append("judged" if not home.data.collection.exists() else "late")

    user = Thread(target=hand_over_and_watch)
    user.start()
    assert scrape_tick(home.settings, home.data, Clock()) == 0
    user.join()
    assert states == ["judged"], "the first scrape still hangs by then"
    assert not is_asked(home.data, Verb), "and a second one was made"


def test_a_tick_during_a_pause_judges_and_does_not_scrape(home: Home, standin: StandIn, tmp_path: Path) -> None:
    pause(home.data, NOW)
    home.hand(good(standin, tmp_path))
    scrape_tick(home.settings, home.data, Clock())
    assert home.verdict().state == Outcome.ACCEPTED
    assert not home.data.collection.exists()
    assert is_asked(home.data, (Verb.SCRAPE,)), "after the pause"
    assert not (home.data.control / "scrape.request").exists(), "it would start the unit again at once"
