"""One filled home for all tests of a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin import StandIn, World

from garbage.home import Filled, Forked, fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A home with everything in it, the stand-in that it is synced with, and what runs commands on copies of it."""
    forked = Forked()
    with StandIn(World.build(purchases=7, preset="small", seconds=(0.2, 0.4))) as standin:
        yield fill(tmp_path_factory.mktemp("filled"), standin, forked)
    forked.close()


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Where a case's copy may lie."""
    return tmp_path
