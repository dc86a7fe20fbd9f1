import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.processes import identity
from bandcamp_sync.spool.spool import new_holder
from bandcamp_sync.throughput import BUCKET_S, MAX_HOURS, Tally, bucket_of, read_throughput, summed, trimmed
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import NOW, HurriedClock

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BUCKET = bucket_of(NOW)


class MovableClock(HurriedClock):
    """Goes where a test sets it; its time that never jumps goes on at each look."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0

    def set(self, to: datetime) -> None:
        self._now = to

    def monotonic(self) -> float:
        self._passed += 1.0
        return self._passed


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def tally(data: DataFolder, clock: HurriedClock, holder: str | None = None) -> Tally:
    return Tally(data.throughput, holder or new_holder(), clock)


def of_the_dead() -> str:
    """The holder that a process was which has ended by now."""
    told = "from bandcamp_sync.spool.spool import new_holder; print(new_holder())"
    return subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip()


def files(data: DataFolder) -> list[Path]:
    return sorted(data.throughput.iterdir()) if data.throughput.exists() else []


def total(data: DataFolder, now: datetime = NOW) -> int:
    return int(read_throughput(data, now, MAX_HOURS)["total_bytes"])


def came(buckets: list[dict[str, Any]]) -> dict[str, int]:
    return {bucket["at"]: bucket["bytes"] for bucket in buckets if bucket["bytes"]}


# --- sums -----------------------------------------------------------------------------------------------------------


def test_the_workers_are_added_up_bucket_by_bucket_with_zeros_between() -> None:
    listed = summed([{BUCKET: 5, BUCKET - 600: 1}, {BUCKET: 2}], [], NOW, 1)
    assert len(listed) == 12 and came(listed) == {"2026-11-23T12:00:00Z": 7, "2026-11-23T11:50:00Z": 1}
    assert listed[-2] == {"at": "2026-11-23T11:55:00Z", "bytes": 0, "albums": 0}


def test_albums_are_counted_in_the_bucket_in_which_they_were_placed() -> None:
    placed = [NOW, NOW + MINUTE, NOW - 4 * MINUTE, NOW - 2 * HOUR]
    listed = summed([], placed, NOW + 2 * MINUTE, 1)
    assert [bucket["albums"] for bucket in listed[-2:]] == [1, 2] and sum(b["albums"] for b in listed) == 3


def test_what_is_older_or_ahead_of_now_is_not_in_the_sum() -> None:
    assert came(summed([{BUCKET - 3600: 1, BUCKET + BUCKET_S: 1}], [], NOW, 1)) == {}


@given(
    workers=st.lists(st.dictionaries(st.integers(-300, 300).map(lambda n: BUCKET + n * BUCKET_S), st.integers(1, 99))),
    minutes=st.integers(0, 10_000),
    hours=st.integers(1, MAX_HOURS),
)
def test_there_is_a_bucket_for_every_five_minutes_and_nothing_is_counted_twice_or_lost(
    workers: list[dict[int, int]], minutes: int, hours: int
) -> None:
    now = NOW + minutes * MINUTE
    listed = summed(workers, [], now, hours)
    moments = [datetime.fromisoformat(bucket["at"]) for bucket in listed]
    assert len(listed) == 12 * hours and moments[-1] <= now < moments[-1] + 5 * MINUTE
    assert {later - earlier for earlier, later in pairwise(moments)} == {5 * MINUTE}
    shown = {bucket_of(moment) for moment in moments}
    expected = sum(count for worker in workers for at, count in worker.items() if at in shown)
    assert sum(bucket["bytes"] for bucket in listed) == expected


@given(
    buckets=st.dictionaries(st.integers(0, 2**33).map(lambda s: s // BUCKET_S * BUCKET_S), st.integers(1, 9)),
    now=st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=NOW.tzinfo)),
)
def test_what_is_kept_is_bounded_however_wrong_the_clock_was(buckets: dict[int, int], now: datetime) -> None:
    kept = trimmed(buckets, now)
    assert len(kept) <= 2 * 25 * 12 + 1 and kept.items() <= buckets.items()
    assert trimmed({bucket_of(now): 1}, now) == {bucket_of(now): 1}


@pytest.mark.parametrize("hours", [0, 25, -1])
def test_more_than_a_day_is_not_kept_and_not_promised(data: DataFolder, hours: int) -> None:
    with pytest.raises(ValueError, match="1 to 24"):
        read_throughput(data, NOW, hours)


def test_nothing_came_where_nothing_was_counted(data: DataFolder) -> None:
    found = read_throughput(data, NOW, 12)
    assert (found["now"], found["bucket_s"], found["hours"]) == ("2026-11-23T12:00:00Z", 300, 12)
    assert found["total_bytes"] == 0 and len(found["buckets"]) == 144


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"buckets": 3}', '{"buckets": {"x": 1}}', '{"buckets": {"1": -5}}']
)
def test_a_file_that_cannot_be_read_counts_nothing_and_stops_nobody(data: DataFolder, content: str) -> None:
    data.throughput.mkdir(parents=True)
    (data.throughput / "odd~1~2~3.json").write_text(content)
    assert total(data) == 0


# --- counting -------------------------------------------------------------------------------------------------------


def test_what_one_worker_counts_is_in_the_bucket_in_which_it_came(data: DataFolder, clock: MovableClock) -> None:
    mine = tally(data, clock)
    mine.count(10)
    clock.set(NOW + 6 * MINUTE)
    mine.count(5)
    mine.count(0)
    mine.count(-7)
    mine.write()
    found = read_throughput(data, NOW + 6 * MINUTE, 1)
    assert came(found["buckets"]) == {"2026-11-23T12:00:00Z": 10, "2026-11-23T12:05:00Z": 5}


def test_it_is_written_now_and_then_and_when_asked_for(data: DataFolder) -> None:
    clock = HurriedClock()
    mine = tally(data, clock)
    mine.count(10)
    assert total(data) == 0, "not at each piece"
    clock.sleep(3.5)
    mine.count(1)
    assert total(data, clock.now()) == 11
    mine.count(4)
    mine.write()
    assert total(data, clock.now()) == 15
    before = files(data)[0].stat().st_ino
    mine.write()
    assert files(data)[0].stat().st_ino == before, "nothing new, nothing written"


def test_two_workers_never_share_a_file(data: DataFolder, clock: MovableClock) -> None:
    crew = [tally(data, clock) for _ in range(2)]
    for number, one in enumerate(crew, start=1):
        one.count(number)
        one.write()
    assert total(data) == 3 and len(files(data)) == 2


def test_workers_of_two_hosts_of_one_number_never_share_a_file(data: DataFolder, clock: MovableClock) -> None:
    for number, holder in enumerate(("nas-1a2b3c4d:41:99:aa", "attic-1a2b3c4d:41:99:aa"), start=1):
        one = tally(data, clock, holder)
        one.count(number)
        one.write()
    assert total(data) == 3 and len(files(data)) == 2


def test_a_worker_that_starts_again_goes_on_with_the_file_of_its_predecessor(
    data: DataFolder, clock: MovableClock
) -> None:
    before = tally(data, clock, of_the_dead())
    before.count(10)
    before.write()
    after = tally(data, clock)
    after.count(5)
    after.write()
    assert total(data) == 15
    assert [path.name.split("~")[1] for path in files(data)] == [str(os.getpid())]


def test_one_predecessor_is_taken_over_by_one_alone(data: DataFolder, clock: MovableClock) -> None:
    before = tally(data, clock, of_the_dead())
    before.count(10)
    before.write()
    crew = [tally(data, clock) for _ in range(2)]
    for one in crew:
        one.count(1)
        one.write()
    assert total(data) == 12 and len(files(data)) == 2


def test_a_predecessor_is_in_the_sum_from_the_moment_it_is_taken_over(data: DataFolder) -> None:
    clock = HurriedClock()
    before = tally(data, clock, of_the_dead())
    before.count(10)
    before.write()
    tally(data, clock).count(1)
    assert total(data) == 10


def test_a_worker_that_lives_keeps_its_file(data: DataFolder, clock: MovableClock) -> None:
    living = tally(data, clock, f"{identity(os.getppid())}:aa")
    living.count(10)
    living.write()
    mine = tally(data, clock)
    mine.count(1)
    mine.write()
    assert len(files(data)) == 2 and total(data) == 11


def test_a_clock_that_jumps_back_loses_nothing_that_is_still_shown(data: DataFolder, clock: MovableClock) -> None:
    mine = tally(data, clock)
    mine.count(10)
    clock.set(NOW - HOUR)
    mine.count(5)
    mine.write()
    assert total(data, NOW - HOUR) == 5, "what is ahead is not shown"
    clock.set(NOW + MINUTE)
    mine.count(1)
    mine.write()
    assert total(data, NOW + MINUTE) == 16


def test_a_clock_that_was_years_ahead_leaves_nothing_for_ever(data: DataFolder, clock: MovableClock) -> None:
    clock.set(NOW + timedelta(days=4000))
    mine = tally(data, clock)
    mine.count(10)
    clock.set(NOW)
    mine.count(5)
    mine.write()
    assert json.loads(files(data)[0].read_text()) == {"buckets": {str(BUCKET): 5}}


def test_what_is_older_than_a_day_and_an_hour_is_forgotten(data: DataFolder, clock: MovableClock) -> None:
    mine = tally(data, clock)
    mine.count(10)
    clock.set(NOW + 25 * HOUR + 5 * MINUTE)
    mine.count(5)
    mine.write()
    assert json.loads(files(data)[0].read_text())["buckets"] == {str(bucket_of(clock.now())): 5}


def test_the_leftovers_of_workers_that_are_gone_are_removed_when_they_count_nothing_more(
    data: DataFolder, clock: MovableClock
) -> None:
    data.throughput.mkdir(parents=True)
    for name, age in (("old~1~2~aa.json", 26), ("late~1~2~aa.json", 24), (".old.json.0011.tmp", 26)):
        path = data.throughput / name
        path.write_text(json.dumps({"buckets": {str(BUCKET - age * 3600): 9}}))
        os.utime(path, (NOW.timestamp() - age * 3600,) * 2)
    mine = tally(data, clock)
    mine.count(1)
    mine.write()
    assert [path.name for path in files(data) if "late" in path.name] == ["late~1~2~aa.json"]
    assert len(files(data)) == 2


def test_a_folder_that_cannot_be_written_costs_the_count_alone(data: DataFolder, clock: MovableClock) -> None:
    data.state.mkdir(parents=True)
    data.throughput.symlink_to("not-mounted")
    mine = tally(data, clock)
    mine.count(10)
    mine.count(10)
    mine.write()
    assert total(data) == 0
    data.throughput.unlink()
    mine.count(1)
    mine.write()
    assert total(data) == 21, "what was counted meanwhile is not lost"
