"""One user's household: the loops as real processes over a stand-in Bandcamp, with settings that make waits short.

It plays supervisord as well: what dies is started again. A loop that ended without being told to is remembered in
`ended`, as no fault may end one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from standin import StandIn, World
from standin.requestlog import Entry

from faults.mounts import Mounts
from faults.shifted import write_shift

ROOT = Path(__file__).resolve().parents[2]
_LOOK_EVERY_S = 0.1
#: A last resort, for a machine that stands still; every wait is for a condition.
_AT_MOST_S = 200.0
_STOP_WITHIN_S = 20.0
LOOPS = ("scraper", "reconciler", "worker-1", "worker-2", "worker-3")

QUICK = {
    "REQUEST_INTERVAL": "20ms",
    "RETRY_BASE": "1s",
    "RETRY_MAX": "4s",
    "STALL_TIMEOUT": "2s",
    "MIN_FREE_SPACE": "1M",
    "LEASE": "30s",
    "WORKERS": "3",
}


class TooLong(AssertionError):
    """What was waited for did not come."""


@dataclass
class Member:
    """One loop's process, and where its output goes."""

    name: str
    process: "subprocess.Popen[bytes]"
    output: Path


class Household:
    """Use as a context manager: the stand-in serves inside it, the loops run from `start` on."""

    def __init__(self, root: Path, world: World, settings: dict[str, str], mounts: Mounts | None = None) -> None:
        self.root, self.world, self.mounts = root, world, mounts
        self.data, self.music = root / "data", root / "music"
        self.cookies = self.data / "config" / "cookies.txt"
        self.settings = {**QUICK, **settings}
        self.obey_permissions = False
        self.clock: Path | None = None
        self.members: dict[str, Member] = {}
        self.ended: list[str] = []
        self.told_to_end: set[str] = set()
        self._logs: list[list[Entry]] = []
        self.standin = StandIn(world)
        self.told: Any = None
        self._tending = threading.Lock()

    def __enter__(self) -> "Household":
        for folder in (self.cookies.parent, self.music, self.root / "output"):
            folder.mkdir(parents=True)
        self.standin.start()
        self.settings.setdefault("BANDCAMP_BASE_URL", self.standin.url)
        self.renew_cookies()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.standin.stop()

    # --- the loops ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every loop."""
        for name in LOOPS:
            self._start(name)

    def _start(self, name: str) -> None:
        options = ["--mounts", str(self.mounts.pid)] if self.mounts else []
        options += ["--obey-permissions"] if self.obey_permissions else []
        options += ["--clock", str(self.clock)] if self.clock else []
        service = name.partition("-")[0]
        here = [str(Path(__file__).with_name("launch.py")), service, *options]
        command = [sys.executable, *(here if options else ["-m", f"services.{service}.start"])]
        output = self.root / "output" / f"{name}.txt"
        with output.open("ab") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        self.members[name] = Member(name, process, output)

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "PLAYWRIGHT_BROWSERS_PATH")
        base = {name: value for name, value in os.environ.items() if name in kept}
        paths = f"{ROOT}{os.pathsep}{ROOT / 'shared'}"
        return {**base, "PYTHONPATH": paths, "DATA_DIR": str(self.data), "MUSIC_DIR": str(self.music), **self.settings}

    def tend(self) -> None:
        """Start again what died, as supervisord would."""
        with self._tending:
            for name, member in list(self.members.items()):
                if (code := member.process.poll()) is not None:
                    if name in self.told_to_end:
                        self.told_to_end.discard(name)
                    else:
                        self.ended.append(f"{name} ended by itself ({code})")
                    self._start(name)

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again at the next look."""
        self.told_to_end.add(name)
        self.members[name].process.kill()
        self.members[name].process.wait()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a loop."""
        self.members[name].process.send_signal(number)

    def stop(self) -> None:
        """End every loop in order."""
        members, self.members = list(self.members.values()), {}
        for member in members:
            for number in (signal.SIGCONT, signal.SIGTERM):
                with suppress(ProcessLookupError):
                    member.process.send_signal(number)
        for member in members:
            try:
                member.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
                self.ended.append(f"{member.name} did not end when asked to")

    # --- Bandcamp ----------------------------------------------------------------------------------------------------

    def renew_cookies(self) -> None:
        """Write cookies that log in, as a person does who exports them anew."""
        place = self.seen(self.cookies)
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = self.standin.write_cookies(place.with_name(".new"))
        beside.chmod(0o600)
        beside.replace(place)

    def close_bandcamp(self) -> None:
        """Nothing listens any more; the connections that are open break."""
        self._logs.append(self.standin.log.entries())
        self.standin.stop()

    def open_bandcamp(self) -> None:
        """It is back, at the same port, with the same purchases."""
        self.standin = StandIn(self.world, port=self.standin.port, settings=self.standin.settings).start()

    def requests(self) -> list[Entry]:
        """Every request so far, covers for the dashboard apart: those are fetched between times, and are a bonus."""
        every = [entry for log in self._logs for entry in log] + self.standin.log.entries()
        return [entry for entry in every if entry.kind != "art"]

    # --- looking and waiting -----------------------------------------------------------------------------------------

    def seen(self, path: Path) -> Path:
        """A path of the household, as it is found from outside its private mounts."""
        return self.mounts.seen(path) if self.mounts else path

    def jobs(self, state: str) -> list[dict[str, Any]]:
        """The jobs in a folder of the inbox; one that moves away meanwhile is left out."""
        found = []
        for path in self.seen(self.data / "inbox" / state).glob("*.job"):
            with suppress(OSError, ValueError):
                found.append(json.loads(path.read_text()))
        return found

    def count(self, state: str) -> int:
        """How many jobs lie in a folder of the inbox."""
        return len(list(self.seen(self.data / "inbox" / state).glob("*.job")))

    def outputs(self) -> list[Path]:
        """The files that the loops' output goes to, one a loop."""
        return sorted((self.root / "output").glob("*.txt"))

    def said(self) -> str:
        """Everything that the loops said."""
        return "\n".join(path.read_text(errors="replace") for path in self.outputs())

    def staged(self) -> list[Path]:
        """What lies in the staging folder, file by file."""
        try:
            return [path for path in self.seen(self.music / ".bandcampsync" / "staging").rglob("*") if path.is_file()]
        except OSError:
            return []

    def until(self, what: str, is_so: Callable[[], object], within_s: float = _AT_MOST_S) -> None:
        """Wait for a condition. Raises TooLong."""
        deadline = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > deadline:
                raise TooLong(f"waited {within_s:.0f} s in vain: {what}")
            self.tend()
            time.sleep(_LOOK_EVERY_S)

    def until_under_way(self) -> None:
        """Wait until an album has arrived and others are on their way."""
        self.until("a first album", lambda: self.count("done") >= 1)
        self.until("downloads", lambda: any(path.stat().st_size for path in self.staged() if path.exists()))

    def until_said(self, pattern: str) -> None:
        """Wait until a loop says something like this."""
        self.until(f"a line like {pattern!r}", lambda: re.search(pattern, self.said()))

    def for_seconds(self, seconds: float) -> None:
        """Let a trouble last."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tend()
            time.sleep(_LOOK_EVERY_S)

    def shift_clock(self, hours: float) -> None:
        """Set every loop's clock so many hours off the machine's."""
        assert self.clock is not None
        write_shift(self.clock, hours * 3600)
