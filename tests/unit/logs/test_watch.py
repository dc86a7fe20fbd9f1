"""Whoever follows logs and is told when to look misses nothing that one who looks all the time sees."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bandcamp_sync.logs.family import Line, log_files
from bandcamp_sync.logs.follow import Follower
from bandcamp_sync.logs.line import EVERYTHING, Wanted, wanted
from bandcamp_sync.logs.tail import ends
from bandcamp_sync.logs.watch import Watch
from unit.logs.test_follow import rotate, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "worker.log").write_text("old\n")
    return tmp_path


@pytest.fixture
def told(folder: Path) -> Watch:
    return Watch(folder, lasts_s=0.0)


class Counted(Follower):
    """Counts its looks."""

    looks = 0

    def look(self) -> list[Line]:
        self.looks += 1
        return super().look()


def follow(folder: Path, only: Wanted = EVERYTHING) -> Counted:
    return Counted(folder, ends(log_files(folder), 0), only)


def test_it_tells_of_each_kind_of_change_and_of_rest(folder: Path, told: Watch) -> None:
    log = folder / "worker.log"
    changes: list[Callable[[], object]] = [
        lambda: write(log, "more"),
        lambda: log.rename(folder / "worker.log.1"),
        lambda: log.write_text(""),
        lambda: (folder / "scraper.log").write_text("new\n"),
        lambda: (folder / "worker.log.1").unlink(),
    ]
    for change in changes:
        before = told.mark()
        assert told.mark() == before
        change()
        assert told.mark() > before


def test_it_looks_once_for_all_who_ask_at_the_same_time(folder: Path) -> None:
    told = Watch(folder)
    before = told.mark()
    write(folder / "worker.log", "more\n")
    assert told.mark() == before
    time.sleep(0.25)
    assert told.mark() == before + 1


def test_a_folder_that_cannot_be_read_is_not_at_rest(tmp_path: Path) -> None:
    nowhere = Watch(tmp_path / "nowhere", lasts_s=0.0)
    assert nowhere.mark() < nowhere.mark()


def test_a_log_at_rest_is_not_touched(folder: Path, told: Watch) -> None:
    follower = follow(folder)
    with follower:
        assert [follower.news(told) for _ in range(5)] == [[]] * 5
        assert follower.looks == 1
        write(folder / "worker.log", "news\n")
        assert [len(follower.news(told)) for _ in range(5)] == [1, 0, 0, 0, 0]
        assert follower.looks == 3


def test_a_flood_is_read_to_its_end_though_hardly_a_line_of_it_is_wanted(folder: Path, told: Watch) -> None:
    with follow(folder, wanted("", "needle")) as follower:
        write(folder / "worker.log", f"{'hay ' * 30}\n" * 40_000 + "a needle\n")
        assert [line.text for _ in range(20) for line in follower.news(told)] == ["a needle"]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_to_the_log_both_see_the_same(folder: Path, told: Watch, seed: int) -> None:
    chance, log, heard, seen = random.Random(seed), folder / "worker.log", [], []
    with follow(folder) as one, follow(folder) as other:
        for number in range(200):
            match chance.randrange(6):
                case 0:
                    rotate(log)
                    log.write_text("")
                case 1:
                    write(log, f"half of {number} ")
                case 2 | 3:
                    write(log, f"{number}\n")
            # Both look after each step, as what rotations push out is gone for both.
            heard += [line.text for line in one.news(told)]
            seen += [line.text for line in other.look()]
        heard += [line.text for _ in range(3) for line in one.news(told)]
        seen += [line.text for _ in range(3) for line in other.look()]
    assert heard == seen
    assert len(heard) > 20
