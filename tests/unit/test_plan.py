from datetime import timedelta
from typing import Any

import pytest
from bandcamp_sync.books import Policy
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.plan import Act, Known, Plan, make_plan
from bandcamp_sync.spool.job import Claim, Job, State
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import DAY, KEY, LINK, NOW, failure, item, job, receipt

POLICY = Policy(include_hidden=True, stream_fallback=False, layout="{artist}/{album}")
STREAMING = Policy(include_hidden=True, stream_fallback=True, layout="{artist}/{album}")


def plan(*items: Item, jobs: dict[str, tuple[State, Job]] | None = None, **changes: Any) -> Plan:
    known: dict[str, Any] = {
        "dead": frozenset(),
        "copies": {},
        "ignored": frozenset(),
        "policy": POLICY,
        "max_attempts": 8,
        "longest": DAY,
        "now": NOW,
    }
    return make_plan(Known(items=items, jobs=jobs or {}, **{**known, **changes}))


def acts(made: Plan) -> list[tuple[str, str]]:
    return [(intent.act.value, intent.job.key) for intent in made.intents]


def lying(state: State, one: Job) -> dict[str, tuple[State, Job]]:
    return {one.key: (state, one)}


# --- new purchases --------------------------------------------------------------------------------------------------


def test_what_is_missing_is_queued_newest_first_and_undated_last() -> None:
    made = plan(
        item("p1", purchased=NOW - 3 * DAY),
        item("p2", purchased=None, item_title="b"),
        item("p3", purchased=NOW - DAY, item_title="c"),
        item("p4", purchased=NOW - 2 * DAY, item_title="d"),
    )
    assert acts(made) == [("queue", "p3"), ("queue", "p4"), ("queue", "p1"), ("queue", "p2")]
    assert all(intent.source is None and intent.job.queued_at == NOW for intent in made.intents)


def test_a_queued_job_knows_its_folder() -> None:
    [intent] = plan(item()).intents
    assert (intent.job.folder, intent.job.item, intent.why) == ("Los Faros/Night Ferry", item(), "new")


@pytest.mark.parametrize(
    "one",
    [item(is_preorder=True), item(redownload_url=None), item(redownload_url=None, item_type="package")],
)
def test_preorders_and_what_has_no_download_are_not_queued_but_named(one: Item) -> None:
    made = plan(one)
    assert acts(made) == []
    [(waits, _, why, when)] = made.waiting
    assert waits == one and why and when is None


def test_what_is_ignored_is_not_queued() -> None:
    assert acts(plan(item(), ignored=frozenset({KEY}))) == []
    assert acts(plan(item(hidden=True), policy=Policy(False, False, "{album}"))) == []


def test_with_the_fallback_streams_are_queued() -> None:
    assert acts(plan(item(redownload_url=None), policy=STREAMING)) == [("queue", KEY)]


@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS])
def test_what_is_queued_or_running_is_left_alone(state: State) -> None:
    assert acts(plan(item(), jobs=lying(state, job()))) == []


def test_a_purchase_that_has_a_receipt_is_left_alone() -> None:
    assert acts(plan(item(), jobs=lying(State.DONE, job(receipt=receipt())))) == []


# --- failed jobs ----------------------------------------------------------------------------------------------------


def test_a_failed_job_is_tried_again_when_it_is_due_and_not_before() -> None:
    waits = job(failure=failure(), not_before=NOW, attempt=2)
    [intent] = plan(item(), jobs=lying(State.FAILED, waits)).intents
    assert (intent.act, intent.source, intent.job.not_before, intent.job.attempt) == (Act.RETRY, State.FAILED, None, 2)
    early = waits.model_copy(update={"not_before": NOW + timedelta(seconds=1)})
    assert acts(plan(item(), jobs=lying(State.FAILED, early))) == []


def test_a_failed_job_that_is_never_due_stays_and_is_named() -> None:
    made = plan(item(), jobs=lying(State.FAILED, job(failure=failure(Reason.REAUTH))))
    assert acts(made) == [] and len(made.waiting) == 1


