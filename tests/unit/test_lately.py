from bandcamp_sync.books import Shown
from bandcamp_sync.errors import Reason
from bandcamp_sync.lately import Happened, lately
from bandcamp_sync.spool.job import Job, State
from unit.factories import DAY, NOW, failure, job, receipt


def told(*jobs: tuple[State, Job], most: int = 8) -> list[tuple[str, Shown, str]]:
    found: list[Happened] = lately({one.key: (state, one) for state, one in jobs}, most)
    return [(one.key, one.state, one.sentence) for one in found]


def test_what_arrived_and_what_failed_is_told_the_newest_first() -> None:
    assert told(
        (State.DONE, job("p1", receipt=receipt(placed_at=NOW - DAY))),
        (State.FAILED, job("p2", failure=failure(at=NOW), not_before=NOW + DAY)),
        (State.DONE, job("p3", receipt=receipt(placed_at=NOW - 2 * DAY, adopted=True))),
        (State.FAILED, job("p4", failure=failure(Reason.REAUTH, at=NOW - 3 * DAY, sentence="confirm it"))),
    ) == [
        ("p2", Shown.WAITING, "the connection broke"),
        ("p1", Shown.SYNCED, "arrived, flac"),
        ("p3", Shown.SYNCED, "adopted, flac"),
        ("p4", Shown.FAILED, "confirm it"),
    ]


def test_a_failure_that_is_being_tried_again_is_no_end() -> None:
    assert told((State.PENDING, job("p1", failure=failure()))) == [("p1", Shown.WAITING, "the connection broke")]


def test_what_waits_for_its_first_try_and_what_has_no_download_are_no_news() -> None:
    assert told((State.PENDING, job("p1")), (State.FAILED, job("p2", failure=failure(Reason.NO_DOWNLOAD)))) == []


def test_a_purchase_that_was_delivered_is_told_by_its_album_and_not_by_an_older_failure() -> None:
    one = job("p1", receipt=receipt(source="stream", format="mp3-v0"), failure=failure())
    assert told((State.DONE, one)) == [("p1", Shown.SYNCED, "streamed, mp3-v0")]


def test_there_are_no_more_than_asked_for() -> None:
    many = [(State.DONE, job(f"p{n}", receipt=receipt(placed_at=NOW - n * DAY))) for n in range(30)]
    assert [key for key, _, _ in told(*many, most=3)] == ["p0", "p1", "p2"]
