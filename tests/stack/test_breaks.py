"""The power goes, again and again."""

import random
import time

import pytest
from integration.albums import assert_whole, deliverable, truth
from standin import World

from .conftest import Launch
from .stack import Stack, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

MOMENTS = ["start", "download"] * 3


def kill_in(stack: Stack, moment: str, chance: random.Random) -> str:
    """Kill everything some time after it began to start, or to download; when that was, and how it stood."""
    if moment == "download":
        asked = len(stack.standin.log.entries(kind="file"))
        wait_until(lambda: len(stack.standin.log.entries(kind="file")) > asked, 60, "a file is asked for")
    wait_s = chance.uniform(0.0, 2.0 if moment == "download" else 6.0)
    time.sleep(wait_s)
    stack.kill()
    states = {state: len(stack.jobs(state)) for state in ("pending", "in_progress", "failed", "done")}
    return f"{wait_s:.2f} s into the {moment}: {states}"


def test_whenever_everything_is_killed_it_goes_on_and_nothing_is_lost(launch: Launch) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    world = World.build(purchases=14, seed=2, preset="small", seconds=(4.0, 8.0))
    stack = launch(world, WORKERS="2", SCRAPE_INTERVAL="2s")
    stack.standin.settings.rate = 400_000
    stack.put_cookies()
    for moment in chance.sample(MOMENTS, len(MOMENTS)):
        stack.up()
        print("killed", kill_in(stack, moment, chance))
    assert len(stack.jobs("done")) < 14, "the last kill came before the end"

    stack.standin.settings.rate = None
    stack.up()
    stack.wait_for_albums(len(deliverable(stack.standin)), within_s=90)
    wait_until(lambda: not stack.jobs("in_progress") and not stack.jobs("pending"), 60, "the queue is empty")
    assert_whole(stack.library, stack.standin)  # no leftovers in the staging folder, too
    verified = stack.exec("worker", "bandcampsync", "verify")
    assert "verify: 14 of 14 albums are whole" in verified.out
    counts = stack.api("/api/collection")["counts"]
    assert counts["synced"] == sum(counts.values()) == len(truth(stack.standin))
