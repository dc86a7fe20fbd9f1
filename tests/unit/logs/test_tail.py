from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from bandcamp_sync.logs.tail import MAX_LINE_BYTES, merged_tail, tail
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=50), max_size=30)


def log(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@given(LINES, st.integers(-1, 40), st.booleans())
def test_the_tail_is_the_last_lines_of_the_file(lines: list[str], count: int, ended: bool) -> None:
    content = "\n".join(lines) + ("\n" if ended and lines else "")
    expected = content.removesuffix("\n").split("\n") if content else []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_bytes(content.encode())
        assert tail(path, count) == (expected[-count:] if count > 0 else [])


@pytest.mark.parametrize("count", [1, 7, 5_000, 20_000, 30_000])
def test_a_file_of_many_blocks_is_read_right(count: int, tmp_path: Path) -> None:
    lines = [f"line {number} " + "x" * (number % 97) for number in range(20_000)]
    assert tail(log(tmp_path, "a.log", *lines), count) == lines[-count:]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log", 10) == []


def test_an_empty_file_has_no_lines_and_empty_lines_count(tmp_path: Path) -> None:
    assert tail(log(tmp_path, "a.log"), 5) == []
    assert tail(log(tmp_path, "b.log", "a", "", ""), 2) == ["", ""]


def test_a_very_long_line_is_cut_and_its_neighbours_are_whole(tmp_path: Path) -> None:
    path = log(tmp_path, "a.log", "before", "x" * 300_000, "after")
    assert tail(path, 3) == ["before", "x" * MAX_LINE_BYTES, "after"]
    assert tail(path, 1) == ["after"]


def test_a_line_just_as_long_as_allowed_is_whole(tmp_path: Path) -> None:
    exact = "y" * MAX_LINE_BYTES
    assert tail(log(tmp_path, "a.log", exact, "b"), 5) == [exact, "b"]


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"good\nb\xffd\r\n")
    assert tail(path, 5) == ["good", "b\ufffdd"]


def test_files_are_merged_in_the_order_of_time(tmp_path: Path) -> None:
    paths = {
        "scraper": log(tmp_path, "s.log", "2026-11-23T12:00:00.100Z s1", "2026-11-23T12:00:03Z s2"),
        "worker": log(tmp_path, "w.log", "2026-11-23T12:00:01.000Z w1", "2026-11-23T12:00:03.001Z w2"),
        "missing": tmp_path / "none.log",
    }
    merged, files = merged_tail(paths, 10)
    assert [line.split()[1] for line in merged] == ["s1", "w1", "s2", "w2"]
    assert files["missing"] == [] and len(files["worker"]) == 2


def test_a_line_without_a_time_stays_behind_the_one_before_it(tmp_path: Path) -> None:
    paths = {
        "a": log(tmp_path, "a.log", "2026-11-23T12:00:00Z a1", "  more", "2026-11-23T12:00:02Z a2"),
        "b": log(tmp_path, "b.log", "2026-11-23T12:00:01Z b1"),
    }
    assert [line.split()[-1] for line in merged_tail(paths, 10)[0]] == ["a1", "more", "b1", "a2"]


def test_the_merged_tail_has_only_the_lines_asked_for(tmp_path: Path) -> None:
    paths = {"a": log(tmp_path, "a.log", *(f"2026-11-23T12:00:0{n}Z a{n}" for n in range(9)))}
    assert [line[-2:] for line in merged_tail(paths, 2)[0]] == ["a7", "a8"]
    assert merged_tail(paths, 0) == ([], {"a": []})
