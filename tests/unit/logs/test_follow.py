import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from bandcamp_sync.logs.family import Position, log_files, parse_position, position_text
from bandcamp_sync.logs.follow import Follower
from bandcamp_sync.logs.line import wanted
from bandcamp_sync.logs.tail import ends


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "worker.log"
    path.write_text("old\n")
    return path


@pytest.fixture
def follower(log: Path) -> Iterator[Follower]:
    """Of everything, from now on."""
    with follow(log) as one:
        yield one


def follow(log: Path, **more: str) -> Follower:
    return Follower(log.parent, ends(log_files(log.parent), 0), **more)  # type: ignore[arg-type]


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def rotate(log: Path) -> None:
    for number in range(5, 0, -1):
        path = log.with_name(f"{log.name}.{number - 1}" if number > 1 else log.name)
        if path.exists():
            path.rename(log.with_name(f"{log.name}.{number}"))


def news(follower: Follower) -> list[str]:
    return [line.text for line in follower.look()]


def test_only_lines_from_now_on_are_followed(log: Path, follower: Follower) -> None:
    assert follower.look() == []
    write(log, "one\ntwo\n")
    assert [(line.service, line.text) for line in follower.look()] == [("worker", "one"), ("worker", "two")]
    assert follower.look() == []


def test_half_a_line_waits_for_its_end(log: Path, follower: Follower) -> None:
    write(log, "on")
    assert news(follower) == []
    write(log, "e\n")
    assert news(follower) == ["one"]


def test_no_line_is_lost_when_the_log_is_rotated(log: Path, follower: Follower) -> None:
    write(log, "last of the old\n")
    rotate(log)
    log.write_text("first of the new\n")
    assert news(follower) == ["last of the old", "first of the new"]
    write(log, "second of the new\n")
    assert news(follower) == ["second of the new"]


def test_several_rotations_between_two_looks_lose_nothing(log: Path, follower: Follower) -> None:
    for number in range(4):
        write(log, f"line {number}\n")
        rotate(log)
    log.write_text("line 4\n")
    assert news(follower) == [f"line {number}" for number in range(5)]


def test_a_line_that_lands_in_the_file_just_moved_comes_too(log: Path, follower: Follower) -> None:
    rotate(log)
    log.write_text("new\n")
    assert news(follower) == ["new"]
    write(log.with_name("worker.log.1"), "late\n")
    assert news(follower) == ["late"]
    assert news(follower) == []


def test_a_moment_without_the_file_is_waited_out(log: Path, follower: Follower) -> None:
    rotate(log)
    assert news(follower) == []
    log.write_text("new\n")
    assert news(follower) == ["new"]


def test_a_log_that_was_cut_short_begins_again(log: Path, follower: Follower) -> None:
    log.write_text("a\n")
    assert news(follower) == ["a"]


def test_a_log_that_comes_later_is_read_from_its_start(log: Path, follower: Follower) -> None:
    (log.parent / "scraper.log").write_text("hello\n")
    assert [(line.service, line.text) for line in follower.look()] == [("scraper", "hello")]


def test_a_flood_before_a_rotation_comes_whole_a_part_at_a_time(log: Path, follower: Follower) -> None:
    lines = [f"line {n:07d}" for n in range(200_000)]
    write(log, "\n".join(lines) + "\n")
    rotate(log)
    log.write_text("new\n")
    parts = []
    while part := news(follower):
        parts.append(part)
    assert [line for part in parts for line in part] == [*lines, "new"]
    assert max(map(len, parts)) * 13 < 1_200_000


def test_only_what_is_wanted_comes_and_the_position_goes_on_over_the_rest(log: Path) -> None:
    with Follower(log.parent, Position({}, 0), wanted("", "two"), only="worker") as follower:
        write(log, "one\ntwo\nthree\n")
        (log.parent / "scraper.log").write_text("two\n")
        assert news(follower) == ["two"]
        assert follower.position.places["worker"].offset == log.stat().st_size
        assert list(follower.position.places) == ["worker"]


@pytest.mark.parametrize("seed", range(20))
def test_from_any_line_one_can_go_on_elsewhere_without_a_line_lost_or_doubled(log: Path, seed: int) -> None:
    chance = random.Random(seed)
    written = [f"line {number} {'x' * chance.randrange(60)}" for number in range(60)]
    seen: list[str] = []
    position = ends(log_files(log.parent), 0)
    follower = Follower(log.parent, position)
    rotations = 0
    for text in written:
        write(log, text + "\n")
        if chance.random() < 0.06 and rotations < 5:
            rotate(log)
            rotations += 1
        if chance.random() < 0.2:
            came = follower.look()
            taken = came[: chance.randrange(len(came) + 1)]
            seen += [line.text for line in taken]
            if taken:
                position = Position({"worker": taken[-1].place}, 0)
            follower.close()
            told = parse_position(position_text(position))
            assert told is not None
            follower = Follower(log.parent, told)
    if not log.exists():
        log.touch()
    seen += news(follower)
    follower.close()
    assert seen == written


def test_closing_gives_every_file_back(log: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    follower = follow(log)
    for number in range(3):
        write(log, f"line {number}\n")
        rotate(log)
        log.touch()
        follower.look()
    follower.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
