"""Four workers, a scraper and a reconciler over a stand-in, each a process of its own as in production."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bandcamp_sync import control
from bandcamp_sync.paths import DataFolder
from standin import StandIn, World

from storm.timeline import Asked

ROOT = Path(__file__).parents[2]
CREW = ("scraper", "reconciler", "worker", "worker", "worker", "worker")
PURCHASES = 12
#: The first hold, in seconds: RETRY_BASE where that is less than ten.
BASE_S = 2.0
REFUSED = (429, 503)


class Stack:
    """`standin` is in this process; the crew runs from `start` to `kill`."""

    def __init__(self, root: Path) -> None:
        self.standin = StandIn(World.build(purchases=PURCHASES, preset="small")).start()
        self.data, self.music = DataFolder(root / "data"), root / "music"
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        self.environ: Mapping[str, str] = {
            **keep,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "shared"))),
            "DATA_DIR": str(self.data.root),
            "MUSIC_DIR": str(self.music),
            "BANDCAMP_BASE_URL": self.standin.url,
            "REQUEST_INTERVAL": "200ms",
            "RETRY_BASE": f"{BASE_S:g}s",
            "STALL_TIMEOUT": "10s",
            "MIN_FREE_SPACE": "1M",
        }
        self._crew: list[subprocess.Popen[bytes]] = []

    def fill(self) -> None:
        """Log in, and queue every purchase, while the sky is clear."""
        self.data.config.mkdir(parents=True)
        self.standin.write_cookies(self.data.config / "cookies.txt").chmod(0o600)
        for command in ("scrape", "reconcile"):
            subprocess.run(
                [sys.executable, "-m", "bandcamp_sync", command],
                env=self.environ,
                check=True,
                capture_output=True,
                timeout=120,
            )

    def begin_storm(self, fault: str, **params: Any) -> None:
        """From now on every request is refused; the scraper is asked for a scrape."""
        self.standin.rules.add(fault, match={"class": "any"}, **params)
        self.standin.log.clear()
        control.ask(self.data, control.Verb.SCRAPE)

    def age_s(self) -> float:
        """Seconds since the first request met the storm; 0 before."""
        entries = self.standin.log.entries()
        return time.time() - entries[0].time if entries else 0.0

    def end_storm(self) -> float:
        """The sky is clear again; how long it was not."""
        self.standin.rules.clear()
        return self.age_s()

    def start(self) -> None:
        """Start every process."""
        for name in CREW:
            command = [sys.executable, "-m", f"services.{name}.start"]
            quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._crew.append(subprocess.Popen(command, env=self.environ, cwd=ROOT, **quiet))

    def kill(self) -> None:
        """SIGKILL for all of them."""
        for process in self._crew:
            process.kill()
        for process in self._crew:
            process.wait()
        self._crew = []

    def close(self) -> None:
        """End everything."""
        self.kill()
        self.standin.stop()

    def asked(self) -> list[Asked]:
        """What was asked since the storm began."""
        entries = self.standin.log.entries()
        return [Asked(entry.time - entries[0].time, entry.kind, entry.status in REFUSED) for entry in entries]

    def patience(self) -> dict[str, Any]:
        """What all processes know of Bandcamp's patience."""
        try:
            found: dict[str, Any] = json.loads(self.data.patience.read_bytes())
            return found
        except (OSError, ValueError):
            return {}

    def placed(self) -> int:
        """How many purchases are in their place."""
        return len(list((self.data.inbox / "done").glob("*.job")))

    def attempts(self) -> list[int]:
        """Of each purchase in its place: how many attempts went wrong before."""
        jobs = [json.loads(path.read_bytes()) for path in (self.data.inbox / "done").glob("*.job")]
        return [sum(event.get("what") == "failed" for event in job.get("history", [])) for job in jobs]

    def until(self, holds: Callable[[], bool], within_s: float) -> None:
        """Wait for `holds()`. Raises AssertionError when it does not come."""
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, (self.patience(), self.asked()[-5:], self.placed())
            time.sleep(0.05)
