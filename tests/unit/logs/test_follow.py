from pathlib import Path

import pytest
from bandcamp_sync.logs.follow import Follower, log_files


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "worker.log"
    path.write_text("old\n")
    return path


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_lines_from_now_on_are_followed(log: Path) -> None:
    with Follower(log.parent) as follower:
        assert follower.look() == []
        write(log, "one\ntwo\n")
        assert follower.look() == [("worker", "one"), ("worker", "two")]
        assert follower.look() == []


def test_half_a_line_waits_for_its_end(log: Path) -> None:
    with Follower(log.parent) as follower:
        write(log, "on")
        assert follower.look() == []
        write(log, "e\n")
        assert follower.look() == [("worker", "one")]


def test_no_line_is_lost_when_the_log_is_rotated(log: Path) -> None:
    with Follower(log.parent) as follower:
        write(log, "last of the old\n")
        log.rename(log.with_name("worker.log.1"))
        log.write_text("first of the new\n")
        assert [line for _, line in follower.look()] == ["last of the old", "first of the new"]
        write(log, "second of the new\n")
        assert [line for _, line in follower.look()] == ["second of the new"]


def test_a_moment_without_the_file_is_waited_out(log: Path) -> None:
    with Follower(log.parent) as follower:
        log.rename(log.with_name("worker.log.1"))
        assert follower.look() == []
        log.write_text("new\n")
        assert [line for _, line in follower.look()] == ["new"]


def test_a_log_that_was_cut_short_begins_again(log: Path) -> None:
    with Follower(log.parent) as follower:
        log.write_text("a\n")
        assert [line for _, line in follower.look()] == ["a"]


def test_a_log_that_comes_later_is_read_from_its_start(log: Path) -> None:
    with Follower(log.parent) as follower:
        (log.parent / "scraper.log").write_text("hello\n")
        assert follower.look() == [("scraper", "hello")]


def test_a_flood_before_a_rotation_comes_whole(log: Path) -> None:
    lines = [f"line {n:07d}" for n in range(200_000)]
    with Follower(log.parent) as follower:
        write(log, "\n".join(lines) + "\n")
        log.rename(log.with_name("worker.log.1"))
        log.write_text("new\n")
        assert [line for _, line in follower.look()] == [*lines, "new"]


def test_rotated_and_hidden_files_are_no_logs(log: Path) -> None:
    for name in ("worker.log.1", ".worker.log.lock", "notes.txt"):
        (log.parent / name).touch()
    assert list(log_files(log.parent)) == ["worker"]
    assert log_files(log.parent / "nowhere") == {}
