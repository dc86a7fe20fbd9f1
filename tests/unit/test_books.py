from datetime import timedelta
from typing import Any

import pytest
from bandcamp_sync.books import (
    HIDDEN,
    ON_IGNORE_LIST,
    Known,
    Policy,
    Row,
    Shown,
    assign_folders,
    count,
    rows,
    streamable,
    wanted,
)
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.library.names import same_place
from bandcamp_sync.spool.job import Job, State
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.factories import DAY, KEY, LINK, NOW, failure, item, job, receipt

POLICY = Policy(include_hidden=True, stream_fallback=False, layout="{artist}/{album}")
POLICIES = st.builds(Policy, st.booleans(), st.booleans(), st.sampled_from(["{artist}/{album}", "{album}", "{key}"]))
NAMES = st.sampled_from(["Night Ferry", "night ferry", "Quay", "quay ", "???", "", "Quay/", "Straße", "STRASSE", None])


@st.composite
def collections(draw: st.DrawFn) -> list[Item]:
    keys = draw(st.lists(st.sampled_from([f"p{n}" for n in range(12)]), unique=True))
    return [
        item(
            key,
            band_name=draw(st.sampled_from(["Los Faros", "LOS FAROS", None])),
            item_title=draw(NAMES),
            item_type=draw(st.sampled_from(["album", "track", "package"])),
            item_url=draw(st.sampled_from([None, "https://losfaros.bandcamp.com/album/x"])),
            purchased=draw(st.none() | st.integers(0, 5).map(lambda days: NOW - days * DAY)),
            redownload_url=draw(st.sampled_from([None, LINK])),
            is_preorder=draw(st.booleans()),
            hidden=draw(st.booleans()),
        )
        for key in keys
    ]


@st.composite
def jobs_of(draw: st.DrawFn, items: list[Item]) -> dict[str, tuple[State, Job]]:
    found = {}
    for one in draw(st.lists(st.sampled_from(items), unique_by=lambda i: i.key)) if items else []:
        changes: dict[str, Any] = {
            "folder": f"Jobs/{one.key}",
            "attempt": draw(st.integers(0, 9)),
            "not_before": draw(st.sampled_from([None, NOW - DAY, NOW + DAY])),
            "failure": draw(st.none() | st.sampled_from(Reason).map(failure)),
            "receipt": draw(st.sampled_from([None, receipt(f"Jobs/{one.key}")])),
        }
        found[one.key] = (draw(st.sampled_from(State)), job(one.key, of=one, **changes))
    return found


def row(one: Item, state: State | None = None, ignored: frozenset[str] = frozenset(), **changes: Any) -> Row:
    jobs = {} if state is None else {one.key: (state, job(one.key, of=one, **changes))}
    [found] = rows([one], jobs, ignored, POLICY)
    return found


# --- the sum --------------------------------------------------------------------------------------------------------


@given(st.data(), collections(), POLICIES)
def test_every_purchase_is_in_exactly_one_state_with_a_reason(
    data: st.DataObject, items: list[Item], policy: Policy
) -> None:
    jobs = data.draw(jobs_of(items))
    ignored = frozenset(data.draw(st.lists(st.sampled_from([one.key for one in items])))) if items else frozenset()
    listed = rows(items, jobs, ignored, policy)
    assert [one.item.key for one in listed] == [one.key for one in items]
    assert all(one.reason and one.path for one in listed)
    counted = count(listed)
    assert sum(counted.values()) == len(items) and list(counted) == list(Shown)


def test_the_states_are_those_of_the_contract() -> None:
    promised = "queued downloading synced failed waiting preorder unavailable ignored"
    assert {state.value for state in Shown} == set(promised.split())


# --- what has no job ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "policy", "shown"),
    [
        (item(), POLICY, Shown.QUEUED),
        (item(is_preorder=True), POLICY, Shown.PREORDER),
        (item(hidden=True), POLICY, Shown.QUEUED),
        (item(hidden=True), Policy(False, False, ""), Shown.IGNORED),
        (item(redownload_url=None), POLICY, Shown.UNAVAILABLE),
        (item(redownload_url=None), Policy(True, True, ""), Shown.QUEUED),
        (item(redownload_url=None, item_type="package"), Policy(True, True, ""), Shown.UNAVAILABLE),
        (item(redownload_url=None, item_url=None), Policy(True, True, ""), Shown.UNAVAILABLE),
        (item(redownload_url=None, is_preorder=True), Policy(True, True, ""), Shown.PREORDER),
    ],
)
def test_what_becomes_of_a_purchase_without_a_job(one: Item, policy: Policy, shown: Shown) -> None:
    assert wanted(one, frozenset(), policy)[0] is shown
    assert wanted(one, frozenset({KEY}), policy)[0] is Shown.IGNORED


