"""A worker that replaces a damaged album, killed at each step that it takes."""

from collections.abc import Callable

import pytest

from crash.stage import Outcome, Stage
from crash.stages import WORKER_REPLACEMENT

Kill = Callable[[Stage], Outcome]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", WORKER_REPLACEMENT, ids=lambda stage: stage.name)
def test_a_worker_that_is_killed_anywhere_replaces_an_album_in_one_step(killed_everywhere: Kill, stage: Stage) -> None:
    killed_everywhere(stage)
