import os
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from bandcamp_sync.logs.family import Line, Place, Position
from bandcamp_sync.logs.line import EVERYTHING, MAX_LINE_BYTES, Wanted, wanted
from bandcamp_sync.logs.tail import Tail, ends, in_time_order, tail
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=50), max_size=30)


def log(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def texts(found: Tail) -> list[str]:
    return [line.text for line in found.lines]


def last(path: Path, lines: int, only: Wanted = EVERYTHING) -> list[str]:
    return texts(tail("worker", path, lines, only))


def position(path: Path) -> Position:
    """Behind the last line that is there now; as of long ago."""
    return Position(ends({"worker": path}, 0).places, 0)


@given(LINES, st.integers(-1, 40))
def test_the_tail_is_the_last_lines_of_the_file(lines: list[str], count: int) -> None:
    with TemporaryDirectory() as folder:
        path = log(Path(folder), "worker.log", *lines)
        assert last(path, count) == (lines[-count:] if count > 0 else [])


@pytest.mark.parametrize("count", [1, 7, 5_000, 20_000, 30_000])
def test_a_file_of_many_blocks_is_read_right(count: int, tmp_path: Path) -> None:
    lines = [f"line {number} " + "x" * (number % 97) for number in range(20_000)]
    assert last(log(tmp_path, "worker.log", *lines), count) == lines[-count:]


@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1, 5))
def test_each_place_is_just_behind_its_line(lengths: list[int], repeated: int) -> None:
    with TemporaryDirectory() as folder:
        path = log(Path(folder), "worker.log", *("y" * length for length in lengths * repeated))
        found = tail("worker", path, 1000)
        content = path.read_bytes()
        offsets = [0, *(line.place.offset for line in found.lines)]
        assert [content[a:b] for a, b in pairwise(offsets)] == [f"{text}\n".encode() for text in texts(found)]
        assert found.end is not None and found.end.offset == len(content)


def test_a_line_without_its_end_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_bytes(b"whole\nhal")
    found = tail("worker", path, 5)
    assert (texts(found), found.half) == (["whole"], "hal")
    assert found.end is not None and found.end.offset == 6
    assert tail("worker", path, 5, wanted("", "other")).half is None


def test_a_missing_or_empty_file_has_no_lines_and_empty_lines_count(tmp_path: Path) -> None:
    assert tail("worker", tmp_path / "none.log", 10) == Tail([])
    assert last(log(tmp_path, "a.log"), 5) == []
    assert last(log(tmp_path, "b.log", "a", "", ""), 2) == ["", ""]


@pytest.mark.parametrize("length", [MAX_LINE_BYTES + 1, 65_535, 65_536, 300_000])
def test_a_very_long_line_is_cut_and_its_neighbours_are_whole(length: int, tmp_path: Path) -> None:
    path = log(tmp_path, "a.log", "before", "x" * length, "after")
    assert last(path, 3) == ["before", "x" * MAX_LINE_BYTES, "after"]
    assert last(path, 1) == ["after"]
    ends = [line.place.offset for line in tail("worker", path, 3).lines]
    assert ends == [7, 7 + length + 1, 7 + length + 7]


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"good\nb\xffd\r\n")
    assert last(path, 5) == ["good", "b\ufffdd"]


# --- rotated files, bounds ------------------------------------------------------------------------------------------


def test_rotated_files_are_read_on_into_newest_first(tmp_path: Path) -> None:
    log(tmp_path, "worker.log.2", "one", "two")
    log(tmp_path, "worker.log.1", "three")
    path = log(tmp_path, "worker.log", "four")
    assert last(path, 3) == ["two", "three", "four"]
    found = tail("worker", path, 9)
    assert (texts(found), found.complete, found.searched) == (["one", "two", "three", "four"], True, 19)
    path.unlink()
    assert last(path, 2) == ["two", "three"]


def test_one_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    path = log(tmp_path, "worker.log", "one")
    os.link(path, tmp_path / "worker.log.1")
    assert last(path, 5) == ["one"]


def test_a_search_goes_back_until_enough_lines_are_found_or_a_bound_is_reached(tmp_path: Path) -> None:
    lines = [f"2026-11-23T12:00:00.000Z {'ERROR' if n % 10_000 == 0 else 'INFO '} worker - {n}" for n in range(50_000)]
    path = log(tmp_path, "worker.log", *lines)
    errors = wanted("ERROR", "")
    assert last(path, 2, errors) == [lines[30_000], lines[40_000]]
    assert last(path, 99, errors) == lines[::10_000]
    bounded = tail("worker", path, 99, errors, most=700_000)
    assert (texts(bounded), bounded.complete) == ([lines[40_000]], False)
    assert bounded.searched == 700_000
    assert bounded.searched + bounded.left == path.stat().st_size
    assert tail("worker", path, 1, errors).searched < 600_000


