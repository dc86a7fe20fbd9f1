"""A home in which everything lies that the product ever leaves, copies of it, and what must hold after each garbage."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bandcamp_sync import alarms, control
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Reason
from bandcamp_sync.files import atomic
from bandcamp_sync.health.numbers import Numbers
from bandcamp_sync.health.publish import publish
from bandcamp_sync.health.unit import Unit
from bandcamp_sync.loops.reconciler import Reconciler
from bandcamp_sync.loops.scraper import Scraper
from bandcamp_sync.paths import DataFolder, data_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Failure, State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.throughput import Tally
from integration.conftest import Home
from integration.dashboards import with_token
from standin import StandIn

from services.dashboard.web.app import create_app
from services.dashboard.web.sessions import FILE, LoggedOut

ROUND: Sequence[Sequence[str]] = (
    ["status"],
    ["pages"],
    ["scrape"],
    ["reconcile"],
    ["work", "--drain"],
    ["loops"],
    ["status", "--json"],
)
#: A file of this kind is somebody's word, or costs a download: it is never thrown away or written over. Cookies are not
#: among them: those that are handed over take their place.
RECORDS = re.compile(r"data/(collection\.json|inbox/.*\.job|config/(ignore|fan_id)\.txt|state/from-now-on\.json)")
_NUMBERS = re.compile(r"[0-9a-f]*\d[0-9a-f]*|\d+")


class Forked:
    """The process that forks those in which the commands run."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, env: Mapping[str, str], steps: Sequence[Sequence[str]], bound: bool = False) -> list[dict[str, Any]]:
        """Every step with its code, None for one that hung, and what it printed. `bound`: by permissions, also root."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(
            json.dumps({"env": dict(env), "steps": list(map(list, steps)), "bound": bound}) + "\n"
        )
        self._process.stdin.flush()
        answer: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


@dataclass
class Filled:
    """The home that all cases are copies of. `delivered`: the keys that must not be downloaded again."""

    home: Home
    standin: StandIn
    forked: Forked
    delivered: frozenset[str]
    ignored: str
    failing: str
    pending: str

    def kinds(self, folders: bool = False) -> list[str]:
        """Every file (or folder) of the data folder and of our corner of the music folder, one of each kind.

        Nothing is listed by hand. Files whose names differ in their numbers alone are one kind.
        """
        found: dict[str, str] = {}
        for top in (self.home.data, self.home.music / ".bandcampsync"):
            for path in sorted([top, *top.rglob("*")]):
                if path.is_dir() is folders and not path.name.endswith(".tmp"):
                    name = path.relative_to(self.home.root).as_posix()
                    found.setdefault(_NUMBERS.sub("#", name), name)
        return [name for name in found.values() if name != "data"]

    @contextmanager
    def copy(self, root: Path) -> Iterator[Home]:
        """Another home with the same content, gone afterwards."""
        one = Home(root / "copy", dict(self.home.env))
        shutil.copytree(self.home.data, one.data, symlinks=True)
        shutil.copytree(self.home.music, one.music, symlinks=True, copy_function=_link_music)
        try:
            yield one
        finally:
            shutil.rmtree(one.root)

    def hold_back(self, is_held: bool) -> None:
        """Let the purchase that is pending fail at once, like the failed one, or let it come."""
        self.standin.rules.clear()
        for key in (self.failing, *((self.pending,) if is_held else ())):
            self.standin.rules.add("reauth", match={"key": key})

    def round(self, home: Home, bound: bool = False, steps: Sequence[Sequence[str]] = ROUND) -> list[dict[str, Any]]:
        """The commands over a home, the stand-in's log begun anew."""
        self.standin.log.clear()
        return self.forked.run(home.environment(), steps, bound)

    def complaints(self, home: Home, steps: list[dict[str, Any]], allowed: Sequence[int] = ()) -> list[str]:
        """What is not as it must be after any garbage."""
        wrong = [
            f"{one['step']} ended with {one['code']}: {one['out'][-700:]}"
            for one in steps
            if not _is_fine(one, allowed)
        ]
        again = {e.key for e in self.standin.log.entries(kind="file") if e.key in self.delivered}
        if again:
            wrong.append(f"downloaded again: {sorted(map(str, again))}")
        return wrong

    def unlike(self, home: Home) -> list[str]:
        """What of the library, its books or its music, is not whole."""
        receipts = {path.stem for path in (home.data / "inbox" / "done").glob("*.job")}
        wrong = [f"{key} has no receipt any more" for key in sorted(self.delivered - receipts)]
        was = music_of(self.home)
        now = music_of(home)
        return wrong + [f"{name} is not as it was" for name in was if now.get(name) != was[name]]