def test_an_ignored_job_is_not_tried_again() -> None:
    waits = lying(State.FAILED, job(failure=failure(), not_before=NOW))
    assert acts(plan(item(), jobs=waits, ignored=frozenset({KEY}))) == []


def test_a_preorder_that_was_released_is_tried_at_once() -> None:
    waits = job(of=item(is_preorder=True), failure=failure(Reason.PREORDER), not_before=NOW + DAY)
    assert acts(plan(item(), jobs=lying(State.FAILED, waits))) == [("retry", KEY)]
    assert acts(plan(item(is_preorder=True), jobs=lying(State.FAILED, waits))) == []


def test_a_job_is_queued_again_with_the_purchase_as_it_is_listed_now() -> None:
    newer = item(redownload_url=LINK + "&new=1")
    [intent] = plan(newer, jobs=lying(State.FAILED, job(failure=failure(), not_before=NOW))).intents
    assert intent.job.item == newer


def test_a_job_whose_purchase_is_not_listed_any_more_is_still_tried() -> None:
    assert acts(plan(jobs=lying(State.FAILED, job(failure=failure(), not_before=NOW)))) == [("retry", KEY)]


def test_once_streams_are_allowed_what_had_no_download_is_tried_again() -> None:
    waits = lying(State.FAILED, job(failure=failure(Reason.NO_DOWNLOAD), not_before=NOW + DAY))
    assert acts(plan(item(), jobs=waits, policy=STREAMING)) == [("retry", KEY)]
    assert acts(plan(item(), jobs=waits)) == []


# --- dead workers ---------------------------------------------------------------------------------------------------


def test_a_job_whose_worker_died_comes_back_with_its_attempt_counted() -> None:
    held = job(attempt=1, claim=Claim(holder="a", at=NOW - DAY))
    [intent] = plan(item(), jobs=lying(State.IN_PROGRESS, held), dead=frozenset({KEY})).intents
    assert (intent.act, intent.source, intent.job.attempt, intent.job.claim) == (
        Act.RECOVER,
        State.IN_PROGRESS,
        2,
        held.claim,
    )
    assert intent.job.failure is not None and intent.job.failure.reason is Reason.LEASE


def test_a_job_that_kills_every_worker_rests_and_is_not_given_up() -> None:
    held = lying(State.IN_PROGRESS, job(attempt=7, claim=Claim(holder="a", at=NOW)))
    made = plan(item(), jobs=held, dead=frozenset({KEY}))
    assert acts(made) == [("rest", KEY)]
    [rested] = [intent.job for intent in made.intents]
    later = plan(item(), jobs=lying(State.FAILED, rested), now=NOW + DAY)
    assert acts(later) == [("retry", KEY)]


def test_a_dead_worker_is_told_of_even_when_its_job_is_ignored_or_not_listed() -> None:
    held = lying(State.IN_PROGRESS, job(claim=Claim(holder="a", at=NOW)))
    assert acts(plan(jobs=held, dead=frozenset({KEY}), ignored=frozenset({KEY}))) == [("recover", KEY)]


# --- receipts in the music folder -----------------------------------------------------------------------------------


def test_a_receipt_that_only_the_music_folder_knows_is_remembered_and_nothing_is_queued() -> None:
    copy = job(of=item(redownload_url=None), receipt=receipt("Elsewhere/x"))
    [intent] = plan(item(), copies={KEY: copy}).intents
    assert (intent.act, intent.source, intent.job.receipt) == (Act.REMEMBER, None, copy.receipt)
    assert intent.job.item == item()


def test_a_remembered_purchase_keeps_its_place_from_another_of_its_name() -> None:
    copy = job("p1", receipt=receipt("Los Faros/Night Ferry"))
    made = plan(item("p1"), item("p2"), copies={"p1": copy})
    [queued] = [intent.job.folder for intent in made.intents if intent.act is Act.QUEUE]
    assert queued == "Los Faros/Night Ferry [p2]"


