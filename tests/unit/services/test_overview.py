"""What the overview draws, from what is known."""

from services.dashboard.web.pages.overview import chart, is_timer


def buckets(*found: int) -> list[dict[str, object]]:
    """Five-minute buckets from noon on."""
    return [{"at": f"2026-11-23T12:{5 * n:02d}:00Z", "bytes": size} for n, size in enumerate(found)]


def test_a_bar_is_a_quarter_of_an_hour_and_the_highest_fills_the_chart() -> None:
    drawn = chart(buckets(0, 100, 200, 300, 150, 150), 300)
    assert [bar["height"] for bar in drawn["bars"]] == [50.0, 100.0]
    assert drawn["total"] == 900
    assert drawn["busiest"] == 600 / 900
    assert drawn["bars"][1]["title"] == "12:15 UTC: 600 B"


def test_little_is_seen_and_nothing_is_a_line() -> None:
    drawn = chart(buckets(1, 0, 0, 1_000_000, 0, 0, 0, 0, 0), 300)
    assert [bar["height"] for bar in drawn["bars"]] == [3.0, 100.0, 0.6]


def test_nothing_known_is_an_empty_chart() -> None:
    assert chart([], 300) == {"bars": [], "hours": 12, "total": 0, "busiest": 0.0}


def test_a_timer_is_told_by_its_name() -> None:
    assert is_timer({"name": "bandcamp-sync.timer"})
    assert not is_timer({"name": "bandcamp-sync.service"})
