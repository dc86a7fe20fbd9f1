"""What is remembered of reconciles, by the stage itself and over real files."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.errors import MusicFolderMissing
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.paths import DataFolder, data_folder, music_folder
from bandcamp_sync.reconciles import KEPT, in_words, last_runs, note_run
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.reconcile import reconcile
from bandcamp_sync.views import Views
from unit.factories import LINK, NOW, HurriedClock, capture, failure, item, job

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_a_run_that_changed_something_is_listed_and_the_last_is_told(data: DataFolder) -> None:
    assert last_runs(data) == {"last_run_at": None, "result": None, "error": None, "recent": []}
    note_run(data, NOW, {"queue": 3, "retry": 1})
    note_run(data, NOW + 10 * MINUTE, {})
    assert last_runs(data) == {
        "last_run_at": rfc3339(NOW + 10 * MINUTE),
        "result": "done",
        "error": None,
        "recent": [{"at": rfc3339(NOW), "result": "done", "acts": {"queue": 3, "retry": 1}, "error": None}],
    }


def test_the_newest_come_first_and_no_more_are_kept_than_make_sense(data: DataFolder) -> None:
    for number in range(KEPT + 5):
        note_run(data, NOW + number * MINUTE, {"queue": number + 1})
    runs = last_runs(data)["recent"]
    assert [run["acts"]["queue"] for run in runs] == list(range(KEPT + 5, 5, -1))


def test_a_trouble_is_listed_once_however_often_it_is_met(data: DataFolder) -> None:
    note_run(data, NOW, {"queue": 1})
    for number in range(1, 20):
        note_run(data, NOW + number * 15 * SECOND, {}, "the disk is not mounted")
    note_run(data, NOW + 5 * MINUTE, {}, "something else")
    runs = last_runs(data)
    assert [run["error"] for run in runs["recent"]] == ["something else", "the disk is not mounted", None]
    assert runs["recent"][1]["at"] == rfc3339(NOW + 15 * SECOND), "when it began"
    assert (runs["result"], runs["error"]) == ("failed", "something else")
    note_run(data, NOW + 6 * MINUTE, {})
    note_run(data, NOW + 7 * MINUTE, {}, "something else")
    assert len(last_runs(data)["recent"]) == 4, "it was over in between"


@pytest.mark.parametrize("error", [None, "the disk is not mounted"])
def test_what_is_no_news_is_not_written_each_time(data: DataFolder, error: str | None) -> None:
    note_run(data, NOW, {}, error)
    before = data.reconciles.stat().st_mtime_ns
    note_run(data, NOW + 30 * SECOND, {}, error)
    assert data.reconciles.stat().st_mtime_ns == before
    note_run(data, NOW + MINUTE, {}, error)
    assert last_runs(data)["last_run_at"] == rfc3339(NOW + MINUTE)
    note_run(data, NOW + MINUTE + SECOND, {"queue": 1})
    assert last_runs(data)["recent"][0]["acts"] == {"queue": 1}


def test_a_clock_that_jumped_back_is_followed(data: DataFolder) -> None:
    note_run(data, NOW, {})
    note_run(data, NOW - 60 * MINUTE, {})
    assert last_runs(data)["last_run_at"] == rfc3339(NOW - 60 * MINUTE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"last": 7}',
        '{"recent": [{"at": "noon", "result": "done"}]}',
        '{"last": {"at": "2026-11-23T11:00:00Z", "result": "done", "acts": {"queue": -1}}}',
    ],
)
def test_a_file_that_is_garbage_tells_nothing_and_is_written_anew(data: DataFolder, content: str) -> None:
    data.state.mkdir()
    data.reconciles.write_text(content)
    assert last_runs(data) == {"last_run_at": None, "result": None, "error": None, "recent": []}
    note_run(data, NOW, {"queue": 1})
    assert last_runs(data)["result"] == "done"


def test_a_file_that_cannot_be_written_stops_nothing(data: DataFolder) -> None:
    data.state.symlink_to("not-mounted")
    note_run(data, NOW, {"queue": 1})
    assert last_runs(data)["recent"] == []


def test_an_error_is_told_without_its_secrets(data: DataFolder) -> None:
    note_run(data, NOW, {}, f"broke at {LINK}")
    assert "0123456789abcdef" not in data.reconciles.read_text()
    data.reconciles.write_text(data.reconciles.read_text().replace("***", "0123456789abcdef"))
    assert "0123456789abcdef" not in json.dumps(last_runs(data))


def test_acts_have_words() -> None:
    assert in_words({"queue": 3, "retry": 1, "rest": 2}) == "queued 3, retried 1, put to rest 2"
    assert in_words({}) == "nothing to do"


# --- by the stage ---------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"DATA_DIR": str(tmp_path)})


@pytest.fixture
def run(settings: Settings) -> Callable[[], dict[str, Any]]:
    data, music, clock = data_folder(settings), music_folder(settings), HurriedClock()

    def once() -> dict[str, Any]:
        clock.sleep(100)
        reconcile(settings, data, music, clock)
        told: dict[str, Any] = Views(settings, clock).status()["reconcile"]
        return told

    return once


def test_whoever_reconciles_leaves_word_of_it(settings: Settings, run: Callable[[], dict[str, Any]]) -> None:
    data = data_folder(settings)
    write_capture(data.collection, capture(item("p1"), item("p2"), item("p3")))
    spool = Spool(data.inbox)
    spool.make_folders()
    due = job("p3", attempt=1, failure=failure(), not_before=NOW)
    spool.path(State.FAILED, "p3").write_text(due.model_dump_json(by_alias=True))
    first = run()
    assert (first["result"], first["recent"][0]["acts"]) == ("done", {"queue": 2, "retry": 1})
    second = run()
    assert second["last_run_at"] > first["last_run_at"]
    assert second["recent"] == first["recent"], "nothing changed"


def test_one_that_fails_says_why(settings: Settings, run: Callable[[], dict[str, Any]]) -> None:
    data, music = data_folder(settings), music_folder(settings)
    write_marker(data, music, NOW)
    run()
    music.root.rename(music.root.with_name("elsewhere"))
    write_capture(data.collection, capture(item("p1")))
    with pytest.raises(MusicFolderMissing) as raised:
        run()
    told = last_runs(data)
    assert (told["result"], told["error"]) == ("failed", str(raised.value))
