"""Host mode for real: install.sh on a machine with systemd, against a stand-in Bandcamp. The tests tell one story, in
order, as each installation takes half a minute."""

import json
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.health.unit import HOST_UNITS, UNITS, Unit, worker_unit
from standin import StandIn, World

from .systemd.machine import DATA, HOME, Machine, build_image, machine

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

SCRAPE, DASHBOARD = "bandcamp-sync.service", "bandcamp-dashboard.service"
#: Units are published every twenty seconds.
SHOWN_WITHIN_S = 40.0


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    build_image()
    with StandIn(World.build(purchases=6, preset="small"), bind="0.0.0.0") as standin, machine(standin) as one:
        one.configure()
        yield one


@pytest.fixture(scope="module")
def told(host: Machine) -> str:
    """What the first installation said."""
    return host.install()


def test_without_a_user_manager_one_line_says_what_else_there_is(host: Machine) -> None:
    ran = host.ran("XDG_RUNTIME_DIR=/nowhere DBUS_SESSION_BUS_ADDRESS= ./install.sh")
    assert ran.code == 1
    assert "make run" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_an_installation_says_what_is_missing_and_where_to_look(told: str) -> None:
    assert "http://127.0.0.1:5000" in told
    assert f"{DATA}/config/cookies.txt" in told


def test_every_unit_is_loaded_and_what_waits_or_runs_is_active(host: Machine, told: str) -> None:
    loaded = host.loaded()
    assert set(loaded) >= {*UNITS, *HOST_UNITS, worker_unit(1), worker_unit(2)}
    for name, (active, _) in loaded.items():
        if name.endswith((".timer", ".path")) or "worker" in name or name == DASHBOARD:
            assert active == "active", host.describe()
            assert host.systemd(name, "UnitFileState") == "enabled"


def test_every_unit_is_as_systemd_would_have_it(host: Machine, told: str) -> None:
    for name in host.loaded():
        ran = host.ran(f"systemd-analyze --user verify '{HOME}/.config/systemd/user/{name}' 2>&1")
        assert (ran.code, ran.out) == (0, ""), name


def test_a_scrape_without_cookies_has_failed_and_the_reason_is_one_line(host: Machine, told: str) -> None:
    unit = host.wait_for_unit(SCRAPE, "failed", SHOWN_WITHIN_S)
    assert unit["last_result"] == "exit-code"
    status = host.api("status")
    assert status["state"] == "failed"
    assert status["systemd"][SCRAPE] == "failed"
    assert "no cookies yet" in host.run(f"journalctl --user -u {SCRAPE} --no-pager")
    assert host.systemd(SCRAPE, "ExecMainStatus") == "3"
    host.run(f"systemctl --user start {SCRAPE} || true")
    assert host.systemd(SCRAPE, "ExecMainStatus") == "3", "as long as the last scrape failed, so does the unit"


def test_wrong_settings_end_it_before_anything_is_changed(host: Machine, told: str) -> None:
    # After the first scrape: a timer that elapses just now would start one with these settings, too.
    before = host.installed()
    host.configure(WORKERS="many")
    ran = host.ran("./install.sh")
    host.configure()
    assert ran.code == 2
    assert "WORKERS='many'" in ran.err
    assert host.installed() == before


def test_albums_arrive_by_themselves_as_soon_as_there_are_cookies(host: Machine, told: str, tmp_path: Path) -> None:
    host.log_in(tmp_path)
    host.until(lambda: host.albums() == 6, 60, "six albums")
    host.wait_for_unit(SCRAPE, "inactive", SHOWN_WITHIN_S)
    assert host.unit(SCRAPE)["last_result"] == "success"
    host.until(lambda: host.api("status")["state"] == "idle", 30, "rest")
    assert host.api("status")["counts"]["synced"] == 6


def test_units_are_published_in_the_shape_of_the_contract(host: Machine, told: str) -> None:
    units = {unit["name"]: unit for unit in host.api("status")["units"]}
    assert set(units) == {*UNITS, *HOST_UNITS, worker_unit(1), worker_unit(2)}
    for name, unit in units.items():
        assert set(unit) == {field.name for field in fields(Unit)}
        assert (unit["source"], unit["load_state"]) == ("host", "loaded"), name
        assert unit["service"] in {"scraper", "reconciler", "worker", "dashboard"}
        assert unit["since"] is None or datetime.fromisoformat(unit["since"]).tzinfo is not None
        assert unit["description"] == host.systemd(name, "Description")
        assert (unit["main_pid"] or 0) == int(host.systemd(name, "MainPID") or 0)
    # The tick comes each five minutes; the next scrape is what a user wants to know.
    due = datetime.fromisoformat(units["bandcamp-sync.timer"]["next_elapse"])
    assert timedelta(hours=5.8) < due - datetime.now(UTC) <= timedelta(hours=6)
    assert units["bandcamp-sync-retry.timer"]["next_elapse"] is None, "nothing is to be tried again"
    assert datetime.fromisoformat(units["bandcamp-sync-reconcile.timer"]["next_elapse"]) > datetime.now(UTC)


