"""Who asked for what, and what came of it: asked by HTTP or in a terminal, done by the real loops and commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.loops.reconcile_tick import reconcile_tick, verify_tick
from bandcamp_sync.loops.reconciler import Reconciler
from bandcamp_sync.loops.scraper import Scraper
from bandcamp_sync.paths import DataFolder, data_folder
from bandcamp_sync.settings import Settings
from flask.testing import FlaskClient
from standin import World

from services.dashboard.web.app import create_app

from .conftest import Home, Serve

ROOT = Path(__file__).resolve().parents[2]


class Stack:
    """One user's folders, with the dashboard over them, and the loops in this process or in their own."""

    def __init__(self, home: Home) -> None:
        self.home = home
        given = home.environment(SCRAPE_INTERVAL="6h")
        self.settings = Settings.from_environment({k: v for k, v in given.items() if k.isupper()})
        self.data: DataFolder = data_folder(self.settings)
        self.web: FlaskClient = create_app(self.settings).test_client()
        self.reconciler = Reconciler(self.settings, self.data, Clock())
        self.scraper = Scraper(self.settings, self.data, Clock())

    def post(self, path: str) -> None:
        token = self.web.get("/api/token").get_json()["token"]
        assert self.web.post(path, headers={"X-CSRF-Token": token}).status_code == 202

    def actions(self, limit: int = 50) -> list[dict[str, Any]]:
        answer = self.web.get(f"/api/actions?limit={limit}").get_json()
        assert set(answer) == {"now", "actions"}
        found: list[dict[str, Any]] = answer["actions"]
        return found

    def told(self, *fields: str) -> list[tuple[Any, ...]]:
        return [tuple(action[field] for field in fields) for action in self.actions()]

    def service(self, module: str) -> "subprocess.Popen[bytes]":
        env = {**self.home.environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "shared")])}
        return subprocess.Popen([sys.executable, "-m", module], env=env, cwd=ROOT, stderr=subprocess.DEVNULL)


