"""What is broken or silent is shown as that, alone, and until it is mended."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from integration.albums import assert_whole
from standin import World

from .conftest import Launch
from .stack import SERVICES, Stack, inspect, launched, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

WORKERS = ["bandcamp-sync-worker@1.service", "bandcamp-sync-worker@2.service"]
RUNNING, FAILED, STALE = ("active", "running"), ("failed", "failed"), ("unknown", "stale")
RECONCILER = [f"bandcamp-sync-{name}" for name in ("reconcile.path", "reconcile.service", "reconcile.timer")]
RECONCILER += ["bandcamp-sync-retry.timer"]

#: Docker asks for health more often than in earnest, so that a test need not wait half a minute for its opinion.
QUICK: dict[str, Any] = {"healthcheck": {"interval": "3s"}}
ASKED_OFTEN = dict.fromkeys(SERVICES, QUICK)


@dataclass(frozen=True)
class View:
    """How the stack is shown at one moment."""

    status: dict[str, Any]
    health: dict[str, str]

    def unit(self, name: str) -> tuple[str, str]:
        (unit,) = (unit for unit in self.status["units"] if unit["name"] == name)
        return unit["active_state"], unit["sub_state"]


@dataclass(frozen=True)
class Story:
    """A worker that cannot live and a reconciler that fell silent; then the worker mended; then both.

    `complaint`: what the worker's health check said. `said`: what its container printed.
    """

    stack: Stack
    complaint: str
    said: str
    both: View
    silent: View
    mended: View


def view(stack: Stack) -> View:
    return View(stack.api("/api/status"), stack.health())


def is_everywhere(stack: Stack, names: list[str], state: tuple[str, str]) -> bool:
    units = stack.units()
    return all(name in units and (units[name]["active_state"], units[name]["sub_state"]) == state for name in names)


@pytest.fixture(scope="module")
def story(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    world = World.build(purchases=3, preset="small")
    with launched(images, tmp_path_factory.mktemp("health"), world) as stack:
        stack.put_cookies()
        stack.override(**{**ASKED_OFTEN, "worker": {**QUICK, "environment": {"FORMAT": "nonsense"}}})
        stack.up()
        wait_until(lambda: is_everywhere(stack, RECONCILER[1:2], RUNNING), 30, "the reconciler is up")
        stack.compose("pause", "reconciler")
        try:
            # Ten tries with waits between them: 80 s on a machine that has nothing else to do.
            wait_until(lambda: is_everywhere(stack, WORKERS, FAILED), 200, "the workers have failed")
            wait_until(lambda: is_everywhere(stack, RECONCILER, STALE), 110, "silence is noticed")
            wait_until(lambda: stack.health()["worker"] == "unhealthy", 60, "Docker knows it, too")
            both, said = view(stack), stack.logs("worker")
            complaint = inspect(*stack.containers("worker"))["State"]["Health"]["Log"][-1]["Output"].strip()
            stack.override(**ASKED_OFTEN)
            stack.up("worker")
            wait_until(lambda: is_everywhere(stack, WORKERS, RUNNING), 30, "the workers are mended")
            silent = view(stack)
        finally:
            stack.compose("unpause", "reconciler")
        wait_until(lambda: stack.api("/api/status")["state"] == "idle", 60, "all is well")
        wait_until(lambda: set(stack.health().values()) == {"healthy"}, 60, "Docker knows it, too")
        yield Story(stack, complaint, said, both, silent, view(stack))


def test_a_program_that_cannot_live_has_failed(story: Story) -> None:
    assert {story.both.unit(name) for name in WORKERS} == {FAILED}
    assert story.both.status["state"] == "failed"
    assert f"{WORKERS[0]} has failed" in story.both.status["why"]


def test_its_container_is_unhealthy_and_says_why_and_the_others_go_on(story: Story) -> None:
    assert story.both.health["worker"] == "unhealthy"
    assert story.complaint == "given up: bandcamp-sync-worker@1 bandcamp-sync-worker@2"
    assert "FORMAT" in story.said and "nonsense" in story.said
    assert story.both.health["scraper"] == story.both.health["dashboard"] == "healthy"
    for name in ("bandcamp-sync.service", "bandcamp-dashboard.service"):
        assert story.both.unit(name) == RUNNING


def test_silence_is_never_green(story: Story) -> None:
    assert {story.silent.unit(name) for name in RECONCILER} == {STALE}
    assert story.silent.status["state"] == "degraded"
    assert f"{RECONCILER[0]}: no news" in story.silent.status["why"]
    shown = {unit["name"]: unit for unit in story.silent.status["units"]}
    assert {(shown[name]["main_pid"], shown[name]["next_elapse"]) for name in RECONCILER} == {(None, None)}


def test_what_is_mended_is_well_again_and_the_albums_arrive(story: Story) -> None:
    assert set(story.mended.health.values()) == {"healthy"}
    assert {unit["active_state"] for unit in story.mended.status["units"]} == {"active"}
    assert_whole(story.stack.library, story.stack.standin)


def test_a_slow_machine_gives_up_on_wrong_settings_too(launch: Launch) -> None:
    stack = launch(World.build(purchases=1, preset="small"))
    # So slow that a program seems to run before it finds out what is wrong.
    slow = {"resources": {"limits": {"cpus": "0.15"}}}
    stack.override(worker={"environment": {"FORMAT": "nonsense"}, "deploy": slow})
    stack.up("worker", "dashboard")
    wait_until(lambda: is_everywhere(stack, WORKERS, FAILED), 120, "the workers have failed")
    units = stack.units()
    assert {units[name]["last_result"] for name in WORKERS} == {"exit-code"}
    checked = stack.exec("worker", "/app/services/image/healthcheck.sh", check=False)
    assert (checked.code, checked.out.split(":")[0]) == (1, "given up")
    assert "entered RUNNING state" in stack.logs("worker").replace("success: health entered", "")


_KILL = """
import glob, os
own = os.getpid()
for path in glob.glob("/proc/[0-9]*/cmdline"):
    pid = int(path.split("/")[2])
    if pid != own and {word!r} in open(path).read():
        os.kill(pid, 9)
        print(pid)
"""


@pytest.mark.parametrize(
    ("service", "program", "unit"),
    [
        ("scraper", "bandcamp_sync.health.listener", "bandcamp-sync.service"),
        ("dashboard", "gunicorn", "bandcamp-dashboard.service"),
    ],
)
def test_one_crash_makes_nothing_unhealthy(story: Story, service: str, program: str, unit: str) -> None:
    stack = story.stack
    (name,) = stack.containers(service)
    published = stack.data / "health" / f"{service}.json"
    assert stack.python(service, _KILL.format(word=program)), "something was killed"
    killed = time.time()
    wait_until(lambda: published.stat().st_mtime > killed, 40, "news are published again")
    wait_until(lambda: stack.units()[unit]["sub_state"] == "running", 20, "it runs")
    time.sleep(7)  # Docker asks twice
    state = inspect(name)["State"]
    assert (state["Health"]["Status"], state["Health"]["FailingStreak"]) == ("healthy", 0)
    assert stack.api("/api/status")["state"] == "idle"
