"""From nothing to a whole library: what a new user sees, and what lies on the disk and in the logs afterwards."""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import pytest
import requests
from bandcamp_sync.clock import Clock
from bandcamp_sync.health.publish import publish
from bandcamp_sync.health.unit import UNITS, Unit
from integration.albums import assert_whole, deliverable, truth
from standin import World

from .stack import OWNER, SERVICES, Stack, launched, wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Arrived:
    """A stack whose albums have arrived by themselves, and how it was before it had cookies."""

    stack: Stack
    health_without_cookies: dict[str, str]
    status_without_cookies: dict[str, Any]


@pytest.fixture(scope="module")
def arrived(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrived]:
    # DEBUG logs every address that is asked for: the hardest case for what keeps secrets out.
    settings = {"UMASK": "027", "LOG_LEVEL": "DEBUG"}
    with launched(images, tmp_path_factory.mktemp("arrival"), World.build(purchases=30), **settings) as stack:
        stack.up(healthy=True)
        wait_until(lambda: [u["active_state"] for u in stack.units().values()] == ["active"] * 9, 20, "nine units live")
        before = stack.health(), stack.api("/api/status")
        stack.put_cookies()
        stack.wait_for_albums(len(deliverable(stack.standin)))
        wait_until(lambda: stack.api("/api/status")["state"] == "idle", 20, "it comes to rest")
        yield Arrived(stack, *before)


def test_without_cookies_every_container_is_healthy(arrived: Arrived) -> None:
    assert arrived.health_without_cookies == dict.fromkeys(SERVICES, "healthy")


def test_without_cookies_the_status_says_what_is_missing_and_where(arrived: Arrived) -> None:
    status = arrived.status_without_cookies
    assert (status["state"], status["session"]["logged_in"]) == ("failed", False)
    (need,) = status["needs_you"]
    assert "cookies.txt" in need["reason"] and "export" in need["reason"]
    assert not [unit for unit in status["units"] if unit["active_state"] != "active"], "nothing else is wrong"


def test_with_cookies_every_album_arrives_by_itself_and_whole(arrived: Arrived) -> None:
    assert_whole(arrived.stack.library, arrived.stack.standin)


def test_the_api_counts_what_the_world_holds(arrived: Arrived) -> None:
    standin = arrived.stack.standin
    counts = arrived.stack.api("/api/collection?state=synced&per_page=100")
    assert {item["key"] for item in counts["items"]} == set(deliverable(standin))
    assert sum(counts["counts"].values()) == len(truth(standin))
    assert arrived.stack.api("/api/status")["session"]["logged_in"] is True


def test_every_album_was_fetched_once(arrived: Arrived) -> None:
    fetched = [entry.key for entry in arrived.stack.standin.log.entries(kind="file") if entry.status == 200]
    assert sorted(map(str, fetched)) == sorted(deliverable(arrived.stack.standin))


def test_units_are_what_the_contract_says(arrived: Arrived) -> None:
    units = arrived.stack.units()
    assert set(units) == {*UNITS, "bandcamp-sync-worker@1.service", "bandcamp-sync-worker@2.service"}
    for name, unit in units.items():
        assert set(unit) == {field.name for field in fields(Unit)}
        assert (unit["source"], unit["load_state"], unit["active_state"]) == ("container", "loaded", "active"), name
        assert unit["since"] and unit["description"] and unit["restarts"] == 0, name
        if name.endswith(".service"):
            assert unit["sub_state"] == "running" and unit["main_pid"], name
    scrape, reconcile = units["bandcamp-sync.timer"], units["bandcamp-sync-reconcile.timer"]
    assert scrape["sub_state"] == reconcile["sub_state"] == "waiting"
    assert scrape["next_elapse"] > scrape["since"] and reconcile["next_elapse"] > reconcile["since"]
    assert scrape["last_result"] == reconcile["last_result"] == "success"
    shown = arrived.stack.api("/api/status")["systemd"]
    assert shown == {name: unit["active_state"] for name, unit in units.items()}


