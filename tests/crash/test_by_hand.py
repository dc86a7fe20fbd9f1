"""What a user asks for by hand, killed at each step that it takes."""

from collections.abc import Callable

import pytest

from crash.stage import Outcome, Stage
from crash.stages import BY_HAND

Kill = Callable[[Stage], Outcome]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", BY_HAND, ids=lambda stage: stage.name)
def test_a_command_that_is_killed_anywhere_loses_nothing(killed_everywhere: Kill, stage: Stage) -> None:
    killed_everywhere(stage)
