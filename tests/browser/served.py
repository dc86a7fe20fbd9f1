"""A dashboard as a real process under gunicorn."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State

from browser import books

ROOT = Path(__file__).resolve().parents[2]


def free_address() -> str:
    """`127.0.0.1:PORT` with a port that is free now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_for(url: str, within_s: float, process: "subprocess.Popen[Any]") -> None:
    """Until `url` answers, whatever it says; AssertionError when it does not in time, or `process` has ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    ended = f", and its process ended with {process.returncode}" if process.poll() is not None else ""
    raise AssertionError(f"{url} did not answer within {within_s:.0f} s{ended}")


class Dashboard:
    """The process, its address and its data folder; ends with its `with`. `environ`: settings besides DATA_DIR and
    DASHBOARD_BIND."""

    def __init__(self, data: DataFolder, **environ: str) -> None:
        self.data, self.bind, self._environ = data, free_address(), environ
        self.url = f"http://{self.bind}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> "Dashboard":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process that answers."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Be there; returns when it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.dashboard.start"], env=self._environment(), cwd=ROOT
        )
        wait_for(f"{self.url}/healthz", 30, self.process)

    def stop(self) -> None:
        """End it; safe to call twice."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        """End it and start it at the same address."""
        self.stop()
        self.start()

    def put(self, state: State, key: str, **changes: Any) -> None:
        """See `books.put`."""
        books.put(self.data, state, key, **changes)

    def progress(self, key: str, done: int, total: int) -> None:
        """See `books.progress`."""
        books.progress(self.data, key, done, total)

    def log(self, service: str, text: str) -> None:
        """See `books.log`."""
        books.log(self.data, service, text)

    def _environment(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
        where = {"PYTHONPATH": paths, "DATA_DIR": str(self.data.root), "DASHBOARD_BIND": self.bind}
        return {**keep, **where, **self._environ}
