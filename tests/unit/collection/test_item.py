import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from bandcamp_sync.collection.item import Capture, Item, is_key
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from unit.factories import KEY, LINK, NOW, capture, item


@pytest.mark.parametrize("key", ["p500000009", "c1", "xa7", "m83897", "abc" + "9" * 20])
def test_a_key_is_letters_and_digits(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "p", "5", "P5", "p5 ", "p5\n", "p-5", "../p5", "p5.job", "abcd5", "p" + "9" * 21])
def test_what_could_be_no_file_name_or_no_sale_is_no_key(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(ValidationError):
        Item(key=key)


def test_a_time_without_a_zone_is_in_utc_and_one_that_utc_does_not_have_is_none() -> None:
    written = json.dumps({"key": KEY, "purchased": "2025-01-01T00:00:00"})
    assert Item.model_validate_json(written).purchased == datetime(2025, 1, 1, tzinfo=UTC)
    for beyond in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(ValidationError):
            Item.model_validate_json(json.dumps({"key": KEY, "purchased": beyond}))


def test_a_link_is_not_shown_where_a_purchase_is_printed() -> None:
    assert LINK not in repr(item()) and LINK not in str(item()) and LINK not in repr(capture(item()))


def test_what_bandcamp_leaves_out_has_a_stand_in() -> None:
    bare = Item(key="p1")
    assert (bare.artist, bare.title, bare.label) == (
        "Unknown Artist",
        "Untitled p1",
        "Unknown Artist - Untitled p1 (p1)",
    )


def test_a_name_in_a_label_turns_nothing_around() -> None:
    assert item(item_title="\u202eyrreF \u2066thgiN\u2069").label == f"Los Faros - yrreF thgiN ({KEY})"


def test_a_label_names_artist_title_and_key() -> None:
    assert item().label == f"Los Faros - Night Ferry ({KEY})"


@pytest.mark.parametrize("art_id", [4031, "4031"])
def test_an_art_id_may_be_a_number_or_a_text(art_id: int | str) -> None:
    assert item(art_id=art_id).art_id == "4031"


def test_times_are_written_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=2)))
    assert '"purchased":"2026-11-23T12:00:00Z"' in item(purchased=local).model_dump_json()


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.builds(lambda hidden, title: item(hidden=hidden, item_title=title), st.booleans(), TEXTS))
def test_a_purchase_reads_back_as_it_was_written(one: Item) -> None:
    assert Item.model_validate_json(one.model_dump_json()) == one


def test_a_capture_reads_back_as_it_was_written_and_passes_over_what_a_later_version_adds() -> None:
    one = capture(item("p2"), item("p1"), owned=("a1", "t2"))
    written = one.model_dump_json(by_alias=True)
    assert Capture.model_validate_json(written) == one
    assert Capture.model_validate_json(written.replace("{", '{"later": 1, ', 1)) == one
    assert '"schema":1' in written


def test_a_capture_of_another_schema_is_refused() -> None:
    with pytest.raises(ValidationError):
        Capture.model_validate_json(capture().model_dump_json(by_alias=True).replace('"schema":1', '"schema":2'))


def test_purchases_are_found_by_key() -> None:
    assert list(capture(item("p2"), item("p1")).by_key()) == ["p2", "p1"]