def until(true: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def stack(home: Home, serve: Serve) -> Stack:
    serve(World.build(purchases=6, preset="small"))
    return Stack(home)


# --- asked in the dashboard -----------------------------------------------------------------------------------------


def test_a_scrape_that_is_asked_by_http_says_what_it_found(stack: Stack) -> None:
    stack.post("/api/actions/scrape")
    stack.post("/api/actions/scrape")
    assert stack.told("verb", "by", "state", "outcome") == [("scrape", "dashboard", "asked", None)] * 2
    assert stack.scraper.is_due()
    stack.scraper.scrape_once()
    first, second = stack.actions()
    assert (first["state"], first["outcome"]) == (second["state"], second["outcome"])
    assert first["state"] == "done"
    assert first["outcome"].startswith("6 purchases (6 new, 0 gone, 0 released) by a full walk of ")
    assert first["ended_at"] is not None
    assert not stack.scraper.is_due(), "two clicks, one scrape"
    topics = stack.web.application.extensions["streams"].look().values
    assert topics["actions"] == stack.actions()


def test_a_scrape_that_fails_says_so_in_its_own_sentence(stack: Stack) -> None:
    stack.home.cookies.unlink()
    stack.scraper.scrape_once()
    stack.post("/api/actions/scrape")
    error = stack.scraper.scrape_once()
    assert error is not None
    assert stack.told("by", "state", "outcome") == [
        ("dashboard", "failed", str(error)),
        ("timer", "failed", str(error)),
    ]
    assert "no cookies yet" in str(error)


def test_what_is_asked_during_a_pause_waits(stack: Stack) -> None:
    stack.post("/api/actions/pause")
    stack.post("/api/actions/scrape")
    assert not stack.scraper.is_due()
    assert stack.told("verb", "state", "outcome") == [("scrape", "asked", None), ("pause", "done", "paused")]
    stack.post("/api/actions/resume")
    stack.scraper.scrape_once()
    assert stack.told("verb", "state") == [("resume", "done"), ("scrape", "done"), ("pause", "done")]


def test_reconcile_and_what_is_asked_for_purchases_say_what_came_of_it(stack: Stack) -> None:
    stack.scraper.scrape_once()
    keys = [item["key"] for item in stack.web.get("/api/collection?sort=title").get_json()["items"]]
    stack.post(f"/api/items/{keys[0]}/ignore")
    stack.post("/api/actions/reconcile")
    stack.reconciler.look()
    queued = len(list((stack.data.inbox / "pending").glob("*.job")))
    assert queued
    assert stack.told("verb", "key", "state", "outcome")[:2] == [
        ("reconcile", None, "done", f"queued {queued}"),
        ("ignore", keys[0], "done", "ignored"),
    ]
    stack.post("/api/actions/retry")
    stack.post(f"/api/items/{keys[1]}/retry")
    stack.post(f"/api/items/{keys[0]}/unignore")
    stack.reconciler.look()
    assert set(stack.told("verb", "key", "state", "outcome")[:3]) == {
        ("retry", None, "done", "nothing had failed"),
        ("retry", keys[1], "done", "nothing to do: it had not failed"),
        ("unignore", keys[0], "done", "no longer ignored"),
    }
    runs = stack.web.get("/api/status").get_json()["reconcile"]
    assert (runs["result"], runs["error"]) == ("done", None)
    assert runs["recent"][-1]["acts"] == {"queue": queued}


def test_a_reconcile_that_meets_trouble_waits_until_it_is_over(stack: Stack) -> None:
    assert stack.home.run("sync").code in (0, 1)
    away = stack.home.music.rename(stack.home.root / "elsewhere")
    stack.post("/api/actions/reconcile")
    reconcile_error = None
    try:
        stack.reconciler.look()
    except Exception as error:
        reconcile_error = str(error)
    assert reconcile_error is not None
    assert stack.told("verb", "state", "outcome")[0] == ("reconcile", "asked", f"waits: {reconcile_error}")
    status = stack.web.get("/api/status").get_json()["reconcile"]
    assert (status["result"], status["error"]) == ("failed", reconcile_error)
    away.rename(stack.home.music)
    stack.reconciler.look()
    assert stack.told("verb", "state", "outcome")[0] == ("reconcile", "done", "nothing to do")


def test_the_short_forms_for_a_host_tell_the_same(stack: Stack) -> None:
    assert stack.home.run("sync").code in (0, 1)
    stack.post("/api/actions/verify")
    assert verify_tick(stack.settings, stack.data, Clock()) == 0
    assert verify_tick(stack.settings, stack.data, Clock()) == 0
    whole = len(stack.home.receipts())
    outcome = f"{whole} of {whole} albums are whole"
    assert stack.told("verb", "by", "state", "outcome")[:2] == [
        ("verify", "command line", "done", outcome),
        ("verify", "dashboard", "done", outcome),
    ]
    stack.home.music.rename(stack.home.root / "elsewhere")
    stack.post("/api/actions/reconcile")
    assert reconcile_tick(stack.settings, stack.data, Clock()) == 5
    verb, state, sentence = stack.told("verb", "state", "outcome")[0]
    assert (verb, state) == ("reconcile", "failed"), "each minute tries anew by itself, and the request is gone"
    assert "is the disk mounted?" in sentence


def test_verify_beside_the_loop_tells_of_what_is_broken(stack: Stack) -> None:
    assert stack.home.run("sync").code in (0, 1)
    receipt = next(iter(stack.home.receipts().values()))
    (stack.home.music / receipt["folder"] / receipt["files"][0]["path"]).write_bytes(b"broken")
    stack.post("/api/actions/verify")
    stack.reconciler.start_verify()
    until(lambda: stack.told("state")[0] == ("done",), "the check did not end")
    whole = len(stack.home.receipts())
    assert stack.told("verb", "outcome")[0] == ("verify", f"{whole - 1} of {whole} albums are whole")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1e2"])
def test_a_limit_that_makes_no_sense_is_refused(stack: Stack, limit: str) -> None:
    answer = stack.web.get(f"/api/actions?limit={limit}")
    assert answer.status_code == 400
    assert "1 to 200" in answer.get_json()["detail"]


def test_as_many_are_shown_as_are_wanted(stack: Stack) -> None:
    for _ in range(3):
        stack.post("/api/actions/pause")
        stack.post("/api/actions/resume")
    assert [action["verb"] for action in stack.actions(2)] == ["resume", "pause"]
    assert len(stack.actions(200)) == 6


# --- in a terminal --------------------------------------------------------------------------------------------------


def test_what_is_run_by_hand_is_listed(stack: Stack) -> None:
    home = stack.home
    for command in (["fan-id"], ["scrape"], ["reconcile", "--dry-run"], ["reconcile"], ["work", "--once"], ["verify"]):
        assert home.run(*command).code == 0, command
    assert home.run("pause").code == 0
    assert home.run("sync").code == 1
    assert home.run("resume").code == 0
    assert home.run("retry", "p1").code == 2
    assert home.run("status").code == 0
    told = stack.told("verb", "key", "by", "state", "outcome")
    assert {by for _, _, by, _, _ in told} == {"command line"}
    assert [verb for verb, *_ in reversed(told)] == [
        "fan-id",
        "scrape",
        "reconcile",
        "work",
        "verify",
        "pause",
        "sync",
        "resume",
        "retry",
    ]
    outcomes = {verb: (state, outcome) for verb, _, _, state, outcome in told}
    assert outcomes["reconcile"][1].startswith("queued ")
    assert outcomes["work"][1].startswith("1 placed, 0 not yet; ")
    assert outcomes["verify"] == ("done", "1 of 1 albums are whole")
    assert outcomes["sync"] == ("failed", "paused; `bandcampsync resume` goes on")
    assert outcomes["retry"][0] == "failed"
    assert "'p1'" in outcomes["retry"][1]
    assert told[0][1] == "p1"


def test_a_command_that_is_stopped_says_so(stack: Stack, home: Home, serve: Serve) -> None:
    serve(World.build(purchases=6, preset="small")).rules.add("hang", match={"class": "collection"}, seconds=60)
    command = home.start("scrape")
    until(lambda: stack.told("state") == [("running",)], "it did not begin")
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=30)
    assert stack.told("verb", "state", "outcome") == [("scrape", "failed", "it was stopped before it was done")]