# --- upgrades of streams --------------------------------------------------------------------------------------------


def streamed(**changes: Any) -> dict[str, tuple[State, Job]]:
    return lying(State.DONE, job(of=item(redownload_url=None), receipt=receipt(source="stream", **changes)))


def test_a_stream_is_replaced_when_there_is_a_download_now() -> None:
    made = plan(item(), jobs=streamed())
    assert acts(made) == [("upgrade", KEY)] and made.intents[0].job.receipt is not None
    assert acts(plan(item(redownload_url=None), jobs=streamed())) == []
    assert acts(plan(item(), jobs=streamed(), ignored=frozenset({KEY}))) == []


def test_a_download_that_was_not_there_is_looked_for_once_a_week() -> None:
    def with_link(**changes: Any) -> dict[str, tuple[State, Job]]:
        return lying(State.DONE, job(receipt=receipt(source="stream", **changes)))

    assert acts(plan(item(), jobs=with_link(placed_at=NOW - 7 * DAY))) == [("upgrade", KEY)]
    assert acts(plan(item(), jobs=with_link(placed_at=NOW - 6 * DAY))) == []
    assert acts(plan(item(), jobs=with_link(checked_at=NOW - DAY))) == []


# --- whatever there is ----------------------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> Known:
    keys = [f"p{n}" for n in range(8)]
    items = [
        item(
            key,
            purchased=draw(st.sampled_from([None, NOW, NOW - DAY, NOW + DAY])),
            is_preorder=draw(st.booleans()),
            redownload_url=draw(st.sampled_from([None, LINK])),
        )
        for key in draw(st.lists(st.sampled_from(keys), unique=True))
    ]
    jobs, copies, dead = {}, {}, set()
    for key in draw(st.lists(st.sampled_from(keys), unique=True)):
        state = draw(st.sampled_from(State))
        source = draw(st.sampled_from(["purchase", "stream"]))
        jobs[key] = (
            state,
            job(
                key,
                attempt=draw(st.integers(0, 8)),
                not_before=draw(st.sampled_from([None, NOW - DAY, NOW + DAY])),
                failure=failure(draw(st.sampled_from(Reason))) if state is State.FAILED else None,
                receipt=receipt(f"A/{key}", source=source) if state is State.DONE else None,
            ),
        )
        if state is State.IN_PROGRESS and draw(st.booleans()):
            dead.add(key)
    for key in draw(st.lists(st.sampled_from(keys), unique=True)):
        if key not in jobs:
            copies[key] = job(key, receipt=receipt(f"A/{key}"))
    ignored = frozenset(draw(st.lists(st.sampled_from(keys))))
    policy = draw(st.sampled_from([POLICY, STREAMING]))
    return Known(items, jobs, frozenset(dead), copies, ignored, policy, 8, DAY, NOW)


@given(worlds())
def test_any_plan_has_one_intent_a_purchase_and_repeats_nothing_that_is_there(known: Known) -> None:
    made = make_plan(known)
    keys = [intent.job.key for intent in made.intents]
    assert len(keys) == len(set(keys))
    dates = [intent.job.item.purchased for intent in made.intents]
    dated = [date for date in dates if date is not None]
    assert dates == sorted(dated, reverse=True) + [None] * (len(dates) - len(dated))
    for intent in made.intents:
        key, state = intent.job.key, known.jobs.get(intent.job.key, (None, None))[0]
        assert intent.why
        match intent.act:
            case Act.QUEUE:
                assert state is None and key not in known.copies and key not in known.ignored
                assert not intent.job.item.is_preorder
            case Act.RETRY:
                assert state is State.FAILED and key not in known.ignored
            case Act.RECOVER | Act.REST:
                assert state is State.IN_PROGRESS and key in known.dead
            case Act.REMEMBER:
                assert state is None and key in known.copies
            case Act.UPGRADE:
                assert state is State.DONE and intent.job.receipt is not None
                assert intent.job.receipt.source == "stream"
    assert set(known.dead) <= set(keys)
