"""Workers that are killed, stopped, and many: no job is lost, and none is done twice."""

import time
from collections import Counter

import pytest
from integration.albums import assert_whole, deliverable
from standin import World

from .conftest import Launch
from .stack import SERVICES, Stack, docker, inspect, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

W1 = "bandcamp-sync-worker@1.service"
#: Bytes a second of each download: an album of these worlds takes some seconds.
SLOW = 500_000


def long_albums(purchases: int) -> World:
    """Albums of one to four megabytes."""
    return World.build(purchases=purchases, preset="small", seconds=(8.0, 10.0))


def size_of(stack: Stack, keys: list[str] | None = None) -> int:
    """Bytes of the albums with these keys, or of all, as they were placed."""
    receipts = stack.library.receipts()
    return sum(file["size"] for key in keys or receipts for file in receipts[key]["files"])


def test_a_worker_that_is_killed_amid_a_download_comes_back_and_finishes_it(launch: Launch) -> None:
    stack = launch(long_albums(2), WORKERS="1", LEASE="10m")
    stack.standin.settings.rate = SLOW
    stack.put_cookies()
    stack.up()
    stack.wait_for_tracks("m0001*")
    (held,) = stack.jobs("in_progress")
    killed = time.monotonic()
    stack.exec("worker", "sh", "-c", f"kill -9 {stack.units()[W1]['main_pid']}")
    stack.standin.settings.rate = None
    unit = wait_until(
        lambda: (u := stack.units()[W1])["restarts"] == 1 and u["sub_state"] == "running" and u, 30, "it is back"
    )
    assert unit["last_result"] == "signal"
    stack.wait_for_albums(2)
    assert time.monotonic() - killed < 60, "long before the lease of ten minutes ended"
    assert_whole(stack.library, stack.standin)
    ranges = [entry.range for entry in stack.standin.log.entries(kind="file", key=held["key"])]
    assert ranges[0] is None and len(ranges) > 1 and all(ranges[1:]), "it went on where the killed one had come to"


def test_a_stop_amid_downloads_is_quick_and_hands_the_jobs_back(launch: Launch) -> None:
    stack = launch(long_albums(3), WORKERS="2")
    stack.standin.settings.rate = SLOW
    stack.put_cookies()
    stack.up()
    stack.wait_for_tracks("m0001*", count=2)
    held = {job["key"] for job in stack.jobs("in_progress")}
    asked = time.monotonic()
    stack.compose("stop")
    assert time.monotonic() - asked < 12
    codes = {inspect(name)["State"]["ExitCode"] for s in SERVICES for name in stack.containers(s, every=True)}
    assert codes == {0}, "every program ended by itself"
    assert not stack.jobs("in_progress") and not stack.jobs("failed")
    back = {job["key"]: job for job in stack.jobs("pending")}
    assert held <= set(back)
    assert {(job["attempt"], job["claim"]) for job in back.values()} == {(0, None)}

    stack.standin.settings.rate = None
    stack.up()
    stack.wait_for_albums(3)
    assert_whole(stack.library, stack.standin)
    # What was cut off in the middle is one track of each of two downloads: less than a third of each.
    assert stack.bytes_sent() < size_of(stack) + 0.4 * size_of(stack, sorted(held)) + 100_000


def placed_by(container: str) -> list[str]:
    """The keys of the albums that a container's workers placed, by its own log."""
    lines = docker("logs", container).everything.splitlines()
    return [line.split()[3] for line in lines if " is in place: " in line]


def test_three_containers_share_the_work_and_do_each_job_once(launch: Launch) -> None:
    stack = launch(long_albums(16), WORKERS="2")
    stack.standin.settings.rate = SLOW
    stack.up("--scale", "worker=3")
    names = [f"bandcamp-sync-worker@{number}.service" for number in range(1, 7)]
    wait_until(lambda: sorted(stack.workers()) == names, 30, "six workers have six names")
    stack.put_cookies()
    stack.wait_for_albums(16, within_s=90)

    placed = {name: placed_by(name) for name in stack.containers("worker")}
    assert len(placed) == 3 and all(placed.values()), "every container worked"
    assert Counter(key for keys in placed.values() for key in keys) == Counter(list(deliverable(stack.standin)))
    fetched = Counter(entry.key for entry in stack.standin.log.entries(kind="file"))
    assert fetched == Counter(list(deliverable(stack.standin))), "each file was asked for once"
    assert_whole(stack.library, stack.standin)

    stack.up("--scale", "worker=1")
    wait_until(lambda: len(stack.workers()) == 2 and len(stack.units()) == 9, 30, "four workers are gone")
    assert len(stack.containers("worker")) == 1
