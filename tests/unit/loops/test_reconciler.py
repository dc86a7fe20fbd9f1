import os
import time
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb, ask, is_asked
from bandcamp_sync.errors import MusicFolderMissing
from bandcamp_sync.health.timers import read_timers
from bandcamp_sync.health.unit import RECONCILE_TIMER, RETRY_TIMER
from bandcamp_sync.ignore import change_ignored
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.loops.reconciler import Reconciler
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from unit.factories import DAY, NOW, capture, failure, item, job


class Home:
    """A reconciler over real files."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment({"DATA_DIR": str(root), "LEASE": "1s"})
        self.data, self.music = data_folder(self.settings), music_folder(self.settings)
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        self.reconciler = Reconciler(self.settings, self.data, Clock())

    def own(self, *keys: str) -> None:
        write_capture(self.data.collection, capture(*(item(key) for key in keys)))

    def put(self, state: State, key: str, **changes: Any) -> None:
        self.spool.path(state, key).write_text(job(key, **changes).model_dump_json(by_alias=True))

    def keys(self, state: State) -> set[str]:
        return set(self.spool.keys(state))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_it_reconciles_at_the_start_and_then_only_when_something_changed(home: Home) -> None:
    home.own("p1")
    assert home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1"}
    assert not home.reconciler.look()
    home.own("p1", "p2")
    assert home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1", "p2"}


def test_a_retry_that_is_due_is_queued(home: Home) -> None:
    home.reconciler.look()
    home.put(State.FAILED, "p1", attempt=1, failure=failure(), not_before=Clock().now() + DAY)
    assert not home.reconciler.look()
    assert home.reconciler.next_retry() is not None
    home.put(State.FAILED, "p2", attempt=1, failure=failure(), not_before=NOW - 1000 * DAY)
    assert home.reconciler.look()
    assert (home.keys(State.PENDING), home.keys(State.FAILED)) == ({"p2"}, {"p1"})


def test_what_is_ignored_or_hidden_by_now_is_due_and_no_reason_to_reconcile(home: Home) -> None:
    home.reconciler = Reconciler(home.settings.model_copy(update={"include_hidden": False}), home.data, Clock())
    home.own("p1", "p2")
    write_capture(home.data.collection, capture(item("p1"), item("p2", hidden=True), item("p3")))
    for key in ("p1", "p2"):
        home.put(State.FAILED, key, attempt=1, failure=failure(), not_before=NOW - DAY)
    change_ignored(home.data, add=["p1"])
    assert home.reconciler.look()
    assert (home.keys(State.FAILED), home.keys(State.PENDING)) == ({"p1", "p2"}, {"p3"})
    assert not home.reconciler.look()
    assert home.reconciler.next_retry() is None
    change_ignored(home.data, drop=["p1"])
    assert home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1", "p3"}


def test_a_dead_workers_job_comes_back(home: Home) -> None:
    home.put(State.PENDING, "p1")
    assert home.spool.claim("p1", "a worker that dies", NOW) is not None
    old = time.time() - 60
    os.utime(home.spool.path(State.IN_PROGRESS, "p1"), (old, old))
    assert home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1"}


def test_a_request_is_done_and_gone(home: Home) -> None:
    home.reconciler.look()
    ask(home.data, Verb.RECONCILE)
    assert home.reconciler.look()
    assert not is_asked(home.data, Verb)


def test_failed_purchases_are_retried_when_asked(home: Home) -> None:
    for key in ("p1", "p2", "p3"):
        home.put(State.FAILED, key, attempt=8, failure=failure())
    ask(home.data, Verb.RETRY, "p2")
    ask(home.data, Verb.RETRY, "p99")
    home.reconciler.look()
    assert home.keys(State.PENDING) == {"p2"}
    ask(home.data, Verb.RETRY)
    home.reconciler.look()
    assert home.keys(State.FAILED) == set()
    assert not is_asked(home.data, Verb)


def test_purchases_are_ignored_and_taken_back_when_asked(home: Home) -> None:
    home.own("p1")
    ask(home.data, Verb.IGNORE, "p1")
    home.reconciler.look()
    assert home.keys(State.PENDING) == set()
    ask(home.data, Verb.UNIGNORE, "p1")
    assert home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1"}


def test_an_unmounted_music_folder_is_waited_for(home: Home) -> None:
    write_marker(home.data, home.music, NOW)
    home.own("p1")
    home.reconciler.look()
    away = home.music.root.rename(home.music.root.with_name("elsewhere"))
    for _ in range(2):
        with pytest.raises(MusicFolderMissing):
            home.reconciler.look()
    assert list(home.data.alarms.iterdir())
    away.rename(home.music.root)
    assert home.reconciler.look()
    assert not list(home.data.alarms.iterdir())


def test_a_request_that_met_trouble_is_not_lost(home: Home) -> None:
    write_marker(home.data, home.music, NOW)
    home.own("p1")
    away = home.music.root.rename(home.music.root.with_name("elsewhere"))
    ask(home.data, Verb.RECONCILE)
    with pytest.raises(MusicFolderMissing):
        home.reconciler.look()
    away.rename(home.music.root)
    home.reconciler.look()
    assert home.keys(State.PENDING) == {"p1"}
    assert not is_asked(home.data, Verb)


def test_verify_runs_beside_the_loop_and_leaves_what_it_found(home: Home) -> None:
    write_marker(home.data, home.music, NOW)
    ask(home.data, Verb.VERIFY)
    home.reconciler.start_verify()
    deadline = time.monotonic() + 20
    found = home.data.state / "verify.json"
    while not found.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found.exists()


def test_it_publishes_the_free_room_for_those_who_may_not_look(home: Home) -> None:
    home.music.root.mkdir()
    home.reconciler.look()
    assert (home.data.state / "disk.json").exists()


def test_its_timers_tell_when_it_looks_again_and_when_a_retry_is_due(home: Home) -> None:
    due = Clock().now() + DAY
    home.put(State.FAILED, "p1", attempt=1, failure=failure(), not_before=due)
    home.reconciler.look()
    home.reconciler.publish_timers()
    timers = read_timers(home.data.timers)
    assert timers[RETRY_TIMER].next_elapse == rfc3339(due)
    whole = timers[RECONCILE_TIMER]
    assert whole.last_result == "success"
    assert whole.next_elapse is not None and whole.last_trigger is not None and whole.next_elapse > whole.last_trigger
