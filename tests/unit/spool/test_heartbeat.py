import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.errors import LeaseLost
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.heartbeat import Heartbeat, Progress, read_progress
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool, new_holder
from bandcamp_sync.throughput import Tally, read_throughput
from unit.factories import KEY, HurriedClock, job

LEASE = timedelta(seconds=60)


class Desk:
    """A claimed job in a data folder, and what is needed to work on it."""

    def __init__(self, root: Path) -> None:
        self.data, self.clock = DataFolder(root), HurriedClock()
        self.data.progress.mkdir(parents=True)
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        self.spool.add(job())
        holder = new_holder()
        self.tally = Tally(self.data.throughput, holder, self.clock)
        claimed = self.spool.claim(KEY, holder, self.clock.now())
        assert claimed is not None
        self.job: Job = claimed

    def heartbeat(self, lease: timedelta = LEASE) -> Heartbeat:
        return Heartbeat(self.spool, self.job, lease, self.data.progress, self.clock, self.tally)

    def progress(self) -> dict[str, object]:
        return read_progress(self.data.progress, [KEY])[KEY]

    def fetched(self) -> int:
        return int(read_throughput(self.data, self.clock.now(), 24)["total_bytes"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path)


def test_bytes_are_counted_as_they_come_and_written_when_the_job_is_over(desk: Desk) -> None:
    with desk.heartbeat() as heartbeat:
        for done in (100, 200, 300):
            heartbeat.notice(done, 300, 100)
    assert desk.fetched() == 300


def test_a_download_that_goes_on_counts_only_what_it_fetches_itself(desk: Desk) -> None:
    with desk.heartbeat() as heartbeat:
        heartbeat.notice(1_000_100, 1_000_200, 100)
        heartbeat.notice(1_000_200, 1_000_200, 100)
    assert desk.fetched() == 200


def test_a_download_that_begins_again_counts_both_times_and_never_less_than_nothing(desk: Desk) -> None:
    with desk.heartbeat() as heartbeat:
        heartbeat.notice(900, 1000, 900)
        desk.clock.sleep(1)
        heartbeat.notice(100, 1000, 100)
        assert desk.progress()["bytes_done"] == 100 and desk.progress()["bytes_per_second"] == 100
    assert desk.fetched() == 1000


def test_the_speed_is_of_what_came_and_not_of_what_was_there_already(desk: Desk) -> None:
    with desk.heartbeat() as heartbeat:
        heartbeat.notice(50, 10_000_000, 50)
        desk.clock.sleep(1)
        heartbeat.notice(9_000_000, 10_000_000, 200)  # what lies between was fetched before
        assert desk.progress()["bytes_per_second"] == 200
        assert desk.progress()["eta"] == 5000.0


def test_the_last_bytes_are_told_at_once(desk: Desk) -> None:
    with desk.heartbeat() as heartbeat:
        heartbeat.notice(100, 300, 100)
        heartbeat.notice(300, 300, 200)
        assert desk.progress()["bytes_done"] == 300


def test_what_stands_still_has_no_speed_and_no_time_left_until_it_moves_again(desk: Desk) -> None:
    progress = Progress(desk.data.progress, desk.clock)

    def shown() -> tuple[object, object]:
        one = progress.of([KEY])[KEY]
        return one["bytes_per_second"], one["eta"]

    with desk.heartbeat() as heartbeat:
        heartbeat.notice(0, 1000, 0)
        desk.clock.sleep(1)
        heartbeat.notice(100, 1000, 100)
        assert shown() == (100, 9.0)
        desk.clock.sleep(4)
        assert shown() == (100, 9.0)
        desk.clock.sleep(2)
        assert shown() == (0, None)
        for done in (200, 300):
            heartbeat.notice(done, 1000, 100)
            desk.clock.sleep(1)
        assert shown() == (100, 7.0)
    assert progress.of([]) == {}


def test_two_jobs_of_one_worker_are_one_sum_in_one_file(desk: Desk) -> None:
    for _ in range(2):
        with desk.heartbeat() as heartbeat:
            heartbeat.notice(100, 100, 100)
    assert desk.fetched() == 200 and len(list(desk.data.throughput.iterdir())) == 1


def test_bytes_that_came_after_the_job_was_lost_are_counted_all_the_same(desk: Desk) -> None:
    with desk.heartbeat(timedelta(seconds=0.2)) as heartbeat:
        desk.spool.path(State.IN_PROGRESS, KEY).unlink()
        with pytest.raises(LeaseLost):
            while True:
                heartbeat.notice(7, None, 7)
    assert desk.fetched() >= 7


def test_a_disk_that_refuses_the_count_does_not_stop_the_download(desk: Desk) -> None:
    desk.data.throughput.symlink_to("a disk that is not mounted")
    desk.clock.sleep(1)
    with desk.heartbeat() as heartbeat:
        heartbeat.notice(100, 100, 100)
        assert json.loads((desk.data.progress / f"{KEY}.json").read_text())["bytes_done"] == 100
    assert desk.fetched() == 0
