from collections.abc import Mapping

import pytest
from bandcamp_sync.books import Shown
from bandcamp_sync.spool.job import What

from services.dashboard.web.asked import Asked, read_asked
from services.dashboard.web.pages.collection import EVENTS, FILTERS, filters, initials, tone


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, Asked()),
        (
            {"q": "a b", "state": "failed,waiting", "sort": "size", "page": "3", "view": "grid"},
            Asked("a b", "failed,waiting", "size", 3, "grid"),
        ),
        ({"state": "lost", "sort": "x", "page": "-1", "view": "x"}, Asked()),
        ({"state": "failed,lost", "sort": "--size", "page": "1e3"}, Asked()),
        ({"page": "99999999999999999999"}, Asked()),
        ({"q": "x" * 500}, Asked("x" * 200)),
    ],
)
def test_an_address_is_read_as_far_as_it_makes_sense(given: Mapping[str, str], asked: Asked) -> None:
    assert read_asked(given) == asked


@pytest.mark.parametrize("asked", [Asked(), Asked("ä&b=", "unsynced", "-title", 4, "grid"), Asked(page=2)])
def test_what_is_written_into_an_address_is_read_again(asked: Asked) -> None:
    assert read_asked({name: str(value) for name, value in asked.parameters().items()}) == asked


def test_an_address_holds_only_what_is_not_usual_and_a_change_begins_anew() -> None:
    assert Asked().parameters() == {}
    here = Asked("faros", "failed", "title", 3, "grid")
    assert here.but(state="") == {"q": "faros", "sort": "title", "view": "grid"}
    assert here.on(2) == {**here.parameters(), "page": 2}
    assert here.on(1) == here.but()


@pytest.mark.parametrize(
    ("now", "chosen", "then"),
    [
        ("-purchased", "purchased", "purchased"),
        ("purchased", "purchased", "-purchased"),
        ("-purchased", "size", "-size"),
        ("-purchased", "artist", "artist"),
        ("artist", "artist", "-artist"),
        ("-artist", "artist", "artist"),
    ],
)
def test_a_column_is_sorted_its_usual_way_first(now: str, chosen: str, then: str) -> None:
    assert Asked(sort=now).sorted_by(chosen) == then


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Los Faros", "LF"),
        ("Ostkai", "O"),
        ("Yuki & the Trains", "YT"),
        ("ßen", "SS"),
        ("🎷 Åsa", "Å"),
        ("\u202e<b>", "B"),
        ("🎷🎺", "·"),
        ("", "·"),
        ("水の都", "水"),
    ],
)
def test_initials_are_letters_and_at_most_two(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_a_placeholder_keeps_its_colour() -> None:
    assert {tone(f"p{n}") for n in range(100)} == set(range(6))
    assert tone("p1") == tone("p1")


def test_each_state_has_a_filter_and_what_counts_for_one_counts_for_unsynced_or_not() -> None:
    assert set(FILTERS) == set(Shown)
    counts = {state.value: 10**n for n, state in enumerate(Shown)}
    shown = {one["word"]: one["count"] for one in filters(Asked(state="failed"), counts)}
    assert shown["unsynced"] == sum(counts.values()) - counts["synced"] - counts["ignored"]
    assert shown["all"] == sum(counts.values())
    assert [one["word"] for one in filters(Asked(state="failed"), counts) if one["is_current"]] == ["failed"]


def test_every_event_has_a_word_and_the_colour_of_a_state() -> None:
    assert set(EVENTS) == {what.value for what in What}
    assert {state for _, state in EVENTS.values()} <= {state.value for state in Shown}
