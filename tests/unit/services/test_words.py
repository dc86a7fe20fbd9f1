"""How values are written on pages."""

import pytest

from services.dashboard.web.words import countdown, day_text, local, near, share, size_text, span_text, state_word


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2.0 GB"),
        (3.5e15, "3500.0 TB"),
        (None, "–"),
        ("many", "–"),
    ],
)
def test_a_size_is_in_powers_of_a_thousand(size: object, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.4, "0 s"), (59.6, "1 min 0 s"), (3725, "1 h 2 min"), (90_000, "25 h 0 min"), (200_000, "2 d 7 h")],
)
def test_a_span_tells_its_two_largest_units(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_span_that_is_not_known_is_not_written() -> None:
    assert span_text(None) == ""


def test_a_time_is_an_element_that_reads_in_utc_without_scripts() -> None:
    assert near("2026-11-23T13:00:00+01:00") == (
        '<time datetime="2026-11-23T12:00:00Z" data-near="">2026-11-23 12:00 UTC</time>'
    )
    assert 'data-countdown=""' in countdown("2026-11-23T12:00:00Z")
    assert 'data-local=""' in local("2026-11-23T12:00:00Z")


@pytest.mark.parametrize("garbage", [None, "", "soon", '"><script>', "2026-13-45T00:00:00Z"])
def test_what_is_no_time_is_a_dash_or_the_word_given_and_never_markup(garbage: object) -> None:
    assert near(garbage) == "–"
    assert near(garbage, "never") == "never"
    assert day_text(garbage) == "–"


def test_a_state_is_written_as_people_write_it() -> None:
    assert (state_word("preorder"), state_word("synced")) == ("pre-order", "synced")


def test_a_share_is_in_percent_and_within_bounds() -> None:
    assert (share(1, 3), share(5, 0), share(9, 3), share(-1, 3)) == (33.33, 0.0, 100.0, 0.0)
