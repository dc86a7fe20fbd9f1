"""How the pages write what they show, and with which characters."""

import re
from pathlib import Path

import pytest

from services.dashboard.web.pages.overview import folded, need_word, number_text, sentence, short_paths

WEB = Path(__file__).resolve().parents[3] / "services/dashboard/web"
#: What the served font has beyond Latin letters, of what is used: dashes, quotation marks, the ellipsis.
_PUNCTUATION = "–—‘’“”…"


def test_no_page_has_a_character_that_the_served_font_lacks() -> None:
    found = {
        (path.name, character)
        for path in (*WEB.rglob("*.html"), *WEB.rglob("static/css/*.css"))
        for character in path.read_text()
        if ord(character) > 0xFF and character not in _PUNCTUATION
    }
    assert found == set()


def action(number: int, state: str = "failed", outcome: str = "it broke", **changes: object) -> dict[str, object]:
    known = {"id": str(number), "verb": "scrape", "key": None, "by": "dashboard", "state": state, "outcome": outcome}
    return {**known, **changes}


def test_failures_that_follow_each_other_and_are_alike_are_one() -> None:
    asked = [action(6), action(5), action(4), action(3, outcome="otherwise"), action(2, "done"), action(1, "done")]
    told = [(one["id"], one["times"]) for one in folded([*asked, action(0)])]
    assert told == [("6", 3), ("3", 1), ("2", 1), ("1", 1), ("0", 1)]


def test_a_failure_of_another_purchase_is_another_failure() -> None:
    assert [one["times"] for one in folded([action(2, key="p1"), action(1, key="p2")])] == [1, 1]


def test_a_number_has_separators_and_what_is_none_stays() -> None:
    assert [number_text(one) for one in (0, 999, 20_000, 1_234_567, "–")] == ["0", "999", "20,000", "1,234,567", "–"]


def test_what_needs_somebody_has_a_word_for_people() -> None:
    assert need_word({"key": None, "label": "session"}) == "Your login"
    assert need_word({"key": None, "label": "unheard-of"}) == "unheard-of"
    assert need_word({"key": "p1", "label": "Holt - Moss (p1)"}) == "Holt - Moss"


def test_a_sentence_begins_with_a_capital() -> None:
    assert [sentence(text) for text in ("it broke", "FLAC is it", "")] == ["It broke", "FLAC is it", ""]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("/srv/media/disks/one/music is not there: mount it", "/srv/…/music is not there: mount it"),
        ("see /srv/a/b/c/d.log, or ask", "see /srv/…/d.log, or ask"),
        ("/srv/music is not there", "/srv/music is not there"),
        ("https://bandcamp.com/a/b/c/d/e answers nothing", "https://bandcamp.com/a/b/c/d/e answers nothing"),
        ("1/2/3/4/5", "1/2/3/4/5"),
    ],
)
def test_of_a_long_path_the_middle_is_left_out(text: str, short: str) -> None:
    assert re.sub(r"\s+", " ", short_paths(text)) == short
