"""The whole stack over the stand-in Bandcamp: supervisord with scraper, reconciler, workers and dashboard."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bandcamp_sync import control
from bandcamp_sync.paths import DataFolder, data_folder
from bandcamp_sync.settings import Settings
from standin import Settings as StandInSettings
from standin import StandIn, World

from browser.served import free_address, wait_for
from services.local import crew


class Stack:
    """It runs from `start` to `stop`. `standin` is in this process: its `rules`, `settings` and `world` may be changed
    at any time. `rate`: bytes a second of each download."""

    def __init__(self, root: Path, world: World, rate: int | None = None, **environ: str) -> None:
        self.standin = StandIn(world, settings=StandInSettings(rate=rate))
        self.url = f"http://{(bind := free_address())}"
        own = {
            "DATA_DIR": str(root / "data"),
            "WORKERS": "2",
            "REQUEST_INTERVAL": "20ms",
            "RETRY_BASE": "5s",
            "STALL_TIMEOUT": "5s",
            "MIN_FREE_SPACE": "1M",
            "DASHBOARD_BIND": bind,
            **environ,
        }
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        self._own = {**keep, **own}
        # A socket's path has to be short, and a test's folders are not.
        self._run = Path(tempfile.mkdtemp(prefix="bcs-"))
        self._root = root
        self._crew: Mapping[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.data: DataFolder = data_folder(Settings.from_environment(self._own))

    def start(self, *, logged_in: bool = True) -> "Stack":
        """Up, with the dashboard answering. `logged_in`: the cookies lie where they belong."""
        self.standin.start()
        self.data.config.mkdir(parents=True, exist_ok=True)
        if logged_in:
            cookies = self.standin.write_cookies(self.data.config / "cookies.txt")
            cookies.chmod(0o600)
        environ = {**self._own, "BANDCAMP_BASE_URL": self.standin.url}
        settings = Settings.from_environment(environ)
        self._crew = crew.environment(settings, environ, self._run, "/dev/fd/1")
        self._process = crew.start(self._crew)
        self._reader = threading.Thread(target=self._keep_output, daemon=True)
        self._reader.start()
        wait_for(f"{self.url}/healthz", 60, self._process)
        return self

    def stop(self) -> None:
        """Down, with everything that it started."""
        if self._process is not None:
            crew.stop(self._process)
        if self._reader is not None:
            self._reader.join(5)
        self.standin.stop()
        shutil.rmtree(self._run, ignore_errors=True)

    def restart(self, program: str) -> None:
        """End one of its programs, as `bandcamp-dashboard`, and start it again."""
        told = crew.control(self._crew, "restart", program)
        assert told.returncode == 0, told.stdout + told.stderr

    @property
    def supervisord(self) -> int:
        """Its process; 0 when there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def environ(self) -> dict[str, str]:
        """What the services get, for a command that is run by hand."""
        return dict(self._crew)

    @property
    def output(self) -> Path:
        """What all services said."""
        return self._root / "output.log"

    def ask(self, path: str) -> Any:
        """The API's answer, as `/api/queue`."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def ask_for(self, verb: str, key: str | None = None) -> None:
        """Ask for a stage, or something of one purchase, as the command line does: by a file."""
        control.ask(self.data, control.Verb(verb), key)

    def counts(self) -> Mapping[str, int]:
        """Purchases by state."""
        counts: dict[str, int] = self.ask("/api/status")["counts"]
        return counts

    def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait for `holds()`; AssertionError with what the services said last when it does not come."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                said = "".join(self.output.read_text(errors="replace").splitlines(keepends=True)[-30:])
                raise AssertionError(f"it did not come within {within_s:.0f} s; counts {self.counts()}\n{said}")
            time.sleep(0.1)

    def _keep_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self.output.open("w") as kept:
            for line in self._process.stdout:
                kept.write(line)
                kept.flush()