def test_a_journal_that_cannot_be_written_costs_no_exit_code(stack: Stack) -> None:
    stack.data.state.mkdir(exist_ok=True)
    stack.data.actions.symlink_to("/proc")  # where nobody can make a file
    ran = stack.home.run("scrape")
    assert ran.code == 0, ran.everything
    stack.post("/api/actions/reconcile")
    assert stack.reconciler.look()
    assert stack.actions() == []


# --- real services --------------------------------------------------------------------------------------------------


def test_a_scraper_that_is_killed_leaves_nothing_running_for_ever(stack: Stack, home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    stack = Stack(home)
    stack.scraper.scrape_once()
    standin.rules.add("hang", match={"class": "any"}, seconds=60)
    stack.post("/api/actions/scrape")
    service = stack.service("services.scraper.start")
    try:
        until(lambda: stack.told("state")[0] == ("running",), "the request was not taken")
        service.kill()
    finally:
        service.kill()
        service.wait(10)
    path = max(stack.data.actions.glob("*.json"))
    assert json.loads(path.read_text())["state"] == "running"
    os.utime(path, (time.time() - 300,) * 2)
    state, outcome = stack.told("state", "outcome")[0]
    assert state == "failed"
    assert "cut off" in outcome
    standin.rules.clear()
    stack.post("/api/actions/scrape")
    again = stack.service("services.scraper.start")
    try:
        until(lambda: stack.told("state")[0] == ("done",), "the next scrape did not end")
    finally:
        again.terminate()
        again.wait(15)
    assert [state for (state,) in stack.told("state")] == ["done", "failed", "done"]


def test_no_secret_is_in_the_journal(stack: Stack) -> None:
    assert stack.home.run("sync").code in (0, 1)
    stack.post("/api/actions/verify")
    stack.reconciler.start_verify()
    until(lambda: stack.told("state")[0] == ("done",), "the check did not end")
    identity = next(line.split("\t")[-1] for line in stack.home.cookies.read_text().splitlines() if "identity" in line)
    links = [item["redownload_url"] for item in json.loads(stack.data.collection.read_text())["items"]]
    written = "".join(path.read_text() for path in [*stack.data.actions.glob("*.json"), stack.data.reconciles])
    assert written.count('"verb"') == 2
    for secret in (identity.strip(), *filter(None, links)):
        assert secret not in written
    assert "sig=" not in written
    assert "redownload" not in written
