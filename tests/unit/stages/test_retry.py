from pathlib import Path

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.errors import UnknownKey
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import is_due
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.retry import retry_jobs
from unit.factories import DAY, LINK, NOW, capture, failure, item, job, receipt


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    Spool(made.inbox).make_folders()
    return made


def lay(data: DataFolder, state: State, one: Job) -> None:
    Spool(data.inbox).path(state, one.key).write_text(one.model_dump_json(by_alias=True))


def retry(data: DataFolder, *keys: str) -> list[str]:
    return sorted(retry_jobs(Settings.from_environment({}), data, keys or None, Clock()))


def pending(data: DataFolder, key: str) -> Job:
    found = Spool(data.inbox).read(State.PENDING, key)
    assert found is not None
    return found


def test_every_failed_purchase_goes_back_with_a_clean_slate(data: DataFolder) -> None:
    for key in ("p1", "p2"):
        lay(data, State.FAILED, job(key, attempt=8, failure=failure(), not_before=NOW + DAY))
    lay(data, State.DONE, job("p3", receipt=receipt()))
    assert retry(data) == ["p1", "p2"]
    assert pending(data, "p1").attempt == 0 and is_due(pending(data, "p1"), NOW)
    assert Spool(data.inbox).keys(State.DONE) == ["p3"]
    assert retry(data) == []


def test_only_what_is_named_goes_back_and_naming_twice_is_once(data: DataFolder) -> None:
    for key in ("p1", "p2"):
        lay(data, State.FAILED, job(key, failure=failure()))
    assert retry(data, "p2", "p2") == ["p2"]
    assert Spool(data.inbox).keys(State.FAILED) == ["p1"]


def test_a_delivered_purchase_that_is_named_is_fetched_again_and_keeps_its_receipt_meanwhile(data: DataFolder) -> None:
    lay(data, State.DONE, job("p1", receipt=receipt()))
    assert retry(data, "p1") == ["p1"]
    assert pending(data, "p1").receipt == receipt()


def test_what_is_waiting_or_running_is_left_alone(data: DataFolder) -> None:
    lay(data, State.PENDING, job("p1", attempt=3))
    lay(data, State.IN_PROGRESS, job("p2"))
    assert retry(data, "p1", "p2") == []
    assert pending(data, "p1").attempt == 3


def test_a_key_that_nobody_knows_moves_nothing(data: DataFolder) -> None:
    lay(data, State.FAILED, job("p1", failure=failure()))
    with pytest.raises(UnknownKey, match="p9"):
        retry(data, "p1", "p9")
    assert Spool(data.inbox).keys(State.FAILED) == ["p1"]


def test_it_goes_back_as_it_is_listed_now(data: DataFolder) -> None:
    newer = item("p1", redownload_url=LINK + "&new=1")
    write_capture(data.collection, capture(newer))
    lay(data, State.FAILED, job("p1", failure=failure()))
    retry(data)
    assert pending(data, "p1").item == newer
