import json
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Verb, ask, is_asked, pause
from bandcamp_sync.errors import Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.health.timers import read_timers
from bandcamp_sync.health.unit import SCRAPE_TIMER
from bandcamp_sync.loops.scraper import Memory, Scraper, next_scrape, read_memory
from bandcamp_sync.paths import data_folder
from bandcamp_sync.settings import Settings
from standin import StandIn, World
from unit.factories import NOW, HurriedClock

HOUR = timedelta(hours=1)
SETTINGS = Settings.from_environment({"SCRAPE_INTERVAL": "6h", "RETRY_BASE": "5m"})


def test_the_first_scrape_is_due_at_once() -> None:
    assert next_scrape(None, Memory(), SETTINGS, NOW) == NOW


def test_the_next_is_counted_from_the_last_run_on_disk() -> None:
    assert next_scrape(NOW - HOUR, Memory(), SETTINGS, NOW) == NOW + 5 * HOUR


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 10), (3, 20), (6, 160), (7, 320), (8, 360), (500, 360)])
def test_failures_are_followed_by_growing_waits(failures: int, minutes: int) -> None:
    assert next_scrape(NOW, Memory(failures=failures), SETTINGS, NOW) == NOW + timedelta(minutes=minutes)


def test_a_wish_for_patience_is_kept() -> None:
    memory = Memory(failures=1, not_before=rfc3339(NOW + HOUR))
    assert next_scrape(NOW, memory, SETTINGS, NOW) == NOW + HOUR


def test_a_scrape_that_was_cut_off_is_not_begun_again_at_once() -> None:
    memory = Memory(started_at=rfc3339(NOW))
    assert next_scrape(None, memory, SETTINGS, NOW + timedelta(seconds=1)) == NOW + timedelta(minutes=5)


def test_a_clock_that_jumped_back_holds_nothing_up_for_longer_than_an_interval() -> None:
    assert next_scrape(NOW + 1000 * HOUR, Memory(), SETTINGS, NOW) == NOW + 6 * HOUR


@pytest.mark.parametrize(
    "content", ["", "[]", '{"failures": "x"}', '{"started_at": "noon"}', '{"started_at": 7}', '{"failures": 1e999}']
)
def test_a_broken_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "scraper.json").write_text(content)
    assert read_memory(tmp_path / "scraper.json") == Memory()


class Home:
    """A scraper over real files, with a clock that a test may hurry."""

    def __init__(self, root: Path, base_url: str = "http://127.0.0.1:9") -> None:
        given = {"DATA_DIR": str(root), "BANDCAMP_BASE_URL": base_url, "REQUEST_INTERVAL": "0", "STALL_TIMEOUT": "2s"}
        self.settings = Settings.from_environment({**given, "SCRAPE_INTERVAL": "6h", "RETRY_BASE": "5m"})
        self.data = data_folder(self.settings)
        self.clock = HurriedClock()
        self.data.config.mkdir(parents=True)

    def scraper(self) -> Scraper:
        return Scraper(self.settings, self.data, self.clock)

    def last(self, result: str, ago: timedelta) -> None:
        value = {"last_run_at": rfc3339(NOW - ago), "result": result, "error": None}
        atomic.write_json(self.data.scrape_memory, value)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_restart_starts_no_scrape_when_one_ran_lately(home: Home) -> None:
    home.last("done", HOUR)
    assert not home.scraper().is_due()
    home.last("done", 7 * HOUR)
    assert home.scraper().is_due()


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "noon"])
def test_a_last_run_that_no_clock_can_tell_of_is_none_and_is_put_right_by_one_scrape(home: Home, at: str) -> None:
    atomic.write_json(home.data.scrape_memory, {"last_run_at": at, "result": "done", "error": None})
    scraper = home.scraper()
    scraper.publish_timer(running=False)
    assert scraper.is_due()
    scraper.scrape_once()
    assert not scraper.is_due()


