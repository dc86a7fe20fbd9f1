"""A worker with a bare track, or one that fails, killed at each step that it takes."""

from collections.abc import Callable

import pytest

from crash.stage import Outcome, Stage
from crash.stages import WORKER_TRACK

Kill = Callable[[Stage], Outcome]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", WORKER_TRACK, ids=lambda stage: stage.name)
def test_a_worker_that_is_killed_anywhere_with_a_track_loses_nothing(killed_everywhere: Kill, stage: Stage) -> None:
    killed_everywhere(stage)