def test_what_was_delivered_stays_and_says_that_it_is_left_alone() -> None:
    one = row(item(), State.DONE, frozenset({KEY}), receipt=receipt())
    assert (one.state, one.is_ignored) == (Shown.SYNCED, True)
    assert one.reason.startswith("downloaded on") and one.reason.endswith("; on your ignore list")
    assert not row(item(), State.DONE, receipt=receipt()).is_ignored


def test_what_is_ignored_says_by_whose_will_and_what_to_do() -> None:
    mine = Policy(False, False, "")
    assert wanted(item(hidden=True), frozenset({KEY}), mine)[1] == ON_IGNORE_LIST
    assert "set INCLUDE_HIDDEN=yes" in wanted(item(hidden=True), frozenset(), mine)[1]


def test_only_releases_with_a_page_can_be_streamed() -> None:
    assert streamable(item()) and streamable(item(item_type="track"))
    assert not streamable(item(item_type="package")) and not streamable(item(item_url=None))


# --- what has one ---------------------------------------------------------------------------------------------------


def test_a_job_shows_the_state_of_its_folder() -> None:
    assert row(item(), State.PENDING).state is Shown.QUEUED
    assert row(item(), State.IN_PROGRESS).state is Shown.DOWNLOADING
    assert row(item(), State.FAILED).state is Shown.FAILED
    assert row(item(), State.DONE, receipt=receipt()).state is Shown.SYNCED


def test_what_is_on_disk_tells_where_how_and_how_much() -> None:
    found = row(item(), State.DONE, receipt=receipt("A/B"))
    assert (found.path, found.format, found.size) == ("A/B", "flac", 6)
    assert found.reason == "downloaded on 2026-10-24"
    assert row(item(), State.DONE, receipt=receipt(source="stream")).reason.startswith("streamed")
    assert row(item(), State.DONE, receipt=receipt(adopted=True)).reason.startswith("adopted")


def test_ignoring_wins_over_waiting_but_not_over_what_is_there_or_running() -> None:
    ignored = frozenset({KEY})
    assert row(item(), State.PENDING, ignored).state is Shown.IGNORED
    assert row(item(), State.FAILED, ignored, failure=failure()).state is Shown.IGNORED
    assert row(item(), State.IN_PROGRESS, ignored).state is Shown.DOWNLOADING
    assert row(item(), State.DONE, ignored, receipt=receipt()).state is Shown.SYNCED


def test_what_waited_when_it_was_hidden_is_tried_no_more() -> None:
    job_of = job(item=item(hidden=True), failure=failure(), not_before=NOW)
    for state in (State.PENDING, State.FAILED):
        [one] = rows([job_of.item], {KEY: (state, job_of)}, frozenset(), Policy(False, False, "{artist}/{album}"))
        assert (one.state, one.reason, one.next_try) == (Shown.IGNORED, HIDDEN, None)


def test_a_failure_that_is_tried_again_waits_with_its_time() -> None:
    found = row(item(), State.FAILED, failure=failure(), not_before=NOW + DAY)
    assert (found.state, found.next_try, found.error) == (Shown.WAITING, NOW + DAY, "the connection broke")


@pytest.mark.parametrize("reason", [Reason.NO_DOWNLOAD, Reason.NO_FORMAT, Reason.NO_STREAM, Reason.GONE])
def test_what_cannot_be_had_is_unavailable_and_no_failure(reason: Reason) -> None:
    found = row(item(), State.FAILED, failure=failure(reason), not_before=NOW + DAY)
    assert (found.state, found.next_try) == (Shown.UNAVAILABLE, NOW + DAY)


def test_a_preorder_that_only_its_page_told_of_is_a_preorder() -> None:
    assert row(item(), State.FAILED, failure=failure(Reason.PREORDER), not_before=NOW).state is Shown.PREORDER


