from itertools import pairwise

import pytest
from bandcamp_sync.health.merge import worst_states
from hypothesis import given
from hypothesis import strategies as st

ORDER = ["failed", "unknown", "activating", "deactivating", "inactive", "active"]


def unit(state: str, name: str = "bandcamp-sync.service") -> dict[str, str]:
    return {"name": name, "active_state": state}


def test_one_source_is_believed() -> None:
    assert worst_states([unit("active"), unit("failed", "b")]) == {"bandcamp-sync.service": "active", "b": "failed"}
    assert worst_states([]) == {}


@pytest.mark.parametrize(("worse", "better"), list(pairwise(ORDER)))
def test_of_two_sources_the_worse_is_believed(worse: str, better: str) -> None:
    for pair in ([worse, better], [better, worse]):
        assert worst_states(map(unit, pair)) == {"bandcamp-sync.service": worse}


def test_a_word_that_nobody_knows_is_no_better_than_silence() -> None:
    assert worst_states([unit("active"), unit("splendid")]) == {"bandcamp-sync.service": "splendid"}


@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_nothing_green_hides_what_is_broken(states: list[str]) -> None:
    [found] = worst_states(map(unit, states)).values()
    assert found == min(states, key=ORDER.index)
