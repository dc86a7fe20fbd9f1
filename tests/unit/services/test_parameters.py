import pytest
from werkzeug.datastructures import MultiDict

from services.dashboard.web.parameters import Parameter, Whole, Word, Words, wrong

KNOWN = (
    Parameter("q", "words", 5),
    Whole("page", "which", 100),
    Word("sort", "order", words=("a", "-a")),
    Words("state", "states", 3, words=("x", "y")),
)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [("q", "12345"), ("page", "100"), ("sort", "-a"), ("state", "x,y")],
        [("q", ""), ("page", ""), ("sort", ""), ("state", "")],
        [("state", "x"), ("state", "y")],
        [("state", "x,,y,")],
        [("page", "007")],
    ],
)
def test_what_is_as_described_is_right(given: list[tuple[str, str]]) -> None:
    assert wrong(KNOWN, MultiDict(given)) is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([(f"p{number}", "1") for number in range(51)], "more than 50"),
        ([("q", "123456")], "at most 5"),
        ([("page", "0")], "from 1 to 100"),
        ([("page", "101")], "from 1 to 100"),
        ([("page", "-1")], "from 1 to 100"),
        ([("page", "1.0")], "from 1 to 100"),
        ([("page", "1_0")], "from 1 to 100"),
        ([("page", " 1")], "from 1 to 100"),
        ([("page", "١")], "from 1 to 100"),
        ([("page", "9" * 5000)], "from 1 to 100"),
        ([("page", "1"), ("page", "2")], "more than once"),
        ([("sort", "b")], "one of a, -a"),
        ([("state", "x,z")], "any of x, y"),
        ([("state", "x,x,x,x")], "any of x, y"),
    ],
)
def test_what_is_not_is_wrong_and_it_is_said_what_would_be_right(given: list[tuple[str, str]], named: str) -> None:
    assert named in (wrong(KNOWN, MultiDict(given)) or "")


def test_what_must_be_given_is_missed() -> None:
    needed = (Parameter("file", "of which service", is_required=True),)
    assert (
        wrong(needed, MultiDict()) == wrong(needed, MultiDict([("file", "")])) == "file must be given: of which service"
    )