@pytest.mark.parametrize("reason", [Reason.REAUTH, Reason.UNVERIFIED])
def test_what_needs_a_person_says_so_with_the_page_that_mends_it(reason: Reason) -> None:
    found = row(item(), State.FAILED, failure=failure(reason, link="https://bandcamp.com/settings"))
    assert (found.state, found.needs_person, found.link) == (Shown.FAILED, True, "https://bandcamp.com/settings")


def test_what_was_given_up_says_after_how_many_attempts_and_what_to_do() -> None:
    found = row(item(), State.FAILED, failure=failure(), attempt=8)
    assert found.reason == "the connection broke (gave up after 8 attempts; retry it by hand)"


def test_a_job_that_comes_again_says_which_attempt_it_is() -> None:
    assert row(item(), State.PENDING, attempt=2).reason == "again (attempt 3)"


# --- folders --------------------------------------------------------------------------------------------------------

LAYOUT = "{artist}/{album}"


def folders(items: list[Item], jobs: dict[str, tuple[State, Job]] | None = None) -> dict[str, str]:
    return assign_folders(items, jobs or {}, LAYOUT)


@given(collections(), st.sampled_from(["{artist}/{album}", "{album}", "{key}", "{artist} - {album} {year}"]))
@settings(max_examples=40)
def test_no_two_purchases_get_one_place(items: list[Item], layout: str) -> None:
    given_ = assign_folders(items, {}, layout)
    assert set(given_) == {one.key for one in items}
    assert len({same_place(folder) for folder in given_.values()}) == len(items)


@given(st.data(), collections())
@settings(max_examples=40)
def test_the_order_of_the_listing_changes_no_folder(data: st.DataObject, items: list[Item]) -> None:
    assert folders(data.draw(st.permutations(items))) == folders(items)


@given(collections(), collections())
@settings(max_examples=40)
def test_what_is_bought_later_changes_no_folder(items: list[Item], more: list[Item]) -> None:
    new = [
        one.model_copy(update={"key": f"q{one.key[1:]}", "purchased": NOW + timedelta(hours=n)})
        for n, one in enumerate(more)
    ]
    dated = [one.model_copy(update={"purchased": one.purchased or NOW - DAY}) for one in items]
    before = folders(dated)
    assert {key: folder for key, folder in folders([*new, *dated]).items() if key in before} == before


@given(st.data(), collections(), collections())
@settings(max_examples=40)
def test_what_has_a_job_keeps_its_folder_whatever_else_is_listed(
    data: st.DataObject, items: list[Item], more: list[Item]
) -> None:
    before = folders(items)
    kept = {one.key: (State.PENDING, job(one.key, of=one, folder=before[one.key])) for one in items}
    extra = [one.model_copy(update={"key": f"q{one.key[1:]}"}) for one in more]
    after = folders(data.draw(st.permutations([*extra, *items])), kept)
    assert {key: after[key] for key in before} == before
    assert len({same_place(folder) for folder in after.values()}) == len(after)


def test_of_two_with_one_name_the_later_gets_its_key() -> None:
    first = item("p1", purchased=NOW - 2 * DAY)
    second = item("p2", purchased=NOW - DAY, item_title="NIGHT FERRY")
    assert folders([second, first]) == {"p1": "Los Faros/Night Ferry", "p2": "Los Faros/NIGHT FERRY [p2]"}


def test_where_an_album_was_placed_goes_before_where_it_was_to_be() -> None:
    lying = {KEY: (State.DONE, job(folder="Planned/x", receipt=receipt("Placed/x")))}
    assert folders([item()], lying) == {KEY: "Placed/x"}


def test_an_album_that_is_called_like_another_with_its_key_gets_a_place_of_its_own() -> None:
    first = item("p1", purchased=NOW - 3 * DAY)
    posing = item("p2", purchased=NOW - 2 * DAY, item_title="Night Ferry [p3]")
    third = item("p3", purchased=NOW - DAY)
    assert len(set(folders([first, posing, third]).values())) == 3


@given(st.data())
def test_rows_that_are_taken_over_are_those_that_would_be_written_anew(data: st.DataObject) -> None:
    items = data.draw(collections())
    known: dict[str, Known] = {}
    policy = data.draw(POLICIES)
    for _ in range(3):
        jobs = data.draw(jobs_of(items))
        ignored = frozenset(data.draw(st.sets(st.sampled_from([one.key for one in items])))) if items else frozenset()
        assert rows(items, jobs, ignored, policy, known) == rows(items, jobs, ignored, policy)
    assert set(known) == {one.key for one in items}
