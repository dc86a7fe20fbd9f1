"""The hand-over of new cookies, killed at each step that the dashboard and the scraper take."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crash.handover import handover_stages
from crash.stage import Outcome, Stage


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [0, 1], ids=["the dashboard", "the scraper"])
def test_cookies_that_are_handed_over_are_the_old_or_the_new_wherever_it_is_killed(
    killed_everywhere: Callable[[Stage], Outcome], quick: Path, number: int
) -> None:
    killed_everywhere(handover_stages(quick)[number])
