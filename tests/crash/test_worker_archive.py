"""A worker with an archive, killed at each step that it takes."""

from collections.abc import Callable

import pytest

from crash.stage import Outcome, Stage
from crash.stages import WORKER_ARCHIVE

Kill = Callable[[Stage], Outcome]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", WORKER_ARCHIVE, ids=lambda stage: stage.name)
def test_a_worker_that_is_killed_anywhere_with_an_archive_loses_nothing(killed_everywhere: Kill, stage: Stage) -> None:
    killed_everywhere(stage)
