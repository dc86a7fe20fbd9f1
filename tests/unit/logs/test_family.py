from pathlib import Path

import pytest
from bandcamp_sync.logs.family import (
    OpenLog,
    Place,
    Position,
    log_files,
    next_file,
    opened_family,
    parse_position,
    position_text,
)
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(0, 2**64 - 1)
PLACES = st.builds(Place, NUMBERS, NUMBERS, NUMBERS)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), PLACES, max_size=5), NUMBERS)
def test_a_position_is_read_as_it_was_written(places: dict[str, Place], at_s: int) -> None:
    text = position_text(Position(places, at_s))
    assert text.isascii() and text.isprintable() and " " not in text
    assert parse_position(text) == Position(places, at_s)


@given(st.text(max_size=60))
def test_what_is_no_position_is_none_and_never_an_error(text: str) -> None:
    assert parse_position(text.replace("~", "")) is None
    parse_position(f"1~{text}")


@pytest.mark.parametrize("text", ["", "1~worker", "1~worker=1.2", "1~worker=1.2.3.4", "1~w=1.2.-3", "x~", "1~w=1.2.g"])
def test_a_bogus_position_is_none(text: str) -> None:
    assert parse_position(text) is None


def test_a_place_is_held_by_its_file_alone_wherever_it_was_rotated_to(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("2026-11-23T12:00:00Z one\n")
    log = OpenLog.at(path)
    place = log.place(log.size())
    log.close()
    path.rename(tmp_path / "worker.log.1")
    path.write_text("2026-11-23T13:00:00Z two\n")
    with opened_family(path) as family:
        assert [one.holds(place) for one in family] == [False, True]
        assert not family[1].holds(Place(place.inode, place.head, place.offset + 1))


def test_the_next_file_is_the_one_that_came_after_not_just_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("one")
    log = OpenLog.at(path)
    assert next_file(path, log) is None
    path.rename(tmp_path / "worker.log.2")
    assert next_file(path, log) is None
    (tmp_path / "worker.log.1").write_text("two")
    path.write_text("three")
    following = next_file(path, log)
    assert following is not None and following.read(0, 9) == b"two"
    (tmp_path / "worker.log.2").unlink()
    newest = next_file(path, log)
    assert newest is not None and newest.read(0, 9) == b"three"
    for one in (log, following, newest):
        one.close()


def test_rotated_and_hidden_files_are_no_logs(tmp_path: Path) -> None:
    for name in ("worker.log", "worker.log.1", ".worker.log.lock", "notes.txt"):
        (tmp_path / name).touch()
    assert list(log_files(tmp_path)) == ["worker"]
    assert log_files(tmp_path / "nowhere") == {}
