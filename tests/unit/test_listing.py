from dataclasses import replace
from typing import Any

import pytest
from bandcamp_sync import listing
from bandcamp_sync.books import Row, Shown
from bandcamp_sync.listing import UNSYNCED, Listing, fold, states_named
from unit.factories import DAY, NOW, item


def row(key: str, state: Shown = Shown.SYNCED, size: int | None = None, **changes: Any) -> Row:
    return Row(item(key, **changes), state, "because", f"x/{key}", size=size)


ROWS = (
    row("p1", size=30, band_name="Zoe", item_title="Amber", purchased=NOW - 3 * DAY),
    row("p2", Shown.QUEUED, band_name="anna", item_title="Birch", purchased=NOW - DAY),
    row("p3", Shown.FAILED, band_name="Inês Valadão", item_title="amber II", purchased=None),
    replace(row("p4", size=20, band_name="Åsa", item_title="Cedar", purchased=NOW - 2 * DAY), format="flac"),
)


def keys(found: tuple[int, list[Row]]) -> list[str]:
    return [one.item.key for one in found[1]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-purchased", "p2 p4 p1 p3"),
        ("purchased", "p3 p1 p4 p2"),
        ("artist", "p2 p4 p3 p1"),
        ("-artist", "p1 p3 p4 p2"),
        ("title", "p1 p3 p2 p4"),
        ("state", "p4 p1 p2 p3"),
        ("-size", "p1 p4 p3 p2"),
        ("-format", "p4 p1 p3 p2"),
    ],
)
def test_each_order_is_right_both_ways_and_knows_neither_case_nor_accents(sort: str, order: str) -> None:
    assert keys(Listing(ROWS).select(sort=sort)) == order.split()


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", {"p1", "p2", "p3", "p4"}),
        ("AMBER", {"p1", "p3"}),
        ("amber zoe", {"p1"}),
        ("zoe amb", {"p1"}),
        ("valadao", {"p3"}),
        ("VALADÃO ii", {"p3"}),
        ("p4", {"p4"}),
        ("asa cedar p4", {"p4"}),
        ("amber birch", set()),
    ],
)
def test_every_word_must_be_in_artist_title_or_key(q: str, found: set[str]) -> None:
    assert set(keys(Listing(ROWS).select(q=q))) == found


def test_states_and_words_narrow_together_and_the_number_is_of_all_that_match() -> None:
    total, shown = Listing(ROWS).select(["synced", "failed"], "amber", "title", start=1, count=1)
    assert (total, [one.item.key for one in shown]) == (2, ["p3"])


def test_behind_the_last_match_is_nothing() -> None:
    assert Listing(ROWS).select(start=100, count=10) == (4, [])


def test_unsynced_is_what_is_not_on_disk_and_was_not_given_up_by_its_owner() -> None:
    assert states_named(["unsynced"]) == set(Shown) - {Shown.SYNCED, Shown.IGNORED} == set(UNSYNCED)
    assert states_named(["unsynced", "ignored"]) == set(Shown) - {Shown.SYNCED}
    assert keys(Listing(ROWS).select(["unsynced"])) == ["p2", "p3"]


@pytest.mark.parametrize("wrong", [{"states": ["lost"]}, {"sort": "redownload_url"}, {"sort": "--size"}, {"sort": ""}])
def test_a_wrong_question_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Listing(ROWS).select(**wrong)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Night FERRY", "night ferry"),
        ("Inês Valadão", "ines valadao"),
        ("Ｗｉｄｅ", "wide"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("a\u200b\u202eb", "ab"),
        ("水の都", "水の都"),
        ("🎷", "🎷"),
    ],
)
def test_folding_takes_away_what_one_does_not_type(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_newer_version_of_the_books_folds_no_name_again_and_sorts_by_state_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folded: list[str] = []
    before = Listing(ROWS)
    before.select(q="amber", sort="artist")
    before.select(sort="state")

    def noted(text: str) -> str:
        folded.append(text)
        return text.lower()

    monkeypatch.setattr(listing, "fold", noted)
    done = (ROWS[0], replace(ROWS[1], state=Shown.SYNCED), *ROWS[2:])
    after = Listing(done, before)
    assert keys(after.select(sort="state")) == ["p2", "p4", "p1", "p3"]
    assert keys(after.select(["synced"], "birch", "artist")) == ["p2"]
    assert folded == ["", "birch"]  # what was searched for, and no name


def test_other_purchases_are_folded_anew() -> None:
    before = Listing(ROWS)
    before.select(q="amber", sort="title")
    after = Listing((*ROWS[1:], row("p5", item_title="Amber III")), before)
    assert keys(after.select(q="amber", sort="title")) == ["p3", "p5"]
    renamed = Listing((replace(ROWS[0], item=item("p1", item_title="Dusk")), *ROWS[1:]), before)
    assert keys(renamed.select(q="dusk")) == ["p1"]


def test_what_was_worked_out_once_is_not_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    key_of = listing._KEYS["artist"]

    def noted(one: Row, names: tuple[str, str]) -> tuple[Any, ...]:
        asked.append(one.item.key)
        return key_of(one, names)

    monkeypatch.setitem(listing._KEYS, "artist", noted)
    one = Listing(ROWS)
    for sort in ("artist", "-artist", "artist"):
        one.select(sort=sort)
    assert asked == ["p1", "p2", "p3", "p4"]
