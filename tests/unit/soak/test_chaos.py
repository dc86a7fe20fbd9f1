"""A seed is a story, and a story has everything in it."""

from collections import Counter

import pytest
from soak.chaos import FAULTS, Chaos, Kind
from standin.faults import FAULTS as KNOWN
from standin.rules import Rule


def story(seed: int, length: int = 300, has_browser: bool = True) -> list[object]:
    chaos = Chaos(seed, has_browser)
    return [(chaos.next(), chaos.wait_s()) for _ in range(length)]


def test_a_seed_is_the_same_story_each_time_and_another_one_another() -> None:
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_every_kind_and_every_fault_comes_in_a_long_story() -> None:
    chaos = Chaos(1)
    dealt = [chaos.next() for _ in range(2000)]
    assert {mischief.kind for mischief in dealt} == set(Kind)
    faults = Counter(mischief.what for mischief in dealt if mischief.kind is Kind.FAULT)
    assert set(faults) == set(FAULTS)
    assert max(faults.values()) - min(faults.values()) <= 1


def test_without_a_browser_nobody_is_challenged() -> None:
    chaos = Chaos(1, has_browser=False)
    assert Kind.CHALLENGE not in {chaos.next().kind for _ in range(2000)}


@pytest.mark.parametrize("seed", range(5))
def test_every_rule_is_one_that_the_stand_in_takes_and_ends(seed: int) -> None:
    chaos = Chaos(seed)
    for mischief in (chaos.next() for _ in range(500)):
        if mischief.rule:
            Rule.from_json(dict(mischief.rule))
            assert mischief.seconds > 0
        assert 0 <= mischief.seconds <= 20 and 0 <= mischief.chance < 1


def test_what_only_a_person_can_end_is_dealt_out_by_nobody() -> None:
    of_a_person = {"not_found", "reauth", "unverified", "no_downloads", "no_format", "null_redownload", "drop_fields"}
    assert of_a_person <= set(KNOWN)
    assert not of_a_person & set(FAULTS)
