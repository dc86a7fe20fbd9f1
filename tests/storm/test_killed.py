"""A storm in the middle of which every process is killed: the schedule goes on where it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storm.stack import BASE_S, PURCHASES, Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    one = Stack(tmp_path)
    try:
        one.fill()
        yield one
    finally:
        one.close()


def level(stack: Stack) -> int:
    return int(stack.patience().get("level", 0))


def test_a_hold_and_its_level_survive_the_death_of_all(stack: Stack) -> None:
    stack.begin_storm("rate_limit")
    stack.start()
    stack.until(lambda: level(stack) >= 2, 120)
    stack.kill()
    before = stack.patience()
    asked = len(stack.asked())
    stack.start()
    stack.until(lambda: level(stack) > int(before["level"]), 120)
    after, entries = stack.patience(), stack.standin.log.entries()
    assert entries[asked].time >= before["hold_until"] - 0.05, "the hold is kept to"
    length = after["hold_until"] - after["held_from"]
    assert after["level"] == before["level"] + 1
    assert length >= BASE_S * 2.0 ** (after["level"] - 1), "longer than the last one, and not the first anew"
    stack.end_storm()
    stack.until(lambda: stack.placed() == PURCHASES, 150)
