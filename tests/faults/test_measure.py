from faults.document import document
from faults.measure import Result, allowed_requests, politeness
from faults.table import markdown, terminal

HELD = Result("slow bodies", "nothing", 6, 6, requests=23, allowed=60, fetched=150, needed=100, seconds=4.2)


def test_what_is_polite_has_bounds_for_requests_and_for_bytes() -> None:
    allowed = allowed_requests(6, 8.0)
    assert politeness(allowed, allowed, 105, 100, 1.05) == []
    assert politeness(allowed + 1, allowed, 100, 100, 1.05) == [f"{allowed + 1} requests where {allowed} are polite"]
    assert politeness(allowed, allowed, 160, 100, 1.5) == ["fetched 1.60 times what is needed, where 1.50 is enough"]


def test_a_row_that_holds_is_one_line_and_one_that_does_not_says_why() -> None:
    assert terminal(HELD).startswith("ok  slow bodies")
    broken = terminal(Result("slow bodies", "nothing", wanted=6, whole=5, problems=("5 of 6 are whole",)))
    assert broken.startswith("NO  slow bodies") and broken.endswith("\n      5 of 6 are whole")


def test_the_document_holds_every_row_and_what_could_not_be_run() -> None:
    unable = Result("the music disk is full", "nothing", unable="mounting is not permitted here")
    text = document([HELD, unable])
    assert "| slow bodies | 6 / 6 | 23 (60) | 1.50 | 4 | nothing |" in text
    assert "| the music disk is full | not run here | mounting is not permitted here |" in text
    assert markdown([HELD]).count("\n") == 3
