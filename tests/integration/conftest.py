"""What every integration test stands on: a stand-in Bandcamp, empty folders, and the real command in a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard
from flask.testing import FlaskClient
from standin import StandIn, World

from integration.dashboards import client, fill

COMMAND = [sys.executable, "-m", "bandcamp_sync"]


@dataclass
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclass
class Home:
    """One user's folders and environment, and the command run in them."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def music(self) -> Path:
        return self.root / "music"

    @property
    def cookies(self) -> Path:
        return self.data / "config" / "cookies.txt"

    def environment(self, **changes: str) -> dict[str, str]:
        base = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG")}
        return {
            **base,
            "DATA_DIR": str(self.data),
            "MUSIC_DIR": str(self.music),
            "REQUEST_INTERVAL": "10ms",
            "MIN_FREE_SPACE": "1M",
            "RETRY_BASE": "1s",
            "STALL_TIMEOUT": "2s",
            **self.env,
            **changes,
        }

    def run(self, *arguments: str, timeout: float = 120, **changes: str) -> Ran:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        ran = self.run("status", "--json")
        assert ran.code == 0, ran.everything
        view: dict[str, Any] = json.loads(ran.out)
        return view

    def receipts(self) -> dict[str, dict[str, Any]]:
        """The receipts, by key."""
        jobs = (json.loads(path.read_text()) for path in (self.data / "inbox" / "done").glob("*.job"))
        return {job["key"]: job["receipt"] for job in jobs}

    def albums(self) -> dict[str, list[str]]:
        """Every album folder in the music folder, with its files."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.music.rglob("*")):
            relative = path.relative_to(self.music)
            if path.is_file() and relative.parts[0] != ".bandcampsync":
                found.setdefault(relative.parent.as_posix(), []).append(path.name)
        return found

    def move_jobs(self, source: str, target: str) -> None:
        for path in (self.data / "inbox" / source).glob("*.job"):
            path.rename(self.data / "inbox" / target / path.name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    one = Home(tmp_path)
    one.cookies.parent.mkdir(parents=True)
    return one


Serve = Callable[[World], StandIn]


@pytest.fixture
def serve(home: Home) -> Iterator[Serve]:
    """Start a stand-in for a world, with this home's cookies written and its address set."""
    running: list[StandIn] = []

    def start(world: World) -> StandIn:
        standin = StandIn(world)
        standin.__enter__()
        running.append(standin)
        standin.write_cookies(home.cookies)
        home.cookies.chmod(0o600)
        home.env["BANDCAMP_BASE_URL"] = standin.url
        return standin

    yield start
    for standin in running:
        standin.__exit__(None, None, None)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """A small data folder."""
    data = DataFolder(tmp_path / "data")
    fill(data)
    return data


@pytest.fixture
def web(data: DataFolder) -> FlaskClient:
    """A dashboard over it."""
    return client(data)


@pytest.fixture
def served(data: DataFolder) -> Iterator[Dashboard]:
    """A dashboard over it, under gunicorn."""
    with Dashboard(data) as one:
        yield one