def _is_fine(one: dict[str, Any], allowed: Sequence[int]) -> bool:
    # 1: the purchase that fails is not there yet.
    codes = {"work": (0, 1)}.get(one["step"][0], (0,))
    told = one["out"]
    return one["code"] in (*codes, *allowed) and "Traceback" not in told and "unexpected" not in told


def music_of(home: Home) -> dict[str, str]:
    """Each file of the library with its hash."""
    return {
        path.relative_to(home.music).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.music.rglob("*"))
        if path.is_file() and ".bandcampsync" not in path.parts
    }


def _link_music(source: str, target: str) -> None:
    # Albums are never spoiled here, so a second name for them is enough.
    if "/.bandcampsync/" in source:
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def fill(root: Path, standin: StandIn, forked: Forked) -> Filled:
    """Use the product as people do, until everything lies there that it ever writes."""
    home = Home(root)
    home.cookies.parent.mkdir(parents=True)
    home.env = {"BANDCAMP_BASE_URL": standin.url, "RETRY_BASE": "1h", "REQUEST_INTERVAL": "1ms", "NOTIFY_URLS": ""}
    standin.write_cookies(home.cookies)
    home.cookies.chmod(0o600)
    keys = [purchase.key for purchase in standin.world.purchases]
    failing, ignored = keys[0], keys[1]
    standin.rules.add("reauth", match={"key": failing})
    assert home.run("ignore", ignored).code == 0
    assert home.run("sync").code == 1
    delivered = frozenset(home.receipts())
    assert delivered == set(keys[2:]), home.status()
    _use_the_dashboard(home, keys, forked)
    _as_others_leave_it(home, sorted(delivered))
    standin.world.add_purchase(1)
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    [pending] = (home.data / "inbox/pending").glob("*.job")
    return Filled(home, standin, forked, delivered, ignored, failing, pending.stem)


def _use_the_dashboard(home: Home, keys: Sequence[str], forked: Forked) -> None:
    """What is asked for there and taken by the loops, and what nobody has taken yet."""
    settings = Settings.from_environment(home.environment())
    data, web = data_folder(settings), create_app(settings).test_client()
    control.ask(data, control.Verb.CHOOSE, content={"since": "2001-01-01T00:00:00Z", "at": "2026-01-01T00:00:00Z"})
    for path in ("/api/actions/reconcile", f"/api/items/{keys[3]}/ignore", f"/api/items/{keys[3]}/unignore"):
        assert web.post(path, headers=with_token(web)).status_code == 202
    [loops] = forked.run(home.environment(), [["loops"]])
    assert loops["code"] == 0, loops
    Scraper(settings, data, Clock()).scrape_once()
    Reconciler(settings, data, Clock()).verify()
    for path in ("/api/actions/scrape", "/api/actions/verify", f"/api/items/{keys[4]}/unignore"):
        assert web.post(path, headers=with_token(web)).status_code == 202
    answer = web.post("/api/cookies", data=home.cookies.read_bytes(), headers=with_token(web))
    assert answer.status_code == 202, answer.text


def _as_others_leave_it(home: Home, keys: Sequence[str]) -> None:
    """What processes leave that run for longer than a test has time for."""
    data, now = DataFolder(home.data), Clock().now()
    publish(data.health, "worker", [Unit("bandcamp-sync-worker@1.service")], now)
    alarms.raise_alarm(data, alarms.BANDCAMP, "Bandcamp's page has changed shape", False, now)
    numbers = Numbers(data.state / "numbers")
    assert numbers.take(1) == [1]
    LoggedOut(data.state / FILE).add("a" * 32)
    Tally(data.throughput, "host:1:2:abcd", Clock()).count(5)
    for name, value in {
        "state/notified.json": {"bandcamp": "Bandcamp's page has changed shape"},
        f"state/progress/{keys[0]}.json": {"key": keys[0], "bytes_done": 5, "bytes_total": 10},
        "state/short.json": {"listed": 3, "expected": 4},
        "config/clearance.json": {"user_agent": "Mozilla/5.0", "cookies": []},
    }.items():
        atomic.write_json(home.data / name, value)
    atomic.write_text(data.debug / "debug.html", "<html>")
    [waiting] = Spool(data.inbox).jobs(State.FAILED)
    failure = Failure(reason=Reason.TRANSFER, sentence="the connection broke off", at=now)
    waits = waiting.model_copy(update={"failure": failure, "not_before": now + timedelta(hours=1)})
    atomic.write_text(Spool(data.inbox).path(State.FAILED, waits.key), waits.model_dump_json(by_alias=True), 0o600)
    fan = json.loads(data.session.read_bytes())["fan_id"]
    data.fan_id.write_text(f"{fan}\n")
    with data.ignore.open("a") as file:
        file.write("# the ones below I have on vinyl\n")
