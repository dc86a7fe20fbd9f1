from datetime import timedelta
from typing import Any

import pytest
from bandcamp_sync.collection import walk
from bandcamp_sync.collection.item import Item
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import DAY, LINK, NOW, capture, item


def by_key(*items: Item) -> dict[str, Item]:
    return {one.key: one for one in items}


def listed(*items: Item, bare: frozenset[str] = frozenset()) -> walk.Listed:
    return walk.Listed(by_key(*items), 1, bare, sum(one.redownload_url is not None for one in items))


# --- where to start -------------------------------------------------------------------------------------------------


def test_the_first_token_is_newer_than_anything_bought_today() -> None:
    seconds, *rest = walk.first_token(NOW).split(":")
    assert int(seconds) > NOW.timestamp()
    assert rest == ["0", "a", "", ""]


@pytest.mark.parametrize(
    "changed",
    [
        {"complete": False},
        {"fan_id": 1},
        {"full_walk_at": None},
        {"full_walk_at": NOW - 7 * DAY},
        {"full_walk_at": NOW + timedelta(minutes=1)},
    ],
)
def test_everything_is_walked_when_what_is_known_is_not_whole_not_ours_or_old(changed: dict[str, Any]) -> None:
    assert walk.wants_full_walk(capture(item(), **changed), 7654321, NOW)


def test_a_whole_walk_of_this_week_is_enough() -> None:
    assert not walk.wants_full_walk(capture(full_walk_at=NOW - timedelta(days=6, hours=23)), 7654321, NOW)
    assert not walk.wants_full_walk(capture(full_walk_at=NOW), 7654321, NOW)


def test_without_a_capture_everything_is_walked() -> None:
    assert walk.wants_full_walk(None, 7654321, NOW)


# --- when to stop ---------------------------------------------------------------------------------------------------


def test_a_new_purchase_is_news() -> None:
    assert walk.holds_news([item("p1"), item("p2")], by_key(item("p1")), hidden=False)


def test_known_purchases_are_no_news() -> None:
    assert not walk.holds_news([item("p1")], by_key(item("p1"), item("p2")), hidden=False)
    assert not walk.holds_news([], {}, hidden=False)


@pytest.mark.parametrize("hidden", [True, False])
def test_a_purchase_that_was_hidden_or_shown_since_is_news(hidden: bool) -> None:
    known = by_key(item("p1", hidden=not hidden))
    assert walk.holds_news([item("p1", hidden=hidden)], known, hidden)


def test_a_short_walk_goes_on_while_a_preorder_was_not_seen_but_not_for_ever() -> None:
    known = by_key(item("p1", is_preorder=True), item("p2"))
    assert walk.seeks_preorders(known, {"p2"}, 1)
    assert not walk.seeks_preorders(known, {"p1"}, 1)
    assert not walk.seeks_preorders(known, {"p2"}, walk.PREORDER_PAGES)
    assert not walk.seeks_preorders(by_key(item("p2")), set(), 1)


# --- what the pages add up to ---------------------------------------------------------------------------------------


def test_what_is_listed_now_takes_the_place_of_what_was_known() -> None:
    known = by_key(item("p1", item_title="Old"), item("p2"))
    merged = walk.merge_known(known, by_key(item("p1", item_title="New"), item("p3")))
    assert sorted(merged) == ["p1", "p2", "p3"] and merged["p1"].title == "New"
    assert known["p1"].title == "Old"


def test_a_link_that_was_known_is_not_forgotten() -> None:
    merged = walk.merge_known(by_key(item("p1")), by_key(item("p1", redownload_url=None, item_title="New")))
    assert (merged["p1"].redownload_url, merged["p1"].title) == (LINK, "New")


@given(st.permutations([item("p1"), item("p2", purchased=NOW), item("p3", purchased=None), item("p4")]))
def test_the_newest_purchase_comes_first_in_whatever_order_they_were_listed(items: list[Item]) -> None:
    assert [one.key for one in walk.newest_first(items)] == ["p2", "p4", "p1", "p3"]


def test_an_owned_release_is_covered_by_the_release_or_the_id_of_a_purchase() -> None:
    items = [item("p1", tralbum="a1", item_id=2), item("p2", tralbum=None, item_id=3)]
    assert walk.uncovered({"a1", "t2", "a3", "t4"}, items) == {"t4"}


# --- what looks like trouble ----------------------------------------------------------------------------------------


def test_pages_with_links_are_no_lost_session() -> None:
    assert not walk.lost_session(listed(item("p1")), {})
    assert not walk.lost_session(listed(), {})


def test_music_on_every_page_and_not_one_link_is_a_lost_session() -> None:
    assert walk.lost_session(listed(item("p1", redownload_url=None), bare=frozenset({"p1"})), {})


def test_a_page_without_links_between_pages_with_links_is_no_lost_session() -> None:
    seen = listed(item("p1"), item("p2", redownload_url=None), bare=frozenset({"p2"}))
    assert not walk.lost_session(seen, by_key(item("p2", redownload_url=None)))


def test_a_session_that_is_lost_midway_shows_by_links_that_were_there_before() -> None:
    seen = listed(item("p1"), item("p2", redownload_url=None), bare=frozenset({"p2"}))
    assert walk.lost_session(seen, by_key(item("p2")))


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (0, 0, False),
        (0, 5, False),
        (1, 0, True),
        (9, 4, False),
        (9, 0, True),
        (10, 5, False),
        (10, 4, True),
        (300, 300, False),
        (300, 400, False),
        (300, 149, True),
        (300, 150, False),
    ],
)
def test_a_collection_that_became_empty_or_less_than_half_is_a_fault(before: int, after: int, fault: bool) -> None:
    assert walk.shrank(before, after) is fault
