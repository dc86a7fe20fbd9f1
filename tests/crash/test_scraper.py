"""The scraper, killed at each step that it takes."""

from collections.abc import Callable

import pytest

from crash.stage import Outcome, Stage
from crash.stages import SCRAPER

Kill = Callable[[Stage], Outcome]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", SCRAPER, ids=lambda stage: stage.name)
def test_a_scraper_that_is_killed_anywhere_loses_nothing(killed_everywhere: Kill, stage: Stage) -> None:
    killed_everywhere(stage)