def test_the_programs_can_do_no_more_than_they_must(host: Machine, told: str) -> None:
    assert "the programs can write to the data and the music folder alone" in told
    for name in (DASHBOARD, worker_unit(1)):
        pid = host.systemd(name, "MainPID")
        facts = host.run(f"cat /proc/{pid}/status")
        assert "NoNewPrivs:\t1" in facts and "Seccomp:\t2" in facts
        sees = f"/proc/{pid}/root"
        assert "Read-only" in host.ran(f"touch {sees}{HOME}/x").err
        assert host.ran(f"touch '{sees}{DATA}/state/x'").code == 0
    sees = f"/proc/{host.systemd(DASHBOARD, 'MainPID')}/root{DATA}"
    assert host.run(f"find '{sees}/config' '{sees}/music' -mindepth 1") == "", "no cookies, no music"


def test_a_second_installation_changes_nothing(host: Machine, told: str) -> None:
    before = host.installed()
    said = host.install()
    assert host.installed() == before
    assert "->" not in said and "restarted" not in said


def test_a_scrape_that_the_dashboard_asks_for_happens_and_what_is_new_arrives(host: Machine, told: str) -> None:
    host.standin.world.add_purchase()
    before = host.listings()
    assert host.post("actions/scrape") == 202
    host.until(lambda: host.listings() > before, 20, "a scrape")
    host.until(lambda: host.albums() == 7, 30, "the new album")


def test_cookies_that_are_handed_over_on_the_dashboard_are_checked_and_put_in_place(
    host: Machine, told: str, tmp_path: Path
) -> None:
    before = host.run(f"stat -c %Y '{DATA}/config/cookies.txt'")
    time.sleep(1.1)
    assert host.post("cookies", b"no cookies at all\n") == 202
    host.until(lambda: _drop(host) == "refused", 20, "the refusal")
    assert host.run(f"stat -c %Y '{DATA}/config/cookies.txt'") == before
    assert host.post("cookies", host.standin.write_cookies(tmp_path / "cookies.txt").read_bytes()) == 202
    host.until(lambda: _drop(host) == "accepted", 20, "whose session it is")
    assert host.run(f"stat -c %Y '{DATA}/config/cookies.txt'") != before
    assert host.run(f"ls '{DATA}/drop'") == ""


def _drop(host: Machine) -> str:
    """What came of the cookies that were handed over last."""
    found = host.api("setup")["drop"]
    return str(found["state"]) if found else ""


def test_what_is_asked_during_a_pause_waits_for_its_end_and_wears_nothing_out(host: Machine, told: str) -> None:
    assert host.post("actions/pause") == 202
    before = host.listings()
    assert host.post("actions/scrape") == 202
    time.sleep(8)
    assert host.listings() == before
    assert host.systemd("bandcamp-sync.path", "ActiveState") == "active"
    assert host.systemd(SCRAPE, "Result") == "success"
    assert host.post("actions/resume") == 202
    host.until(lambda: host.listings() > before, 20, "a scrape after the pause")


def test_a_browser_challenge_is_passed_within_the_units_confines(host: Machine, told: str) -> None:
    host.standin.rules.add("challenge", mode="browser_only")
    before = host.read("state/scrape.json")["last_run_at"]
    time.sleep(1.1)
    assert host.post("actions/scrape") == 202
    host.until(lambda: host.read("state/scrape.json")["last_run_at"] != before, 90, "the scrape's end")
    host.standin.rules.clear()
    assert host.read("state/scrape.json")["result"] == "done", host.describe()
    assert "a real browser takes over" in host.run(f"cat '{DATA}/logs/scraper.log'")


def test_a_failed_download_is_queued_again_when_it_is_due(host: Machine, told: str) -> None:
    host.standin.rules.add("damaged_audio", match={"class": "file"}, bytes=400)
    host.standin.world.add_purchase()
    assert host.post("actions/scrape") == 202
    host.until(lambda: host.api("queue")["retries"], 30, "a failed download")
    host.standin.rules.clear()
    host.until(lambda: host.albums() == 8, 90, "the album, by the retry timer")


def test_the_library_is_checked_when_the_dashboard_asks(host: Machine, told: str) -> None:
    assert host.post("actions/verify") == 202
    found = host.until(lambda: host.read("state/verify.json"), 60, "a verdict")
    assert (found["albums"], found["broken"]) == (8, [])


