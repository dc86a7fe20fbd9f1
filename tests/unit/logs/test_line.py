import pytest
from bandcamp_sync.logs.line import EVERYTHING, LEVELS, level_of, wanted
from hypothesis import given
from hypothesis import strategies as st

HEX = "0123456789abcdef0123456789abcdef"
_TEXT = st.text(st.sampled_from("aAbB ÄßİK*.-"), max_size=12)


def line(level: str, text: str) -> bytes:
    return f"2026-11-23T12:00:00.123Z {level:<5} worker p1 {text}".encode()


@pytest.mark.parametrize(
    ("level", "counts_as"),
    [("DEBUG", 0), ("INFO", 1), ("WARN", 2), ("WARNING", 2), ("ERROR", 3), ("FATAL", 3), ("CRITICAL", 3), ("NOTE", 1)],
)
def test_a_level_means_that_one_and_the_graver_ones(level: str, counts_as: int) -> None:
    assert level_of(line(level, "x").decode()) == LEVELS[counts_as]
    shown = [name for name in LEVELS if wanted(name, "").shown(line(level, "x")) is not None]
    assert shown == list(LEVELS[: counts_as + 1])


def test_a_line_of_another_shape_counts_as_one_that_says_how_things_go() -> None:
    assert level_of("Traceback ERROR") == "INFO"
    assert wanted("WARN", "").shown(b"2026-11-23 ERROR no line of ours") is None


def test_an_unknown_level_is_refused_and_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="DEBUG, INFO, WARN, ERROR"):
        wanted("warn", "")


def test_all_words_must_occur_in_any_order_and_case() -> None:
    only = wanted("", "  moss HOLT moss ")
    assert only.words == ("moss", "holt")
    assert only.shown(line("INFO", "Maren Holt - Moss"))
    assert only.shown(line("INFO", "Maren Holt - Tide")) is None
    assert wanted("", "ÉTÉ").shown(line("INFO", "un été".upper()))


def test_what_is_shown_has_no_secrets_and_they_cannot_be_searched_for() -> None:
    secret = line("INFO", f"got https://bandcamp.com/download?sig={HEX}")
    assert HEX not in (EVERYTHING.shown(secret) or HEX)
    assert wanted("", "got").shown(secret) is not None
    assert wanted("", HEX[:8]).shown(secret) is None


@given(st.lists(st.tuples(st.sampled_from(LEVELS), _TEXT), max_size=4), st.sampled_from(LEVELS), _TEXT)
def test_a_block_is_passed_over_only_when_no_line_of_it_is_wanted(
    block: list[tuple[str, str]], level: str, q: str
) -> None:
    only = wanted(level, q)
    raw = [line(own, text) for own, text in block]
    assert only.may_lie_in(b"\n".join(raw)) or all(only.shown(one) is None for one in raw)
