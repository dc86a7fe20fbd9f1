from datetime import timedelta

import pytest
from bandcamp_sync.errors import ItemTrouble, Reason, TransferBroken
from bandcamp_sync.spool.job import Claim, Job
from bandcamp_sync.spool.retry import NEEDS_PERSON, NOTHING_THERE, PATIENT, after_failure, backoff, is_due
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import DAY, NOW, failure, item, job

BASE, LONGEST = timedelta(minutes=5), timedelta(hours=24)
COUNTED = sorted(set(Reason) - NEEDS_PERSON - NOTHING_THERE - PATIENT - {Reason.PREORDER})


def failed(before: Job, reason: Reason, most: int = 8, jitter: float = 0.5) -> Job:
    return after_failure(before, ItemTrouble(reason, "it failed"), NOW, BASE, LONGEST, most, jitter)


def wait(after: Job) -> timedelta:
    assert after.not_before is not None
    return after.not_before - NOW


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_lies_within_a_fifth_of_its_doubling_and_never_passes_the_longest_by_more(n: int, jitter: float) -> None:
    exact = min(BASE * 2 ** min(n - 1, 20), LONGEST)
    assert exact * 0.79 <= backoff(n, BASE, LONGEST, jitter) <= exact * 1.21


@given(st.integers(1, 40), st.floats(0, 1))
def test_a_later_attempt_waits_no_shorter(attempt: int, jitter: float) -> None:
    assert backoff(attempt, BASE, LONGEST, jitter) <= backoff(attempt + 1, BASE, LONGEST, jitter)


def test_no_wait_is_longer_than_the_longest() -> None:
    assert backoff(30, BASE, LONGEST, 1.0) <= LONGEST


@pytest.mark.parametrize("reason", COUNTED)
def test_a_fault_counts_an_attempt_and_is_tried_again_later(reason: Reason) -> None:
    after = failed(job(attempt=2), reason)
    assert after.attempt == 3
    assert wait(after) == timedelta(minutes=20)
    assert after.failure is not None
    assert (after.failure.reason, after.failure.sentence, after.failure.at) == (reason, "it failed", NOW)


@pytest.mark.parametrize("reason", COUNTED)
def test_the_last_attempt_ends_the_trying(reason: Reason) -> None:
    after = failed(job(attempt=7), reason)
    assert (after.attempt, after.not_before) == (8, None)


@pytest.mark.parametrize("reason", sorted(NEEDS_PERSON))
def test_what_needs_a_person_is_never_tried_by_itself(reason: Reason) -> None:
    assert failed(job(), reason).not_before is None


@pytest.mark.parametrize("reason", sorted(NOTHING_THERE))
def test_what_has_nothing_to_fetch_costs_no_attempt_and_is_looked_at_after_a_week(reason: Reason) -> None:
    after = failed(job(attempt=7), reason)
    assert (after.attempt, wait(after)) == (7, 7 * DAY)


def test_a_preorder_is_looked_at_every_day_and_costs_no_attempt() -> None:
    after = failed(job(attempt=7), Reason.PREORDER)
    assert (after.attempt, wait(after)) == (7, DAY)


def test_what_is_being_prepared_costs_no_attempt_and_is_asked_for_soon() -> None:
    after = job()
    for _ in range(20):
        after = failed(after, Reason.NOT_READY)
    assert (after.attempt, wait(after)) == (0, BASE)


def test_what_is_being_prepared_is_never_given_up() -> None:
    assert failed(job(attempt=5), Reason.NOT_READY, most=3).not_before is not None


def test_a_failed_job_is_claimed_by_no_one_and_keeps_what_it_is() -> None:
    before = job(claim=Claim(holder="a", at=NOW))
    after = after_failure(before, TransferBroken("x"), NOW, BASE, LONGEST, 8, 0)
    assert after.claim is None and (after.key, after.item, after.folder) == (before.key, before.item, before.folder)


def test_a_link_that_mends_it_is_kept() -> None:
    trouble = ItemTrouble(Reason.REAUTH, "x", "https://bandcamp.com/settings")
    after = after_failure(job(), trouble, NOW, BASE, LONGEST, 8, 0)
    assert after.failure is not None and after.failure.link == "https://bandcamp.com/settings"


def test_a_job_is_due_at_its_time_and_never_without_one() -> None:
    assert is_due(job(not_before=NOW), NOW)
    assert not is_due(job(not_before=NOW + timedelta(seconds=1)), NOW)
    assert not is_due(job(failure=failure()), NOW)


def test_a_wait_that_began_in_the_future_is_over_when_the_clock_was_set_back() -> None:
    waiting = job(failure=failure(at=NOW), not_before=NOW + BASE)
    assert not is_due(waiting, NOW)
    assert not is_due(waiting, NOW - timedelta(minutes=1)), "two hosts' clocks may differ by a little"
    assert is_due(waiting, NOW - timedelta(hours=3))
    assert not is_due(job(failure=failure(at=NOW), not_before=None), NOW - timedelta(hours=3))


@pytest.mark.parametrize(
    ("owned", "soon"),
    [
        (timedelta(minutes=2), timedelta(hours=1)),
        (timedelta(hours=5), timedelta(hours=5)),
        (timedelta(days=400), timedelta(days=7)),
        (None, timedelta(days=7)),
        (-timedelta(days=1), timedelta(hours=1)),
    ],
)
def test_what_was_bought_just_now_and_has_no_download_is_looked_at_again_soon(
    owned: timedelta | None, soon: timedelta
) -> None:
    one = job(of=item(purchased=None if owned is None else NOW - owned))
    assert wait(failed(one, Reason.NO_DOWNLOAD)) == soon
