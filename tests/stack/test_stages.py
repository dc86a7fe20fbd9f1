"""The stages by hand, and the pause, by the commands that a user types."""

import json
import time

import pytest
from integration.albums import assert_whole, deliverable, truth
from standin import World

from .conftest import Launch
from .stack import Stack, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

#: Service of the stack: its programs' names for supervisord.
PROGRAMS = {"scraper": "bandcamp-sync", "reconciler": "bandcamp-sync-reconcile", "worker": "bandcamp-sync-worker:*"}


def bandcampsync(stack: Stack, service: str, *words: str) -> str:
    """What a command prints that ends well."""
    return stack.exec(service, "bandcampsync", *words).out


def test_each_stage_by_hand_does_its_part(launch: Launch) -> None:
    stack = launch(World.build(purchases=5, preset="small"))
    stack.put_cookies()
    stack.up()
    stack.wait_for_albums(5)
    for service, program in PROGRAMS.items():
        conf = f"/app/services/{service}/supervisord.conf"
        stack.exec(service, "supervisorctl", "-c", conf, "stop", program)
    wait_until(lambda: len(stack.workers("dead")) == 2, 20, "no loop runs any more")
    units = stack.units()
    assert {units[name]["active_state"] for name in units if not name.startswith("bandcamp-dash")} == {"inactive"}

    new = stack.standin.world.add_purchase(3)
    assert "fan id 7654321" in bandcampsync(stack, "scraper", "fan-id")
    assert "3 new" in bandcampsync(stack, "scraper", "scrape")
    assert len(stack.jobs("pending")) == 0
    assert "queued 3" in bandcampsync(stack, "reconciler", "reconcile")
    assert {job["key"] for job in stack.jobs("pending")} == set(new)
    assert "3 placed, 0 not yet" in bandcampsync(stack, "worker", "work", "--drain")
    assert "nothing to do" in bandcampsync(stack, "reconciler", "reconcile")
    assert "8 of 8 albums are whole" in bandcampsync(stack, "worker", "verify")
    assert_whole(stack.library, stack.standin)
    for service in PROGRAMS:
        status = json.loads(bandcampsync(stack, service, "status", "--json"))
        assert status["counts"]["synced"] == status["purchases"] == len(truth(stack.standin)), service


def test_a_pause_holds_everything_across_restarts_until_it_is_taken_back(launch: Launch) -> None:
    world = World.build(purchases=8, preset="small", seconds=(8.0, 10.0))
    stack = launch(world, WORKERS="1", SCRAPE_INTERVAL="2s")
    stack.standin.settings.rate = 1_000_000
    stack.put_cookies()
    stack.up()
    stack.wait_for_albums(1)
    stack.post("/api/actions/pause")
    assert stack.api("/api/status")["state"] == "paused"
    wait_until(lambda: not stack.jobs("in_progress"), 30, "the download in hand is finished first")
    waiting = {job["key"] for job in stack.jobs("pending")}
    assert waiting
    time.sleep(2)  # a scrape that was under way may end
    stack.standin.log.clear()

    stack.compose("restart")
    wait_until(lambda: len(stack.workers()) == 1 and stack.units()["bandcamp-sync.service"], 30, "all is up again")
    time.sleep(5)
    assert stack.api("/api/status")["state"] == "paused"
    assert not stack.standin.log.entries(), "Bandcamp hears nothing of us"
    assert {job["key"] for job in stack.jobs("pending")} == waiting

    stack.standin.settings.rate = None
    assert "resume" in bandcampsync(stack, "reconciler", "resume")
    assert stack.api("/api/status")["state"] != "paused"
    stack.wait_for_albums(len(deliverable(stack.standin)))
    assert_whole(stack.library, stack.standin)


def test_a_challenge_that_only_a_browser_passes_is_passed_in_the_hardened_containers(launch: Launch) -> None:
    stack = launch(World.build(purchases=3, preset="small"))
    stack.standin.rules.add("challenge", mode="browser_only")
    stack.put_cookies()
    stack.up()
    stack.wait_for_albums(3, within_s=120)
    assert_whole(stack.library, stack.standin)
    assert stack.standin.site.challenge.solved >= 2, "the scraper's browser and a worker's"
    for service in ("scraper", "worker"):
        assert "a real browser takes over" in stack.logs(service)
