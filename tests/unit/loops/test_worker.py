import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.control import pause
from bandcamp_sync.errors import LocalTrouble, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.loops.scraper import Scraper
from bandcamp_sync.loops.worker import WorkerLoop
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.processes import identity
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.reconcile import reconcile, recover_abandoned
from standin import StandIn, World
from unit.factories import NOW


class Home:
    """Purchases that are queued, over a real stand-in, and a worker's loop."""

    def __init__(self, root: Path, standin: StandIn) -> None:
        given = {"DATA_DIR": str(root), "BANDCAMP_BASE_URL": standin.url, "REQUEST_INTERVAL": "0"}
        self.settings = Settings.from_environment({**given, "MIN_FREE_SPACE": "1M"})
        self.data = data_folder(self.settings)
        self.spool = Spool(self.data.inbox)
        self.standin = standin
        self.cookies = self.settings.cookies_file
        standin.write_cookies(self.cookies)
        clock = Clock()
        Scraper(self.settings, self.data, clock).scrape_once()
        reconcile(self.settings, self.data, music_folder(self.settings), clock)
        self.clock = Clock()
        self.loop = WorkerLoop(self.settings, self.data, self.clock)

    def counts(self) -> tuple[int, int, int]:
        """Pending, in progress, done."""
        return tuple(len(self.spool.keys(state)) for state in (State.PENDING, State.IN_PROGRESS, State.DONE))  # type: ignore[return-value]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with StandIn(World.build(3, preset="small")) as standin:
        home = Home(tmp_path, standin)
        yield home
        home.loop.worker.close()


def running(home: Home) -> threading.Thread:
    def run() -> None:
        with pytest.raises(Stopped):
            home.loop.run()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(home: Home, wanted: tuple[int, int, int], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while home.counts() != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert home.counts() == wanted


def test_it_works_until_nothing_is_pending_and_goes_on_waiting(home: Home) -> None:
    assert home.counts() == (3, 0, 0)
    assert [home.loop.step() for _ in range(4)] == [True, True, True, False]
    assert home.counts() == (0, 0, 3)


def test_a_pause_is_kept(home: Home) -> None:
    pause(home.data, NOW)
    assert not home.loop.step()
    assert home.counts() == (3, 0, 0)


def test_missing_cookies_cost_no_attempt_and_new_ones_are_noticed(home: Home) -> None:
    home.cookies.unlink()
    thread = running(home)
    try:
        time.sleep(1.5)
        assert home.counts() == (3, 0, 0)
        assert all(job.attempt == 0 for job in home.spool.jobs(State.PENDING))
        home.standin.write_cookies(home.cookies)
        until(home, (0, 0, 3))
    finally:
        home.clock.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_it_ends_within_moments_when_told_to_while_it_waits(home: Home) -> None:
    home.cookies.unlink()
    thread = running(home)
    time.sleep(1)
    began = time.monotonic()
    home.clock.stop()
    thread.join(10)
    assert time.monotonic() - began < 2
    assert home.counts() == (3, 0, 0)


def test_what_a_killed_process_of_this_host_held_is_taken_up_at_once_at_the_next_start(home: Home) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = f"{identity(gone.pid)}:00000000"
    [key, *_] = home.spool.keys(State.PENDING)
    assert home.spool.claim(key, holder, home.clock.now()) is not None
    assert recover_abandoned(home.settings, home.data, home.clock) == []
    gone.kill()
    gone.wait()
    thread = running(home)
    try:
        until(home, (0, 0, 3))
    finally:
        home.clock.stop()
        thread.join(10)
    assert key in home.spool.keys(State.DONE)


def test_purchases_that_are_broken_and_neighbours_do_not_hold_up_those_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StandIn(World.build(5, preset="small")) as standin:
        home = Home(tmp_path, standin)
        # The names of the keys follow the order of the purchases, newest first.
        for key in sorted(home.spool.keys(State.PENDING))[:3]:
            standin.rules.add("redesign", match={"class": "page", "key": key})
        monkeypatch.setattr(home.loop, "_wait_for_change", lambda marks, wait_s: None)
        assert all(home.loop.step() for _ in range(6))
        assert home.counts() == (0, 0, 2)
        assert [job.attempt for job in home.spool.jobs(State.FAILED)] == [1, 1, 1]
        home.loop.worker.close()


def test_a_redesign_costs_those_that_wait_no_attempt_however_often_it_is_met(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.standin.rules.add("redesign", match={"class": "page"})
    monkeypatch.setattr(home.loop, "_wait_for_change", lambda marks, wait_s: None)
    for _ in range(8):
        home.loop.step()
    assert [job.attempt for job in home.spool.jobs(State.PENDING)] == [0]


def test_good_cookies_that_are_older_than_the_alarm_are_tried_at_once_when_they_are_put_there(home: Home) -> None:
    export = home.cookies.with_name("export.txt")
    home.cookies.rename(export)
    thread = running(home)
    try:
        alarm = home.data.alarms / "session.json"
        deadline = time.monotonic() + 20
        while not alarm.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert export.stat().st_mtime < alarm.stat().st_mtime
        export.rename(home.cookies)
        until(home, (0, 0, 3))
    finally:
        home.clock.stop()
        thread.join(10)


def test_a_job_that_was_claimed_when_the_disk_failed_is_handed_back(home: Home) -> None:
    worker = home.loop.worker
    assert worker.work_one()
    receipts = [home.spool.path(State.DONE, key) for key in home.spool.keys(State.PENDING)]
    for path in receipts:
        path.symlink_to("/proc/self/mem")  # a file that is there, and whose reading is an input/output error
    with pytest.raises(LocalTrouble, match="done"):
        worker.work_one()
    for path in receipts:
        path.unlink()
    assert home.counts() == (1, 1, 1)
    worker.hand_back_held()
    assert home.counts() == (2, 0, 1)
    assert [job.attempt for job in home.spool.jobs(State.PENDING)] == [0, 0]


def test_a_claim_that_the_disk_broke_off_is_undone_as_soon_as_the_disk_takes_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, moves = home.loop.worker, list[Path]()
    move, write = atomic.move, atomic.write_bytes

    def once(source: Path, target: Path, replace: bool = True) -> None:
        moves.append(target)
        if len(moves) > 1:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
        move(source, target, replace)

    def refused(path: Path, *given: Any, **more: Any) -> None:
        if path.parent.name == "in_progress":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        write(path, *given, **more)

    with monkeypatch.context() as broken:
        broken.setattr(atomic, "move", once)
        broken.setattr(atomic, "write_bytes", refused)
        with pytest.raises((LocalTrouble, OSError)):
            worker.work_one()
    assert home.counts() == (2, 1, 0), "it lies claimed, by nobody"
    worker.hand_back_held()
    assert home.counts() == (3, 0, 0)
    assert [job.attempt for job in home.spool.jobs(State.PENDING)] == [0, 0, 0]


def test_the_log_tells_a_begin_an_arrival_and_what_is_not_tried_again(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    [lost, *_] = home.spool.keys(State.PENDING)
    home.standin.rules.add("reauth", match={"class": ["stat", "file"], "key": lost})
    caplog.set_level("INFO")
    while home.loop.step():
        pass
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert len([text for level, text in told if level == "INFO" and text.endswith("is being fetched")]) == 3
    assert len([text for level, text in told if level == "INFO" and "is in place" in text]) == 2
    [error] = [text for level, text in told if level == "ERROR"]
    assert lost in error and error.endswith("; not tried again by itself")
