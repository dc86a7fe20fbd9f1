from storm.timeline import Asked, figures, rendered

ASKED = [
    Asked(0.0, "page", True),
    Asked(0.1, "collection", True),
    Asked(2.5, "page", True),
    Asked(7.0, "page", False),
    Asked(7.2, "page", False),
]


def test_a_row_is_a_class_and_a_column_a_second() -> None:
    assert rendered(ASKED, 5.0) == [
        "            0----|--",
        "collection  x.......",
        "page        x.x....2",
    ]


def test_the_figures_of_a_storm() -> None:
    found = figures(ASKED, 5.0)
    assert (found.in_storm, found.in_all, found.first_after) == (3, 5, 7.0)
    assert found.holds == (2.4, 4.5) and found.longest_gap_s == 4.5


def test_a_storm_in_which_nobody_asked() -> None:
    assert figures([], 5.0) == figures([], 1.0)
    assert rendered([], 2.0) == ["  0-|"]
