"""Part 4 of 4 (each runs in a process of its own): every file of a full home, spoiled in one way after another."""

from pathlib import Path

import pytest

from garbage.cases import groups, spoiled
from garbage.home import Filled
from garbage.spoiling import FILES

PART = list(enumerate(FILES))[3::4]


@pytest.mark.parametrize(("turn", "what"), PART, ids=[what for _, what in PART])
def test_any_file_may_be(turn: int, what: str, filled: Filled, room: Path) -> None:
    names = filled.kinds()
    wrong = [one for group in groups(names, turn) for one in spoiled(filled, group, what, FILES[what], room)]
    print(f"{len(names)} files, {len(list(groups(names, turn)))} runs: {what}")
    assert not wrong, "\n".join(wrong)