def test_after_a_clock_was_set_back_the_next_scrape_comes_within_an_interval(home: Home) -> None:
    home.last("done", -1000 * HOUR)
    ahead = rfc3339(NOW + 1000 * HOUR)
    atomic.write_json(home.data.state / "scraper.json", asdict(Memory(1, None, ahead, ahead)))
    scraper = home.scraper()
    assert scraper.is_due()
    scraper.scrape_once()
    home.last("done", -1000 * HOUR)  # as if its end could not be written
    assert not scraper.is_due(), "a disk that takes nothing is no reason to ask without end"
    home.clock.sleep(6.1 * 3600)
    assert scraper.is_due()


def test_a_request_is_answered_at_once_but_not_during_a_pause(home: Home) -> None:
    home.last("done", HOUR)
    ask(home.data, Verb.SCRAPE)
    assert home.scraper().is_due()
    pause(home.data, NOW)
    assert not home.scraper().is_due()
    assert is_asked(home.data, (Verb.SCRAPE,))


def test_missing_cookies_end_nothing_and_new_ones_are_tried_at_once(home: Home) -> None:
    scraper = home.scraper()
    scraper.scrape_once()
    assert json.loads(home.data.scrape_memory.read_text())["result"] == "failed"
    assert not scraper.is_due()
    assert not home.scraper().is_due(), "a restart must remember the failure"
    home.settings.cookies_file.write_text("garbage")
    assert scraper.is_due()
    assert home.scraper().is_due()
    scraper.scrape_once()
    assert not scraper.is_due()
    os.utime(home.settings.cookies_file, (1, 1))
    assert scraper.is_due()


def test_a_trouble_is_told_once(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    scraper = home.scraper()
    for _ in range(3):
        scraper.scrape_once()
    assert sum(record.getMessage().startswith("waiting: ") for record in caplog.records) == 1


def test_a_memory_that_cannot_be_written_asks_bandcamp_no_more_often(home: Home) -> None:
    home.data.state.mkdir()
    (home.data.state / "scraper.json").mkdir()
    home.data.scrape_memory.mkdir()
    scraper = home.scraper()
    scraper.scrape_once()
    assert not scraper.is_due()


def test_a_request_is_gone_before_the_scrape_begins(home: Home) -> None:
    ask(home.data, Verb.SCRAPE)
    home.scraper().scrape_once()
    assert not is_asked(home.data, (Verb.SCRAPE,))


def test_a_scrape_that_works_forgets_the_failures(tmp_path: Path) -> None:
    with StandIn(World.build(5)) as standin:
        home = Home(tmp_path, standin.url)
        home.clock = Clock()  # type: ignore[assignment]
        scraper = home.scraper()
        scraper.scrape_once()
        assert scraper.memory.failures == 1
        standin.write_cookies(home.settings.cookies_file)
        assert scraper.is_due()
        scraper.scrape_once()
        assert scraper.memory == Memory()
        assert not scraper.is_due()
        assert len(json.loads(home.data.collection.read_text())["items"]) == 5


def test_it_ends_when_it_is_told_to(home: Home) -> None:
    home.clock.stop()
    with pytest.raises(Stopped):
        home.scraper().run()


def test_its_timer_tells_when_the_next_scrape_is_due_and_how_the_last_one_went(home: Home) -> None:
    scraper = home.scraper()
    assert scraper.scrape_once() is not None, "without cookies a scrape tells its trouble"
    scraper.publish_timer(running=False)
    timer = read_timers(home.data.timers)[SCRAPE_TIMER]
    assert (timer.last_result, timer.running) == ("exit-code", False)
    assert timer.next_elapse == rfc3339(home.clock.now() + timedelta(minutes=5))
    pause(home.data, NOW)
    scraper.publish_timer(running=False)
    assert read_timers(home.data.timers)[SCRAPE_TIMER].next_elapse is None
