from datetime import UTC, datetime
from pathlib import Path

import pytest
from bandcamp_sync.control import Verb, ask, is_asked, pause, resume, take
from bandcamp_sync.paths import DataFolder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_nothing_is_asked_of_an_empty_folder(data: DataFolder) -> None:
    assert not is_asked(data, Verb)
    assert take(data, Verb.SCRAPE) is None


def test_a_request_is_taken_once(data: DataFolder) -> None:
    ask(data, Verb.SCRAPE)
    taken = take(data, Verb.SCRAPE)
    assert taken is not None
    assert taken.everything
    taken.done()
    assert take(data, Verb.SCRAPE) is None
    assert list(data.control.iterdir()) == []


def test_requests_for_several_purchases_are_taken_together(data: DataFolder) -> None:
    for key in ("p1", "p2", "p1"):
        ask(data, Verb.RETRY, key)
    taken = take(data, Verb.RETRY)
    assert taken is not None
    assert (taken.keys, taken.everything) == (("p1", "p2"), False)


def test_a_request_that_its_taker_never_did_is_found_again(data: DataFolder) -> None:
    ask(data, Verb.IGNORE, "p1")
    take(data, Verb.IGNORE)
    ask(data, Verb.IGNORE, "p2")
    again = take(data, Verb.IGNORE)
    assert again is not None
    assert set(again.keys) == {"p1", "p2"}


def test_a_request_that_comes_while_one_is_done_is_kept(data: DataFolder) -> None:
    ask(data, Verb.RECONCILE)
    first = take(data, Verb.RECONCILE)
    ask(data, Verb.RECONCILE)
    assert first is not None
    first.done()
    assert is_asked(data, (Verb.RECONCILE,))


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', "please", "[1]", "\x00"])
def test_a_request_by_hand_that_names_nothing_asks_for_everything(data: DataFolder, content: str) -> None:
    data.control.mkdir()
    (data.control / "retry.request").write_text(content)
    taken = take(data, Verb.RETRY)
    assert taken is not None
    assert (taken.keys, taken.everything) == ((), True)


@pytest.mark.parametrize("content", ['{"keys": ["../../x"]}', '{"keys": [7, null]}'])
def test_a_request_that_names_only_nonsense_asks_for_nothing(data: DataFolder, content: str) -> None:
    data.control.mkdir()
    (data.control / "retry.request").write_text(content)
    taken = take(data, Verb.RETRY)
    assert taken is not None
    assert (taken.keys, taken.everything) == ((), False)


def test_what_is_no_key_is_not_asked_for(data: DataFolder) -> None:
    with pytest.raises(ValueError, match="no key"):
        ask(data, Verb.RETRY, "../x")


def test_pause_and_resume_may_be_said_twice(data: DataFolder) -> None:
    pause(data, NOW)
    pause(data, NOW.replace(hour=13))
    assert data.paused.read_text() == "2026-11-23T12:00:00Z\n"
    resume(data)
    resume(data)
    assert not data.paused.exists()
