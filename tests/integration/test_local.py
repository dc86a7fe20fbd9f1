"""The stack without Docker, in the background: up, ps, down, as the make targets call them."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Local:
    """A checkout's local services with folders of their own."""

    def __init__(self, root: Path, run: str) -> None:
        self.data = root / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.bind = f"127.0.0.1:{probe.getsockname()[1]}"
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        paths = os.pathsep.join(filter(None, sys.path))
        self.env = {
            **keep,
            "PYTHONPATH": paths,
            "TMPDIR": run,
            "DATA_DIR": str(self.data),
            "DASHBOARD_BIND": self.bind,
            "WORKERS": "1",
            "BANDCAMP_BASE_URL": "http://127.0.0.1:9",
        }

    def do(self, verb: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "services.local", verb],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.bind}/api/status", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    # A socket's path has to be short, and pytest's folders are not.
    with tempfile.TemporaryDirectory() as run:
        yield Local(tmp_path, run)


def test_it_comes_up_in_the_background_is_listed_and_goes_down(local: Local) -> None:
    assert local.do("ps") == "nothing runs\n"
    try:
        assert f"http://{local.bind}" in local.do("up")
        listed = local.do("ps")
        for unit in ("bandcamp-sync ", "bandcamp-sync-reconcile ", "bandcamp-sync-worker@1 ", "bandcamp-dashboard "):
            assert unit in listed.replace("bandcamp-sync-worker:", "")
        deadline = time.monotonic() + 40
        while set(local.status()["systemd"].values()) != {"active"} and time.monotonic() < deadline:
            time.sleep(0.2)
        units = {unit["name"]: unit for unit in local.status()["units"]}
        assert {unit["active_state"] for unit in units.values()} == {"active"}
        assert units["bandcamp-sync-worker@1.service"]["source"] == "host"
        assert "run" in local.do("up"), "a second time changes nothing"
        assert local.status()["units"][0]["main_pid"] == units["bandcamp-dashboard.service"]["main_pid"]
    finally:
        told = local.do("down")
    assert told == "the services have ended\n"
    assert local.do("ps") == "nothing runs\n"
    with pytest.raises(OSError):
        local.status()
