from pathlib import Path

import pytest
from bandcamp_sync.ignore import change_ignored, publish_ignored, read_ignored
from bandcamp_sync.paths import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.config.mkdir()
    return made


def write(data: DataFolder, text: str | bytes) -> None:
    data.ignore.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_key_stands_on_its_line_and_comments_are_passed_over(data: DataFolder, end: str) -> None:
    write(data, end.join(["# mine", "", "p1", "  p2  # a gift", "#p3", "not a key", "../p4", "P5", "p6 p7", "c8"]))
    assert read_ignored(data) == {"p1", "p2", "c8"}


def test_a_byte_order_mark_and_broken_bytes_do_no_harm(data: DataFolder) -> None:
    write(data, b"\xef\xbb\xbfp1\n\xff\xfe\np2\n")
    assert read_ignored(data) == {"p1", "p2"}


def test_without_a_list_nothing_is_ignored(data: DataFolder) -> None:
    assert read_ignored(data) == frozenset()


def test_adding_and_dropping_keeps_what_a_person_wrote(data: DataFolder) -> None:
    write(data, "# mine\np1 # a gift\n\np2\n")
    change_ignored(data, add=["p3", "p2"], drop=["p1"])
    assert data.ignore.read_text() == "# mine\n\np2\np3\n"
    assert read_ignored(data) == {"p2", "p3"}


def test_the_first_key_makes_the_list(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    change_ignored(data, add=["p1"])
    assert data.ignore.read_text().startswith("# ") and read_ignored(data) == {"p1"}


def test_adding_twice_and_dropping_twice_is_once(data: DataFolder) -> None:
    for _ in range(2):
        change_ignored(data, add=["p1"])
    assert data.ignore.read_text().count("p1") == 1
    for _ in range(2):
        change_ignored(data, drop=["p1"])
    assert read_ignored(data) == frozenset()


def test_who_may_not_look_into_the_folder_reads_the_copy(data: DataFolder) -> None:
    change_ignored(data, add=["p1", "p2"])
    data.ignore.unlink()
    data.config.rmdir()
    assert read_ignored(data) == {"p1", "p2"}


def test_a_copy_that_is_unreadable_ignores_nothing(data: DataFolder) -> None:
    data.config.rmdir()
    data.state.mkdir()
    for text in ("", "{", "5", '["P?", 5, null]'):
        (data.state / "ignored.json").write_text(text)
        assert read_ignored(data) == frozenset()


def test_the_copy_is_written_only_when_it_says_something_new(data: DataFolder) -> None:
    publish_ignored(data, frozenset({"p1"}))
    before = (data.state / "ignored.json").stat().st_ino
    publish_ignored(data, frozenset({"p1"}))
    assert (data.state / "ignored.json").stat().st_ino == before
    publish_ignored(data, frozenset())
    data.config.rmdir()
    assert read_ignored(data) == frozenset()


def test_the_first_key_of_a_list_with_a_byte_order_mark_can_be_dropped(data: DataFolder) -> None:
    write(data, "\ufeffp1\np2\n")
    change_ignored(data, drop=["p1"])
    assert read_ignored(data) == {"p2"}