def read_bytes() -> int:
    """What this process has read from files so far."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"])


def test_the_tail_of_a_huge_file_reads_no_more_than_that_of_a_small_one(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with path.open("wb") as file:
        file.truncate(8 << 30)  # a hole: it takes no room
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b"line %06d\n" % n for n in range(2000)))
    before = read_bytes()
    found = last(path, 1000)
    assert read_bytes() - before < 256 * 1024
    assert (found[0], found[-1]) == ("line 001000", "line 001999")
    before = read_bytes()
    assert not tail("worker", path, 10, wanted("", "nowhere"), most=4 << 20).complete
    assert read_bytes() - before < 5 << 20


# --- since a position -----------------------------------------------------------------------------------------------


def test_since_a_position_there_is_only_what_came_behind_it(tmp_path: Path) -> None:
    path = log(tmp_path, "worker.log", "one", "two")
    since = position(path)
    assert texts(tail("worker", path, 9, since=since)) == []
    with path.open("a") as file:
        file.write("three\n")
    assert texts(tail("worker", path, 9, since=since)) == ["three"]
    path.rename(tmp_path / "worker.log.1")
    log(tmp_path, "worker.log", "four")
    (tmp_path / "worker.log.1").rename(tmp_path / "worker.log.2")
    (tmp_path / "worker.log").rename(tmp_path / "worker.log.1")
    log(tmp_path, "worker.log", "five")
    assert texts(tail("worker", path, 9, since=since)) == ["three", "four", "five"]


def test_what_is_left_out_of_a_long_absence_is_counted(tmp_path: Path) -> None:
    path = log(tmp_path, "worker.log", "begin")
    since = position(path)
    with path.open("a") as file:
        file.writelines(f"line {n:04d}\n" for n in range(1000))
    found = tail("worker", path, 10, since=since)
    assert (len(found.lines), found.left) == (10, 990 * 10)


def test_the_inode_of_a_file_that_is_gone_is_not_taken_for_that_file(tmp_path: Path) -> None:
    path = log(tmp_path, "worker.log", "2026-11-23T12:00:00Z one", "2026-11-23T12:00:01Z two")
    place = position(path).places["worker"]
    path.write_text("2026-11-23T13:00:00Z one\n2026-11-23T13:00:01Z two\n2026-11-23T13:00:02Z three\n")
    assert path.stat().st_ino == place.inode
    assert len(tail("worker", path, 9, since=Position({"worker": place}, 0)).lines) == 3


def test_without_its_file_a_position_means_what_was_written_since_then(tmp_path: Path) -> None:
    gone = Position({"worker": Place(1, 2, 3)}, 1_000_000)
    old = log(tmp_path, "worker.log.1", "old")
    os.utime(old, (999_999, 999_999))
    path = log(tmp_path, "worker.log", "new")
    assert texts(tail("worker", path, 9, since=gone)) == ["new"]


# --- several logs ---------------------------------------------------------------------------------------------------


def lines(service: str, *found: str) -> list[Line]:
    return [Line(service, text, Place(1, 1, 1)) for text in found]


def test_logs_are_merged_in_the_order_of_time() -> None:
    one = lines("s", "2026-11-23T12:00:00.100Z s1", "2026-11-23T12:00:03Z s2")
    two = lines("w", "2026-11-23T12:00:01.000Z w1", "2026-11-23T12:00:03.001Z w2")
    assert [line.text.split()[1] for line in in_time_order([one, two, []])] == ["s1", "w1", "s2", "w2"]


def test_a_line_without_a_time_or_out_of_order_stays_behind_the_one_before_it() -> None:
    one = lines("a", "2026-11-23T12:00:00Z a1", "  more", "2026-11-23T12:00:02Z a2", "2026-11-23T12:00:00Z a3")
    two = lines("b", "2026-11-23T12:00:01Z b1", "2026-11-23T12:00:04Z b2")
    found = [line.text.split()[-1] for line in in_time_order([one, two])]
    assert found == ["a1", "more", "b1", "a2", "a3", "b2"]
