import json
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Claim, Job, State, What
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.views import Views
from unit.factories import DAY, LINK, NOW, HurriedClock, capture, failure, item, job, receipt


@pytest.fixture
def views(tmp_path: Path) -> Views:
    views = Views(Settings.from_environment({"DATA_DIR": str(tmp_path)}), HurriedClock())
    Spool(views.data.inbox).make_folders()
    write_capture(views.data.collection, capture(item("p1", item_title="Quay"), item("p2", hidden=True)))
    return views


def put(views: Views, state: State, one: Job) -> None:
    Spool(views.data.inbox).path(state, one.key).write_text(one.model_dump_json(by_alias=True))


def shown(views: Views, key: str) -> dict[str, Any]:
    found = views.item(key)
    assert found is not None
    return found


def test_a_purchase_that_is_not_in_the_books_is_none(views: Views) -> None:
    assert views.item("p9") is None and views.item("../p1") is None


def test_it_has_everything_of_its_row_in_the_collection(views: Views) -> None:
    put(views, State.DONE, job("p1", receipt=receipt()))
    rows = {row["key"]: row for row in views.collection()["items"]}
    assert rows["p1"].items() <= shown(views, "p1").items()
    assert rows["p2"].items() <= shown(views, "p2").items()


def test_what_has_no_job_yet_has_the_same_fields(views: Views) -> None:
    put(views, State.DONE, job("p1", receipt=receipt()))
    fresh = shown(views, "p2")
    assert set(fresh) == set(shown(views, "p1"))
    assert (fresh["queued_at"], fresh["attempt"], fresh["files"], fresh["history"]) == (None, 0, [], [])
    assert (fresh["source"], fresh["adopted"], fresh["placed_at"]) == (None, False, None)
    assert (fresh["item_type"], fresh["hidden"]) == ("album", True)


def test_what_was_delivered_shows_its_files_and_its_history_newest_last(views: Views) -> None:
    one = job("p1", receipt=receipt(adopted=True)).after(What.QUEUED, NOW - DAY, "new").after(What.DELIVERED, NOW)
    put(views, State.DONE, one)
    found = shown(views, "p1")
    assert found["files"] == [{"path": "01 Quay.flac", "size": 3}, {"path": "cover.jpg", "size": 3}]
    assert (found["source"], found["adopted"], found["placed_at"]) == ("purchase", True, "2026-10-24T12:00:00Z")
    assert found["history"] == [
        {"at": "2026-11-22T12:00:00Z", "what": "queued", "sentence": "new"},
        {"at": "2026-11-23T12:00:00Z", "what": "delivered", "sentence": None},
    ]


@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS, State.FAILED])
def test_a_job_is_found_wherever_it_lies(views: Views, state: State) -> None:
    put(views, state, job("p1", attempt=2, failure=failure(), not_before=NOW + DAY))
    found = shown(views, "p1")
    assert (found["attempt"], found["queued_at"]) == (2, "2026-11-22T12:00:00Z")


def test_nothing_secret_is_shown(views: Views) -> None:
    claim = Claim(holder="host:1:ab", at=NOW)
    one = job("p1", claim=claim, failure=failure(sentence=f"broke at {LINK}")).after(What.FAILED, NOW, f"at {LINK}")
    put(views, State.IN_PROGRESS, one)
    text = json.dumps(shown(views, "p1"))
    assert "0123456789abcdef" not in text and "90003" not in text and "host:1" not in text
    assert shown(views, "p1")["history"][0]["sentence"].startswith("at https://")


def test_to_look_moves_nothing_even_when_a_job_cannot_be_read(views: Views) -> None:
    path = Spool(views.data.inbox).path(State.FAILED, "p1")
    path.write_text("{")
    assert shown(views, "p1")["history"] == [] and path.read_text() == "{"
