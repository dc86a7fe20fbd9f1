"""What a job remembers of what happened to it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.books import Policy
from bandcamp_sync.errors import ItemTrouble, Reason, TransferBroken
from bandcamp_sync.library.receipts import copies, keep_copy
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.plan import Known, Plan, from_the_dead, make_plan
from bandcamp_sync.spool.glance import Glance
from bandcamp_sync.spool.job import MOST_EVENTS, Job, State, What
from bandcamp_sync.spool.retry import after_failure
from bandcamp_sync.spool.spool import Spool
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import DAY, KEY, LINK, NOW, failure, item, job, receipt

MINUTE = timedelta(minutes=1)


def told(one: Job) -> list[tuple[str, str | None]]:
    return [(event.what.value, event.sentence) for event in one.history]


def plan(*owned: Any, jobs: dict[str, tuple[State, Job]] | None = None, **changes: Any) -> Plan:
    known: dict[str, Any] = {
        "dead": frozenset(),
        "copies": {},
        "ignored": frozenset(),
        "policy": Policy(include_hidden=True, stream_fallback=False, layout="{artist}/{album}"),
        "max_attempts": 8,
        "longest": DAY,
        "now": NOW,
    }
    return make_plan(Known(items=owned, jobs=jobs or {}, **{**known, **changes}))


def planned(state: State, one: Job, **changes: Any) -> Job:
    [intent] = plan(one.item, jobs={one.key: (state, one)}, **changes).intents
    return intent.job


def failed(one: Job, trouble: ItemTrouble, at: datetime = NOW, most: int = 8) -> Job:
    return after_failure(one, trouble, at, MINUTE, DAY, most, 0.5)


# --- any order of moves ---------------------------------------------------------------------------------------------

Move = Callable[[Job, datetime], Job]


def happened(what: What) -> Move:
    return lambda one, at: one.after(what, at, "a sentence")


MOVES: dict[str, Move] = {
    "fail": lambda one, at: failed(one, TransferBroken("the connection broke"), at),
    "prepare": lambda one, at: failed(one, ItemTrouble(Reason.NOT_READY, "it is being prepared"), at),
    "give up": lambda one, at: failed(one, TransferBroken("the connection broke"), at, most=1),
    "die": lambda one, at: from_the_dead(one, 8, DAY, at).job,
    "die once too often": lambda one, at: from_the_dead(one, 1, DAY, at).job,
    **{what.value: happened(what) for what in What},
}


@given(moves=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 100_000)), max_size=60))
def test_any_order_of_moves_keeps_the_last_thirty_in_the_order_of_time(moves: list[tuple[str, int]]) -> None:
    one, now = job(), NOW
    for move, minutes in moves:
        now += minutes * MINUTE
        before, one = one.history, MOVES[move](one, now)
        # The last attempt that a purchase has is told of twice: that it failed, and that it was given up.
        added = one.history[-2 if move in ("fail", "give up") and one.history[-1].what is What.GAVE_UP else -1 :]
        assert one.history == (*before, *added)[-MOST_EVENTS:] and {event.at for event in added} == {now}
    times = [event.at for event in one.history]
    assert times == sorted(times)
    assert Job.model_validate_json(one.model_dump_json(by_alias=True)) == one


# --- each move says what it was -------------------------------------------------------------------------------------


def test_a_purchase_that_is_queued_begins_its_history() -> None:
    [intent] = plan(item()).intents
    assert told(intent.job) == [("queued", "new")] and intent.job.history[0].at == NOW


def test_an_attempt_that_failed_is_remembered_with_its_sentence() -> None:
    assert told(failed(job(), TransferBroken("the connection broke"))) == [("failed", "the connection broke")]


def test_the_last_attempt_is_told_as_the_last() -> None:
    after = failed(job(attempt=7), TransferBroken("it broke"))
    assert told(after) == [("failed", "it broke"), ("gave up", "after 8 attempts")]


@pytest.mark.parametrize("reason", [Reason.REAUTH, Reason.PREORDER, Reason.NO_DOWNLOAD, Reason.NOT_READY])
def test_what_waits_for_somebody_or_something_else_was_not_given_up(reason: Reason) -> None:
    assert told(failed(job(attempt=9), ItemTrouble(reason, "why"))) == [("failed", "why")]


def test_what_is_due_again_says_which_attempt_it_will_be() -> None:
    one = job(attempt=2, failure=failure(), not_before=NOW - MINUTE)
    assert told(planned(State.FAILED, one)) == [("due", "attempt 3 is due")]


def test_a_worker_that_died_is_told_of() -> None:
    one = planned(State.IN_PROGRESS, job(), dead={KEY})
    assert told(one) == [("recovered", "its worker gave no sign of life")]


def test_the_worker_that_died_last_is_the_end_of_it() -> None:
    one = planned(State.IN_PROGRESS, job(attempt=7), dead={KEY})
    assert told(one) == [("failed", "8 workers died with it")]
    assert (one.attempt, one.not_before) == (0, NOW + DAY), "it rests, and nothing of it is lost"


def test_what_was_streamed_is_asked_for_again_and_says_so() -> None:
    streamed = receipt(source="stream", placed_at=NOW - 30 * DAY)
    assert told(planned(State.DONE, job(receipt=streamed))) == [("upgrade", None)]


def test_what_is_ignored_while_its_repair_waits_goes_back_and_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.make_folders()
    one = job(receipt=receipt())
    assert spool.add(one)
    assert spool.withdraw(planned(State.PENDING, one, ignored={KEY}))
    found = spool.read(State.DONE, KEY)
    assert found is not None and told(found) == [("withdrawn", None)]


def test_what_the_music_folder_remembers_brings_its_history_along(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    keep_copy(music, job(receipt=receipt()).after(What.DELIVERED, NOW - DAY, "flac, 2 files, 0.1 MB"))
    [copy] = copies(music, frozenset())
    [intent] = plan(item(), copies={KEY: copy}).intents
    assert told(intent.job) == [
        ("delivered", "flac, 2 files, 0.1 MB"),
        ("remembered", "the music folder has its receipt"),
    ]


def test_the_copy_beside_the_music_holds_no_secret_of_a_sentence(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    keep_copy(music, job(receipt=receipt()).after(What.FAILED, NOW, f"broke at {LINK}"))
    text = (music.receipts / f"{KEY}.json").read_text()
    assert "broke at" in text and "0123456789abcdef" not in text and "90003" not in text


# --- on disk --------------------------------------------------------------------------------------------------------


def test_a_job_of_an_earlier_version_has_no_history() -> None:
    content = json.loads(job().model_dump_json(by_alias=True))
    del content["history"]
    assert Job.model_validate_json(json.dumps(content)) == job()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ([{"at": "2026-11-23T12:00:00Z", "what": "beamed up"}, {"at": "2026-11-23T12:00:00Z", "what": "due"}], 1),
        ([{"what": "due"}, 3, None], 0),
        ("a history", 0),
        (None, 0),
        ({}, 0),
        ([{"at": "2026-11-23T12:00:00Z", "what": "due"}] * 99, MOST_EVENTS),
    ],
)
def test_a_history_that_another_version_wrote_never_costs_the_job(written: object, read: int) -> None:
    content = json.loads(job().model_dump_json(by_alias=True)) | {"history": written}
    one = Job.model_validate_json(json.dumps(content))
    assert one.key == KEY and len(one.history) == read


def test_a_glance_at_all_jobs_carries_no_histories(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.make_folders()
    spool.add(job("p1").after(What.QUEUED, NOW, "new"))
    done = job("p2", receipt=receipt()).after(What.DELIVERED, NOW, "flac")
    spool.path(State.DONE, "p2").write_text(done.model_dump_json(by_alias=True))
    seen = Glance(spool).jobs()
    assert sorted(seen) == ["p1", "p2"] and not any(one.history for _, one in seen.values())
    assert seen["p2"][1].receipt is not None and seen["p2"][1].receipt.size == receipt().size


def test_the_longest_history_stays_a_small_part_of_a_job() -> None:
    one = job(receipt=receipt())
    for _ in range(100):
        one = one.after(What.FAILED, NOW, "x" * 80)
    assert len(one.model_dump_json(by_alias=True, indent=1)) < 8_000