def test_all_that_was_written_belongs_to_puid_and_pgid(arrived: Arrived) -> None:
    written = list(arrived.stack.data.rglob("*"))
    assert len(written) > 100
    others = [path for path in written if (path.lstat().st_uid, path.lstat().st_gid) != OWNER]
    assert not others


def test_umask_holds_for_all_that_was_written(arrived: Arrived) -> None:
    made_here = {arrived.stack.data / "config", arrived.stack.music}
    too_open = [
        f"{stat.filemode(path.lstat().st_mode)} {path}"
        for path in arrived.stack.data.rglob("*")
        if path not in made_here and path.lstat().st_mode & 0o027
    ]
    assert not too_open
    album = next(path for path in arrived.stack.music.iterdir() if path.name[0] != ".")
    assert stat.S_IMODE(album.stat().st_mode) == 0o750, "the group may read: the umask is used and not just outdone"


def secrets_of(stack: Stack) -> re.Pattern[str]:
    """What no log and no answer may hold: the login, every signature, any signed address that is not cut."""
    identity = stack.standin.world.identity
    assert identity is not None
    login = identity.split("%09")[1].removesuffix("%3D")
    assert re.fullmatch("[0-9a-f]{40}", login)
    return re.compile(rf"{re.escape(identity)}|{login}|\b[0-9a-f]{{40}}\b|\b(?:sig|token|identity)=(?!\*\*\*)")


def test_no_log_holds_a_cookie_or_a_signed_address(arrived: Arrived) -> None:
    stack = arrived.stack
    folder = {path.name: path.read_text() for path in (stack.data / "logs").iterdir()}
    assert {"scraper.log", "reconciler.log", "worker.log"} <= set(folder)
    for name, text in {"docker compose logs": stack.logs(), **folder}.items():
        found = secrets_of(stack).search(text)
        assert found is None, (name, text[max(0, found.start() - 100) : found.end()])
    assert "sig=***" in folder["worker.log"], "addresses are logged here, and cut"


@pytest.mark.parametrize("path", ["/", "/api/status", "/api/queue", "/api/collection", "/api/logs", "/metrics"])
def test_no_answer_holds_a_cookie_or_a_signed_address(arrived: Arrived, path: str) -> None:
    answer = requests.get(arrived.stack.address + path, timeout=10)
    assert answer.status_code == 200
    assert not secrets_of(arrived.stack).search(answer.text)


def test_a_restart_starts_no_scrape_when_one_ran_lately(arrived: Arrived) -> None:
    stack = arrived.stack
    before = stack.units()["bandcamp-sync.service"]["since"]
    stack.standin.log.clear()
    stack.compose("restart", "scraper")
    wait_until(
        lambda: (u := stack.units()["bandcamp-sync.service"])["sub_state"] == "running" and u["since"] > before,
        30,
        "the scraper is back",
    )
    due = wait_until(lambda: stack.units()["bandcamp-sync.timer"]["next_elapse"], 10, "its timer is set")
    assert due > arrived.status_without_cookies["now"]
    assert not stack.standin.log.entries()


def test_units_of_the_host_are_shown_beside_the_containers_in_the_same_fields(arrived: Arrived) -> None:
    stack = arrived.stack
    failed = Unit("bandcamp-sync.service", active_state="failed", sub_state="failed", last_result="exit-code")
    waiting = Unit("bandcamp-sync.timer", active_state="active", sub_state="waiting")
    publish(stack.data / "health", "host", [failed, waiting], Clock().now())
    try:
        status = stack.api("/api/status")
        both = [unit for unit in status["units"] if unit["name"] == "bandcamp-sync.service"]
        assert {unit["source"]: unit["active_state"] for unit in both} == {"container": "active", "host": "failed"}
        assert both[0].keys() == both[1].keys()
        assert status["systemd"]["bandcamp-sync.service"] == "failed", "nothing green hides what is broken"
        assert status["systemd"]["bandcamp-sync.timer"] == "active"
    finally:
        (stack.data / "health" / "host.json").unlink()
