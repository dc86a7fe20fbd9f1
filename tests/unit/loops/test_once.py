"""The short forms of the stages: in this process for what they decide, as processes for how they end."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb, ask, is_asked, pause, resume
from bandcamp_sync.errors import CookiesMissing, MusicFolderMissing, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.health.timers import read_timers
from bandcamp_sync.health.unit import RECONCILE_TIMER, RETRY_TIMER, SCRAPE_TIMER, Timer
from bandcamp_sync.ignore import change_ignored
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.loops.once import code_of
from bandcamp_sync.loops.reconcile_tick import reconcile_tick, verify_tick
from bandcamp_sync.loops.retry_tick import next_due, retry_tick
from bandcamp_sync.loops.scrape_tick import last_code, scrape_tick
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from standin import StandIn, World
from unit.factories import DAY, NOW, capture, failure, item, job

ROOT = Path(__file__).resolve().parents[3]
HOUR = timedelta(hours=1)


class Home:
    """Real files, and the three programs over them."""

    def __init__(self, root: Path, base_url: str = "http://127.0.0.1:9") -> None:
        given = {"DATA_DIR": str(root), "BANDCAMP_BASE_URL": base_url, "REQUEST_INTERVAL": "0", "STALL_TIMEOUT": "2s"}
        self.settings = Settings.from_environment({**given, "LEASE": "1s"})
        self.data, self.music = data_folder(self.settings), music_folder(self.settings)
        self.clock = Clock()
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        self.data.config.mkdir(parents=True)

    def scrape(self) -> int:
        return scrape_tick(self.settings, self.data, self.clock)

    def reconcile(self) -> int:
        return reconcile_tick(self.settings, self.data, self.clock)

    def retry(self) -> bool:
        """One tick; whether it asked for a reconcile."""
        assert retry_tick(self.settings, self.data, self.clock) == 0
        return is_asked(self.data, (Verb.RECONCILE,))

    def own(self, *keys: str) -> None:
        write_capture(self.data.collection, capture(*(item(key) for key in keys)))

    def put(self, state: State, key: str, **changes: Any) -> None:
        self.spool.path(state, key).write_text(job(key, **changes).model_dump_json(by_alias=True))

    def last(self, result: str, at: str, error: str | None = None) -> None:
        atomic.write_json(self.data.scrape_memory, {"last_run_at": at, "result": result, "error": error})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# --- scrape ---------------------------------------------------------------------------------------------------------


def test_a_scrape_that_fails_ends_with_its_code_and_so_does_each_tick_after_it(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.scrape() == 3
    began = json.loads(home.data.scrape_memory.read_text())["last_run_at"]
    capsys.readouterr()
    assert home.scrape() == 3
    assert capsys.readouterr().err.count("no cookies yet") == 1, "the journal is told the reason once a tick"
    assert json.loads(home.data.scrape_memory.read_text())["last_run_at"] == began, "no scrape was due"


def test_a_scrape_that_works_makes_the_unit_well_again(tmp_path: Path) -> None:
    with StandIn(World.build(3, preset="small")) as standin:
        home = Home(tmp_path, standin.url)
        assert home.scrape() == 3
        standin.write_cookies(home.settings.cookies_file)
        assert home.scrape() == 0
        asked = len(standin.log.entries(kind="collection"))
        assert asked
        assert home.scrape() == 0
        assert len(standin.log.entries(kind="collection")) == asked, "one that ran lately is not repeated"
        assert read_timers(home.data.timers)[SCRAPE_TIMER].last_result == "success"
        ask(home.data, Verb.SCRAPE)
        assert home.scrape() == 0
        assert len(standin.log.entries(kind="collection")) > asked


def test_during_a_pause_nothing_is_scraped_and_what_was_asked_waits(home: Home) -> None:
    pause(home.data, NOW)
    ask(home.data, Verb.SCRAPE)
    assert home.scrape() == 0
    assert not list(home.data.control.glob("*.request")), "the path unit would start it again without end"
    assert not home.data.scrape_memory.exists()
    home.last("done", rfc3339(home.clock.now()))
    resume(home.data)
    assert home.scrape() == 3, "without cookies, but tried"


def test_a_failure_of_somebody_elses_scrape_counts_too(home: Home) -> None:
    home.last("failed", rfc3339(home.clock.now()), "Bandcamp cannot be reached")
    assert last_code(home.data) == 1
    home.last("done", rfc3339(home.clock.now()))
    assert last_code(home.data) == 0


@pytest.mark.parametrize("content", ["", "[]", '{"last_run_at": "x", "code": "three"}', '{"last_run_at": "x"}'])
def test_a_code_that_cannot_be_read_is_some_failure(home: Home, content: str) -> None:
    home.last("failed", "x")
    (home.data.state / "scrape-exit.json").write_text(content)
    assert last_code(home.data) == 1


def test_a_disk_that_fails_under_it_is_a_failed_scrape(tmp_path: Path) -> None:
    with StandIn(World.build(3, preset="small")) as standin:
        home = Home(tmp_path, standin.url)
        standin.write_cookies(home.settings.cookies_file)
        home.data.root.mkdir(exist_ok=True)
        home.data.state.symlink_to("not-mounted")
        assert home.scrape() == 5


# --- reconcile ------------------------------------------------------------------------------------------------------


def test_it_reconciles_each_time_and_does_what_is_asked(home: Home) -> None:
    home.music.root.mkdir()
    home.own("p1", "p2", "p3")
    ask(home.data, Verb.IGNORE, "p2")
    home.put(State.FAILED, "p3", attempt=8, failure=failure())
    ask(home.data, Verb.RETRY, "p3")
    ask(home.data, Verb.RECONCILE)
    assert home.reconcile() == 0
    assert set(home.spool.keys(State.PENDING)) == {"p1", "p3"}
    assert not is_asked(home.data, Verb)
    assert (home.data.state / "disk.json").exists()
    assert read_timers(home.data.timers)[RECONCILE_TIMER].last_result == "success"
    ask(home.data, Verb.UNIGNORE, "p2")
    assert home.reconcile() == 0
    assert "p2" in home.spool.keys(State.PENDING)


def test_a_music_folder_that_is_away_is_exit_5_until_it_is_back(home: Home) -> None:
    write_marker(home.data, home.music, NOW)
    home.own("p1")
    os.utime(home.data.collection, (1, 1))
    away = home.music.root.rename(home.music.root.with_name("elsewhere"))
    ask(home.data, Verb.RECONCILE)
    assert home.reconcile() == 5
    assert not is_asked(home.data, (Verb.RECONCILE,)), "requests do not pile up"
    assert home.retry(), "each minute tries anew"
    away.rename(home.music.root)
    assert home.reconcile() == 0
    assert home.spool.keys(State.PENDING) == ["p1"]
    assert not home.retry()


def test_a_check_of_the_library_leaves_its_verdict(home: Home) -> None:
    write_marker(home.data, home.music, NOW)
    ask(home.data, Verb.VERIFY)
    assert verify_tick(home.settings, home.data, home.clock) == 0
    assert not is_asked(home.data, Verb)
    assert (home.data.state / "verify.json").exists()
    home.music.root.rename(home.music.root.with_name("elsewhere"))
    assert verify_tick(home.settings, home.data, home.clock) == 5


# --- retry ----------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_when_nothing_is_due_and_the_next_time_is_told(home: Home) -> None:
    home.reconcile()
    due = home.clock.now() + DAY
    home.put(State.FAILED, "p1", attempt=1, failure=failure(), not_before=due)
    home.put(State.FAILED, "p2", attempt=8, failure=failure())
    assert not home.retry()
    timers = read_timers(home.data.timers)
    assert timers[RETRY_TIMER].next_elapse == rfc3339(due)
    assert timers[RECONCILE_TIMER].last_result == "success", "the reconcile's own timer stays as it was"


def test_a_download_that_is_due_is_asked_for(home: Home) -> None:
    home.reconcile()
    home.put(State.FAILED, "p1", attempt=1, failure=failure(), not_before=NOW - 1000 * DAY)
    assert home.retry()
    assert home.reconcile() == 0
    assert home.spool.keys(State.PENDING) == ["p1"]
    assert not home.retry()


def test_a_dead_workers_job_is_asked_for(home: Home) -> None:
    home.reconcile()
    home.put(State.PENDING, "p1")
    assert home.spool.claim("p1", "a worker that dies", NOW) is not None
    old = time.time() - 60
    os.utime(home.spool.path(State.IN_PROGRESS, "p1"), (old, old))
    assert home.retry()
    assert home.reconcile() == 0
    assert home.spool.keys(State.PENDING) == ["p1"]


def test_a_collection_that_no_reconcile_has_seen_is_asked_for(home: Home) -> None:
    assert not home.retry(), "there is nothing yet"
    home.own("p1")
    assert home.retry()
    assert home.reconcile() == 0
    os.utime(home.data.collection, (1, 1))
    assert not home.retry()
    later = time.time() + 5
    os.utime(home.data.collection, (later, later))
    assert home.retry()


def test_receipts_are_never_read(home: Home) -> None:
    home.reconcile()
    # What is no job would be put into quarantine by whoever reads it.
    home.spool.path(State.DONE, "p1").write_text("{")
    home.retry()
    assert home.spool.path(State.DONE, "p1").exists()


def test_the_earliest_of_no_times_is_none() -> None:
    assert next_due([]) is None
    assert next_due([None, NOW + DAY, NOW]) == NOW


def test_what_is_ignored_is_never_due(home: Home) -> None:
    home.put(State.FAILED, "p1", attempt=1, failure=failure(), not_before=NOW - DAY)
    change_ignored(home.data, add=["p1"])
    assert not home.retry()
    assert read_timers(home.data.timers).get(RETRY_TIMER, Timer()).next_elapse is None
    change_ignored(home.data, drop=["p1"])
    assert home.retry()


# --- as processes ---------------------------------------------------------------------------------------------------


def start(module: str, folder: Path, **more: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "DATA_DIR": str(folder), **more}
    return subprocess.Popen([sys.executable, "-m", module], env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("services.scraper.once", 3),
        ("services.reconciler.once", 0),
        ("services.reconciler.retry", 0),
        ("services.reconciler.verify", 0),
    ],
)
def test_each_program_runs_once_and_ends_with_a_code(module: str, code: int, tmp_path: Path) -> None:
    process = start(module, tmp_path / "data")
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, "Traceback" in said) == (code, False), said
    broken = start(module, tmp_path / "data", WORKERS="many")
    said = broken.communicate(timeout=60)[1]
    assert (broken.returncode, said.count("\n")) == (2, 1)
    assert "WORKERS='many'" in said


def test_told_to_end_it_ends_at_once_and_it_is_no_failure(tmp_path: Path) -> None:
    with StandIn(World.build(3, preset="small")) as standin:
        standin.rules.add("hang", match={"class": ["page", "collection"]}, seconds=60)
        standin.write_cookies(tmp_path / "config" / "cookies.txt")
        process = start("services.scraper.once", tmp_path, BANDCAMP_BASE_URL=standin.url, STALL_TIMEOUT="60s")
        deadline = time.monotonic() + 30
        while not standin.log.entries() and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1]
        assert (process.returncode, time.monotonic() - began < 5) == (0, True), said


def test_codes_are_those_of_the_command_line(home: Home) -> None:
    assert code_of(CookiesMissing(Path("x"))) == 3
    assert code_of(MusicFolderMissing(Path("x"))) == code_of(OSError("no space")) == 5
    home.clock.stop()
    with pytest.raises(Stopped):
        home.reconcile()
