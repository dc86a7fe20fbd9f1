"""The judge of a whole library, on libraries that are not whole."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from standin import World

from faults.household import Household
from faults.whole import deliverable, faults_of_library


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """A household in which three purchases have arrived, and nothing runs any more."""
    with Household(tmp_path_factory.mktemp("home") / "h", World.build(purchases=3, preset="small"), {}) as home:
        home.start()
        home.until("three albums", lambda: home.count("done") == 3 and not home.count("in_progress"))
        home.stop()
    assert faults_of_library(home.data, home.music, home.world) == (set(deliverable(home.world)), [])
    return home


def _song(home: Household) -> Path:
    return sorted(home.music.glob("[!.]*/*/*.flac"))[0]


def _job(home: Household) -> Path:
    return sorted((home.data / "inbox" / "done").glob("*.job"))[0]


def _cut(home: Household) -> None:
    _song(home).write_bytes(_song(home).read_bytes()[:-100])


def _stranger(home: Household) -> None:
    (_song(home).parent / "half.part").write_bytes(b"x")


def _left(home: Household) -> None:
    (home.music / ".bandcampsync" / "staging" / "p1").mkdir(parents=True)


def _false_receipt(home: Household) -> None:
    job = json.loads(_job(home).read_text())
    job["receipt"]["files"][0]["sha256"] = "0" * 64
    _job(home).write_text(json.dumps(job))


def _lost_receipt(home: Household) -> None:
    _job(home).unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut, "is not what its receipt says"),
        (_stranger, "belongs to no receipt"),
        (_left, "left in staging"),
        (_false_receipt, "is not what its receipt says"),
        (_lost_receipt, "belongs to no receipt"),
    ],
)
def test_what_is_not_whole_is_told(
    home: Household, tmp_path: Path, spoil: Callable[[Household], None], told: str
) -> None:
    copy = Household(tmp_path / "copy", home.world, {})
    shutil.copytree(home.root, copy.root)
    spoil(copy)
    whole, problems = faults_of_library(copy.data, copy.music, copy.world)
    assert any(told in problem for problem in problems), problems
    assert len(whole) == 3 or spoil in (_cut, _false_receipt, _lost_receipt)