def test_a_worker_that_is_killed_comes_back_and_its_album_arrives(host: Machine, told: str) -> None:
    host.standin.settings.rate = 60_000
    host.standin.world.add_purchase()
    assert host.post("actions/scrape") == 202
    claimed = host.until(
        lambda: host.run(f"cat '{DATA}'/inbox/in_progress/*.job 2>/dev/null || true"), 30, "a download"
    )
    pid = json.loads(claimed)["claim"]["holder"].split(":")[1]
    name = next(worker_unit(n) for n in (1, 2) if host.systemd(worker_unit(n), "MainPID") == pid)
    host.run(f"kill -9 {pid}")
    host.standin.settings.rate = None
    host.until(lambda: host.systemd(name, "ActiveState") == "active", 20, "the worker again")
    assert host.systemd(name, "MainPID") != pid
    host.until(lambda: host.albums() == 9, 90, "the album that was under way")
    host.until(lambda: host.unit(name).get("restarts") == 1, SHOWN_WITHIN_S, "a restart on show")


def test_what_cannot_live_is_shown_as_failed_and_what_was_asked_is_done_when_it_is_mended(
    host: Machine, told: str
) -> None:
    host.configure(LOG_LEVEL="LOUD")
    host.run(f"systemctl --user restart {worker_unit(1)}")
    before = host.listings()
    assert host.post("actions/scrape") == 202
    unit = host.wait_for_unit(worker_unit(1), "failed", SHOWN_WITHIN_S)
    assert (unit["sub_state"], unit["last_result"], unit["main_pid"]) == ("failed", "exit-code", None)
    host.wait_for_unit(SCRAPE, "failed", SHOWN_WITHIN_S)
    assert host.api("status")["state"] == "failed"
    for name in (worker_unit(1), SCRAPE):
        assert "LOG_LEVEL='LOUD'" in host.run(f"journalctl --user -u {name} --no-pager -n 5")
    assert host.loaded()["bandcamp-sync.path"] == ("active", "waiting"), "it was not worn out"
    host.configure()
    host.install()
    host.until(lambda: host.listings() > before, 30, "the scrape that was asked for")
    host.wait_for_unit(worker_unit(1), "active", SHOWN_WITHIN_S)


def test_new_settings_are_taken_up_by_the_next_installation(host: Machine, told: str) -> None:
    other = f"{DATA} elsewhere"
    host.run(f"systemctl --user stop 'bandcamp-*'; mv '{DATA}' '{other}'")
    host.configure(WORKERS="1", DATA_DIR=other)
    said = host.install()
    assert "restarted" in said
    assert f"{HOME}/.config/bandcampsync/data -> {other}" in said
    assert worker_unit(2) not in host.loaded()
    host.wait_for_unit(worker_unit(1), "active", SHOWN_WITHIN_S)
    assert host.unit(worker_unit(2)) == {}
    assert host.api("status")["counts"]["synced"] == 9
    host.run(f"mkdir '{DATA}'; systemctl --user stop 'bandcamp-*'; rmdir '{DATA}'; mv '{other}' '{DATA}'")
    host.configure()
    host.install()
    host.wait_for_unit(worker_unit(2), "active", SHOWN_WITHIN_S)


def test_a_reboot_starts_everything_but_no_scrape_when_one_ran_lately(host: Machine, told: str) -> None:
    before = host.listings()
    host.run("systemctl restart user@1000.service", user="root")
    host.until(lambda: host.ran("systemctl --user is-system-running").code == 0, 30, "the user manager")
    host.until(lambda: host.systemd(SCRAPE, "ExecMainExitTimestamp"), 60, "the first tick")
    assert host.systemd(SCRAPE, "Result") == "success"
    assert host.loaded()[DASHBOARD] == ("active", "running")
    assert host.loaded()[worker_unit(1)] == host.loaded()[worker_unit(2)] == ("active", "running")
    assert host.listings() == before


def test_where_users_may_not_make_namespaces_the_units_run_without(host: Machine, told: str) -> None:
    # The kernel cannot be asked to refuse without touching its other users; a mount that fails will do as well.
    drop_in = "services/systemd/bandcamp-.service.d/20-mounts.conf"
    host.run(f"echo BindReadOnlyPaths=/nowhere >> {drop_in}")
    said = host.install()
    assert "users get no namespaces here" in said
    pid = host.systemd(DASHBOARD, "MainPID")
    assert host.ran(f"touch /proc/{pid}/root{HOME}/x").code == 0
    assert "Seccomp:\t2" in host.run(f"cat /proc/{pid}/status")
    host.wait_for_unit(worker_unit(1), "active", SHOWN_WITHIN_S)


def test_it_is_taken_away_again_and_music_and_data_stay(host: Machine, told: str) -> None:
    assert "Your music" in host.install("--uninstall")
    assert host.loaded() == {}
    assert host.ran("systemctl --user list-unit-files --no-legend 'bandcamp-*'").out == ""
    assert host.run(f"find {HOME}/.config -name '*bandcamp*'") == ""
    assert host.read("health/host.json") is None
    assert host.albums() == 9
    assert host.ran(f"test -s '{DATA}/config/cookies.txt' && test -x .venv/bin/python").code == 0
    host.install("--uninstall")
