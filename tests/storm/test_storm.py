"""Six processes, and a Bandcamp that refuses everything for a while: few ask, one at a time, and all becomes whole."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.bandcamp.patience import OUTAGE

from storm.stack import BASE_S, CREW, PURCHASES, Stack
from storm.timeline import Asked, figures

STORM_S = 13.0
#: A request that is refused by itself, before it is known to be more than its own trouble, is tried so often.
_TRIES = 5
#: What clocks, files and a busy machine make of a moment.
_SLACK_S = 0.3


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    one = Stack(tmp_path)
    try:
        one.fill()
        yield one
    finally:
        one.close()


def holds_in(storm_s: float, base_s: float) -> int:
    """How many holds of `base_s`, twice that, and so on begin in a storm, without the jitter that makes them longer."""
    count, at = 0, 0.0
    while at <= storm_s:
        count, at = count + 1, at + base_s * 2.0**count
    return count


def test_the_number_of_holds_follows_from_the_schedule() -> None:
    assert [holds_in(storm_s, 2.0) for storm_s in (0, 1.9, 2, 5.9, 6, 13.9, 14)] == [1, 1, 2, 2, 3, 3, 4]


def weather(stack: Stack, fault: str, **params: Any) -> tuple[list[Asked], float]:
    """A storm, and the time until all is whole; what was asked, and how long the storm was."""
    stack.begin_storm(fault, **params)
    stack.start()
    stack.until(lambda: stack.age_s() >= STORM_S, STORM_S + 90)
    storm_s = stack.end_storm()
    stack.until(lambda: stack.placed() == PURCHASES, 150)
    return stack.asked(), storm_s


def probes(asked: list[Asked], storm_s: float, first_hold_s: float) -> list[float]:
    """When the requests came that went first after a hold: not those that were under way when the first one began."""
    stormy = sorted(one.at_s for one in asked if one.at_s <= storm_s)
    begins = next((later for earlier, later in pairwise(stormy) if later - earlier >= first_hold_s - _SLACK_S), None)
    return [] if begins is None else [at for at in stormy if at >= begins]


@pytest.mark.parametrize(
    ("params", "base_s"), [({}, BASE_S), ({"retry_after": 5}, 5.0)], ids=["no Retry-After", "Retry-After: 5"]
)
def test_a_storm_of_429(stack: Stack, params: dict[str, Any], base_s: float) -> None:
    asked, storm_s = weather(stack, "rate_limit", **params)
    found = figures(asked, storm_s)
    # At most one request of each process was under way when the first was refused; then one for each hold that ended.
    assert found.in_storm <= len(CREW) + holds_in(storm_s, base_s) - 1, asked
    alone = probes(asked, storm_s, base_s)
    # The n-th of them ends a hold, and begins one of twice the length.
    for n, (earlier, later) in enumerate(pairwise(alone)):
        assert later - earlier >= base_s * 2.0 ** (n + 1) - _SLACK_S, (alone, asked)
    assert all(one.is_refused for one in asked if one.at_s < storm_s - _SLACK_S)
    assert stack.placed() == PURCHASES


def test_a_storm_of_503(stack: Stack) -> None:
    asked, storm_s = weather(stack, "status", code=503)
    found = figures(asked, storm_s)
    # Two things may be tried by themselves before a third one shows that it is Bandcamp.
    assert found.in_storm <= (OUTAGE - 1) * _TRIES + len(CREW) + holds_in(storm_s, BASE_S), asked
    assert max(found.holds) >= BASE_S - _SLACK_S
    jobs = stack.attempts()
    assert set(jobs) == {0}, "an outage costs no purchase an attempt"
