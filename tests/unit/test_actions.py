"""The journal of actions, over real files."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.actions import KEPT, By, asking, note, recent
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.control import Verb, ask, take
from bandcamp_sync.deeds import by_hand, running, taken
from bandcamp_sync.errors import CookiesMissing, MusicFolderMissing, Stopped
from bandcamp_sync.paths import DataFolder
from unit.factories import LINK, NOW, HurriedClock

MINUTE = timedelta(minutes=1)
WITHOUT_MUSIC = MusicFolderMissing(Path("/music"))


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


def click(data: DataFolder, verb: Verb, key: str | None = None, by: By = By.DASHBOARD) -> None:
    with asking(data, NOW, verb, by, key):
        ask(data, verb, key)


def told(data: DataFolder, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(action[field] for field in fields) for action in recent(data, NOW)]


# --- from asking to what came of it ---------------------------------------------------------------------------------


def test_what_is_asked_runs_and_ends_with_what_came_of_it(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.SCRAPE)
    (first,) = recent(data, NOW)
    assert {**first, "id": "x"} == {
        "id": "x",
        "verb": "scrape",
        "key": None,
        "by": "dashboard",
        "asked_at": rfc3339(NOW),
        "state": "asked",
        "ended_at": None,
        "outcome": None,
    }
    with taken(data, clock, Verb.SCRAPE) as doing:
        assert told(data, "state", "ended_at") == [("running", None)]
        clock.sleep(5)
        doing.outcome = "12 purchases"
    (last,) = recent(data, NOW)
    assert (last["state"], last["outcome"]) == ("done", "12 purchases")
    assert last["ended_at"] == rfc3339(NOW + timedelta(seconds=5))
    assert last["id"] == first["id"]


def test_two_clicks_are_two_actions_and_one_run_answers_both(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.VERIFY)
    click(data, Verb.VERIFY)
    with taken(data, clock, Verb.VERIFY) as doing:
        doing.outcome = "2 of 2 albums are whole"
    assert told(data, "state", "outcome") == [("done", "2 of 2 albums are whole")] * 2


def test_a_click_while_it_runs_waits_for_the_next_run(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.SCRAPE)
    with taken(data, clock, Verb.SCRAPE) as doing:
        clock.sleep(1)
        with asking(data, clock.now(), Verb.SCRAPE, By.DASHBOARD):
            ask(data, Verb.SCRAPE)
        doing.outcome = "12 purchases"
    assert told(data, "state", "outcome") == [("asked", None), ("done", "12 purchases")]


def test_each_purchase_has_an_outcome_of_its_own(data: DataFolder, clock: HurriedClock) -> None:
    for key in ("p1", "p2", None):
        click(data, Verb.RETRY, key)
    click(data, Verb.IGNORE, "p1")
    with taken(data, clock, Verb.RETRY) as doing:
        doing.end("p1", "queued again")
        doing.end(None, "3 queued again")
        doing.outcome = "nothing to do"
    found = {
        (verb, key): (state, outcome) for verb, key, state, outcome in told(data, "verb", "key", "state", "outcome")
    }
    assert found == {
        ("retry", "p1"): ("done", "queued again"),
        ("retry", "p2"): ("done", "nothing to do"),
        ("retry", None): ("done", "3 queued again"),
        ("ignore", "p1"): ("asked", None),
    }


def test_what_goes_wrong_is_told_in_the_errors_own_sentence(data: DataFolder, clock: HurriedClock) -> None:
    error = CookiesMissing(Path("/x/cookies.txt"))
    click(data, Verb.SCRAPE)
    with pytest.raises(CookiesMissing), taken(data, clock, Verb.SCRAPE):
        raise error
    with pytest.raises(CookiesMissing), running(data, clock, "scrape", By.TIMER):
        raise error
    assert set(told(data, "by", "state", "outcome")) == {
        ("dashboard", "failed", str(error)),
        ("timer", "failed", str(error)),
    }


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Stopped(), "it was stopped before it was done"),
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device"),
        (ModuleNotFoundError(name="av"), "av is not installed here"),
        (KeyError(LINK), "unexpected: KeyError (see the log)"),
    ],
)
def test_other_errors_have_a_sentence_too(
    data: DataFolder, clock: HurriedClock, error: Exception, sentence: str
) -> None:
    with pytest.raises(type(error)), running(data, clock, "work", By.COMMAND_LINE):
        raise error
    assert told(data, "state", "outcome") == [("failed", sentence)]


def test_a_request_that_is_kept_waits_and_is_taken_once_more(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.RECONCILE)
    with pytest.raises(MusicFolderMissing), taken(data, clock, Verb.RECONCILE, kept=True):
        raise WITHOUT_MUSIC
    assert told(data, "state", "outcome", "ended_at") == [("asked", f"waits: {WITHOUT_MUSIC}", None)]
    with pytest.raises(Stopped), taken(data, clock, Verb.RECONCILE, kept=True):
        raise Stopped
    assert told(data, "state", "outcome") == [("asked", None)]
    with taken(data, clock, Verb.RECONCILE, kept=True) as doing:
        doing.outcome = "queued 3"
    assert told(data, "state", "outcome") == [("done", "queued 3")]


def test_a_request_that_cannot_be_left_has_failed(data: DataFolder) -> None:
    data.control.symlink_to("not-mounted")
    with pytest.raises(OSError, match="not there"):
        click(data, Verb.SCRAPE)
    ((state, outcome),) = told(data, "state", "outcome")
    assert state == "failed"
    assert str(data.control) in outcome


def test_what_is_done_at_once_is_one_entry(data: DataFolder) -> None:
    note(data, NOW, "pause", By.DASHBOARD, "paused")
    assert told(data, "verb", "by", "state", "outcome", "ended_at") == [
        ("pause", "dashboard", "done", "paused", rfc3339(NOW))
    ]


def test_a_run_that_nobody_is_known_to_have_asked_for_is_listed_where_it_has_a_name(
    data: DataFolder, clock: HurriedClock
) -> None:
    with taken(data, clock, Verb.RECONCILE):
        pass
    assert recent(data, NOW) == []
    with taken(data, clock, Verb.VERIFY, otherwise=By.COMMAND_LINE) as doing:
        doing.outcome = "1 of 1 albums are whole"
    assert told(data, "verb", "by", "state") == [("verify", "command line", "done")]


# --- a taker that died ----------------------------------------------------------------------------------------------


def killed(data: DataFolder, clock: HurriedClock, verb: Verb, kept: bool = False) -> None:
    """Take what is asked in a process that is killed at once."""
    began = taken(data, clock, verb, kept=kept)
    pid = os.fork()
    if pid == 0:
        began.__enter__()
        os._exit(9)
    os.waitpid(pid, 0)


def grow_old(data: DataFolder, minutes: float) -> None:
    for path in data.actions.glob("*.json"):
        os.utime(path, (NOW.timestamp() - minutes * 60,) * 2)


def test_a_killed_takers_action_does_not_run_for_ever(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.SCRAPE)
    killed(data, clock, Verb.SCRAPE)
    assert told(data, "state") == [("running",)]
    grow_old(data, 4)
    ((state, outcome, at),) = told(data, "state", "outcome", "ended_at")
    assert (state, at) == ("failed", rfc3339(NOW - 4 * MINUTE))
    assert "cut off" in outcome


def test_what_a_killed_taker_had_begun_is_taken_again_where_its_request_is_kept(
    data: DataFolder, clock: HurriedClock
) -> None:
    click(data, Verb.RECONCILE)
    killed(data, clock, Verb.RECONCILE, kept=True)
    with taken(data, clock, Verb.RECONCILE, kept=True) as doing:
        doing.outcome = "nothing to do"
    assert told(data, "state", "outcome") == [("done", "nothing to do")]


def test_a_later_run_does_not_answer_for_one_that_was_killed(data: DataFolder, clock: HurriedClock) -> None:
    click(data, Verb.SCRAPE)
    killed(data, clock, Verb.SCRAPE)
    grow_old(data, 4)
    click(data, Verb.SCRAPE)
    with taken(data, clock, Verb.SCRAPE) as doing:
        doing.outcome = "12 purchases"
    assert sorted(told(data, "state")) == [("done",), ("failed",)]


def test_what_runs_for_long_shows_that_it_is_alive(
    data: DataFolder, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bandcamp_sync.deeds._BEAT_S", 0.05)
    with running(data, clock, "sync", By.COMMAND_LINE):
        grow_old(data, 60)
        assert told(data, "state") == [("failed",)]
        deadline = time.monotonic() + 10
        while told(data, "state") != [("running",)] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert told(data, "state") == [("running",)]


def test_what_is_asked_waits_as_long_as_its_request_and_no_longer(data: DataFolder) -> None:
    with asking(data, NOW - 60 * MINUTE, Verb.SCRAPE, By.DASHBOARD):
        ask(data, Verb.SCRAPE)
    assert told(data, "state") == [("asked",)], "while the service is down, or there is a pause"
    request = take(data, Verb.SCRAPE)
    assert request is not None
    assert told(data, "state") == [("asked",)], "taken, and not done"
    request.done()
    ((state, outcome),) = told(data, "state", "outcome")
    assert state == "failed"
    assert "its request is gone" in outcome


# --- by hand --------------------------------------------------------------------------------------------------------


def test_a_command_is_listed_with_the_last_line_it_said(data: DataFolder, clock: HurriedClock) -> None:
    with by_hand(data, clock, "retry", {"keys": ("p1",), "everything": False}, lambda: "retry: 1 queued: p1"):
        pass
    with by_hand(data, clock, "retry", {"keys": ("p1", "p2")}, lambda: "retry: 2 queued: p1, p2"):
        pass
    assert set(told(data, "by", "key", "state", "outcome")) == {
        ("command line", "p1", "done", "1 queued: p1"),
        ("command line", None, "done", "2 queued: p1, p2"),
    }


def test_an_exit_code_of_its_own_is_no_failure_of_a_command(data: DataFolder, clock: HurriedClock) -> None:
    with pytest.raises(SystemExit), by_hand(data, clock, "work", {}, lambda: "work: 3 placed, 1 not yet"):
        raise SystemExit(1)
    assert told(data, "state", "outcome") == [("done", "3 placed, 1 not yet")]


@pytest.mark.parametrize(
    ("command", "given"), [("status", {}), ("settings", {}), ("reconcile", {"dry_run": True}), ("backup", {})]
)
def test_what_only_shows_something_is_not_listed(
    data: DataFolder, clock: HurriedClock, command: str, given: dict[str, Any]
) -> None:
    with by_hand(data, clock, command, given, lambda: "shown"):
        pass
    assert not data.actions.exists()


def test_a_key_that_is_none_is_not_listed_as_one(data: DataFolder, clock: HurriedClock) -> None:
    with by_hand(data, clock, "retry", {"keys": ("../../etc",)}, str):
        pass
    assert told(data, "key") == [(None,)]


# --- the folder -----------------------------------------------------------------------------------------------------


def test_the_newest_are_kept_and_come_first(data: DataFolder) -> None:
    for number in range(KEPT + 20):
        note(data, NOW + number * MINUTE, "pause", By.DASHBOARD, f"number {number}")
    assert len(list(data.actions.iterdir())) == KEPT
    newest = recent(data, NOW, 3)
    assert [action["outcome"] for action in newest] == [f"number {n}" for n in (119, 118, 117)]
    assert len(recent(data, NOW, 200)) == KEPT


def test_half_files_of_killed_writers_go_after_a_while(data: DataFolder) -> None:
    data.actions.mkdir(parents=True)
    for name, age_s in (("old", 7200), ("new", 10)):
        path = data.actions / f".{name}.json.0123456789ab.tmp"
        path.write_text("{")
        os.utime(path, (NOW.timestamp() - age_s,) * 2)
    note(data, NOW, "pause", By.DASHBOARD, "paused")
    assert [path.name[:4] for path in data.actions.glob(".*")] == [".new"]


WHOLE = {"id": "20261123T110000000000Z-abcdef", "verb": "scrape", "by": "timer", "state": "done"}
AT = {"asked_at": "2026-11-23T11:00:00Z"}
WRONG: list[dict[str, Any]] = [
    {},
    {**AT, "verb": "<script>"},
    {**AT, "by": "nobody"},
    {**AT, "state": "lost"},
    {**AT, "key": "../x"},
    {**AT, "outcome": "x" * 5000},
    {**AT, "outcome": {"a": 1}},
    {**AT, "id": "20261123T110000000000Z-fedcba"},
    {"asked_at": "noon"},
    {"asked_at": "2026-11-23T11:00:00"},
    {"asked_at": "0001-01-01T00:00:00+14:00"},
    {"asked_at": "0001-01-01T00:00:00+14:00", "state": "asked", "verb": "ignore"},
]
GARBAGE = [b"", b"[]", b"\xff\xfe", b"x" * 100_000, *(json.dumps({**WHOLE, **wrong}).encode() for wrong in WRONG)]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_among_the_files_is_skipped(data: DataFolder, clock: HurriedClock, content: bytes) -> None:
    note(data, NOW - 60 * MINUTE, "resume", By.DASHBOARD, "resumed")
    (data.actions / "20261123T110000000000Z-abcdef.json").write_bytes(content)
    (data.actions / "notes.json").write_text("mine")
    (data.actions / "20261123T113000000000Z-abcdef.json").mkdir()
    click(data, Verb.SCRAPE)
    with taken(data, clock, Verb.SCRAPE) as doing:
        doing.outcome = "12 purchases"
    assert told(data, "verb", "state") == [("scrape", "done"), ("resume", "done")]
    with taken(data, clock, Verb.IGNORE) as doing:
        doing.outcome = "ignored"


def unwritable(data: DataFolder) -> None:
    data.actions.mkdir(parents=True)
    data.actions.chmod(0o500)


def a_file(data: DataFolder) -> None:
    data.state.mkdir()
    data.actions.write_text("no folder")


def state_a_file(data: DataFolder) -> None:
    data.state.write_text("no folder")


def a_dead_link(data: DataFolder) -> None:
    data.state.mkdir()
    data.actions.symlink_to("/dev/full/no")


@pytest.mark.parametrize("spoil", [unwritable, a_file, state_a_file, a_dead_link])
def test_a_journal_that_cannot_be_written_stops_nothing(data: DataFolder, clock: HurriedClock, spoil: Any) -> None:
    spoil(data)
    click(data, Verb.SCRAPE)
    assert take(data, Verb.SCRAPE) is not None, "the request is left all the same"
    done = []
    with taken(data, clock, Verb.SCRAPE, otherwise=By.DASHBOARD) as doing:
        done.append("scrape")
        doing.outcome = "12 purchases"
    with running(data, clock, "scrape", By.TIMER):
        done.append("again")
    with by_hand(data, clock, "sync", {}, lambda: "sync: 1 placed"):
        done.append("by hand")
    note(data, NOW, "pause", By.DASHBOARD, "paused")
    assert done == ["scrape", "again", "by hand"]
    with pytest.raises(Stopped), running(data, clock, "scrape", By.TIMER):
        raise Stopped
    assert isinstance(recent(data, NOW), list)


def test_a_journal_that_vanishes_meanwhile_is_written_anew(data: DataFolder, clock: HurriedClock) -> None:
    with running(data, clock, "scrape", By.TIMER) as doing:
        for path in data.actions.iterdir():
            path.unlink()
        data.actions.rmdir()
        doing.outcome = "12 purchases"
    assert told(data, "state", "outcome") == [("done", "12 purchases")]


# --- secrets --------------------------------------------------------------------------------------------------------


def test_no_secret_gets_into_the_journal_nor_out_of_it(data: DataFolder, clock: HurriedClock) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    with pytest.raises(OSError, match="x"), running(data, clock, "scrape", By.TIMER):
        raise OSError(5, "x", f"{'long ' * 70}{LINK}")
    with running(data, clock, "sync", By.TIMER) as doing:
        doing.outcome = f"Cookie: identity=7%09{secret}\n\nand {LINK}"
    written = "".join(path.read_text() for path in data.actions.glob("*.json"))
    assert secret not in written
    assert "0123456789" not in written, "a prefix of a secret is a secret"
    path = next(data.actions.glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "outcome": LINK}))
    assert secret not in json.dumps(recent(data, NOW))


def test_an_outcome_is_one_line_that_ends(data: DataFolder) -> None:
    note(data, NOW, "pause", By.DASHBOARD, "a\nb\udcff\t" + "c" * 9000)
    ((outcome,),) = told(data, "outcome")
    assert outcome.startswith("a b? ccc")
    assert outcome.endswith("…")
    assert len(outcome) == 400
