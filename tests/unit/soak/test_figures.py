"""What a soak's verdict says of figures."""

from collections import Counter
from collections.abc import Callable

import pytest
from soak.figures import MOST_LOG_BYTES, Figures, Weights, reasons, table, verdict


def good() -> Figures:
    return Figures(
        seed=7,
        asked_s=60,
        lasted_s=61,
        settled_s=4,
        wanted=40,
        whole=40,
        kills=Counter({"worker by SIGKILL": 3}),
        asked=500,
        events=100,
        looks=60,
        bytes_fetched=15,
        bytes_needed=10,
        arrival_s={"p1": 3.0, "p2": 41.0},
        weights={"worker": Weights((70_000_000, 5), (80_000_000, 12), (75_000_000, 6))},
        log_bytes={"worker": 1000},
    )


def test_what_is_good_passes_in_one_line_and_tells_its_figures() -> None:
    assert verdict(good()) == "SOAK PASSED"
    told = table(good())
    for figure in ("40 of 40", "worker by SIGKILL 3", "1.50", "41 s", "70 / 80 / 75 MB", "5 / 12 / 6 open files"):
        assert figure in told


BAD: list[tuple[Callable[[Figures], None], str]] = [
    (lambda f: f.violated("a half album: x"), "a half album: x"),
    (lambda f: setattr(f, "settled_s", None), "not whole in time"),
    (lambda f: setattr(f, "whole", 39), "39 of 40"),
    (lambda f: setattr(f, "not_whole", "p1 is missing"), "p1 is missing"),
    (lambda f: setattr(f, "looks", 0), "nobody watched"),
    (lambda f: setattr(f, "events", 0), "nobody watched"),
    (lambda f: setattr(f, "longest_silence_s", 120.0), "did not answer for 120 s"),
    (lambda f: f.weights["worker"].see(900_000_000, 5), "worker took 900 MB"),
    (lambda f: f.weights["worker"].see(80_000_000, 1000), "1000 open files"),
    (lambda f: setattr(f.weights["worker"], "growth", 300_000_000), "grew by 300 MB"),
    (lambda f: f.log_bytes.update(worker=MOST_LOG_BYTES + 1), "worker has 66 MB"),
]


@pytest.mark.parametrize(("spoil", "why"), BAD, ids=[why for _, why in BAD])
def test_each_thing_that_is_bad_fails_it_and_is_named(spoil: Callable[[Figures], None], why: str) -> None:
    figures = good()
    spoil(figures)
    assert verdict(figures).startswith("SOAK FAILED: ")
    assert any(why in reason for reason in reasons(figures))


def test_a_promise_that_is_broken_a_thousand_times_is_told_once_and_many_are_not_told_without_end() -> None:
    figures = good()
    for number in range(1000):
        figures.violated("the same")
        figures.violated(f"another {number}")
    assert figures.violations.count("the same") == 1
    assert len(figures.violations) == 50
