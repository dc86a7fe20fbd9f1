"""Every seed, and a fixed number of mutations of each target's seeds; what broke once stays mended."""

import pytest

from fuzz.harness import inputs, run, seeds_of
from fuzz.targets import TARGETS

MUTATIONS = 150
NUMBER = 20261124

_SEEDS = [(name, seed) for name in TARGETS for seed, _ in seeds_of(name)]


@pytest.mark.parametrize(("name", "seed"), _SEEDS, ids=lambda part: str(part))
def test_every_seed_ends_in_a_value_or_in_an_error_of_ours(name: str, seed: str) -> None:
    run(TARGETS[name], dict(seeds_of(name))[seed])


@pytest.mark.parametrize("name", TARGETS)
def test_so_does_what_is_made_of_them(name: str) -> None:
    made = inputs(name, NUMBER)
    for at in range(MUTATIONS):
        data = next(made)
        try:
            run(TARGETS[name], data)
        except AssertionError as error:
            raise AssertionError(f"seed {NUMBER}, input {at}: {error}; {data[:400]!r}") from error
