"""The stack of a soak: as of the browser tests, and it can be struck by a power cut, and its Bandcamp can go away."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from browser.stack import Stack
from integration.conftest import Home
from standin import StandIn, World

from services.local import crew
from soak import processes

#: Everything that waits, waits for seconds: what takes hours in life takes a minute here.
SETTINGS = {
    "SCRAPE_INTERVAL": "15s",
    "RETRY_BASE": "1s",
    "RETRY_MAX": "8s",
    # Eight attempts are half a day of one file's own trouble in life, and here some seconds of everybody's.
    "MAX_ATTEMPTS": "1000",
    "LEASE": "6s",
    "STALL_TIMEOUT": "3s",
    "WORKERS": "2",
}
RATE = 400_000  # bytes a second of each download, so that there is a middle to be killed in


class Library(Home):
    """Its books and music, as the integration tests look at them."""

    @property
    def music(self) -> Path:
        return self.data / "music"


class SoakStack(Stack):
    """A stack under mischief."""

    def __init__(self, root: Path, world: World, **environ: str) -> None:
        super().__init__(root, world, RATE, **{**SETTINGS, **environ})
        self.library = Library(root, {"MUSIC_DIR": str(root / "data" / "music")})

    def power_cut(self) -> None:
        """Everything is gone at once, and nobody could say a word."""
        assert self._process is not None
        everyone = [self._process.pid, *processes.descendants(self._process.pid)]
        for pid in everyone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        # What was started between the look and the stop is found now, as nobody can start anything any more.
        for pid in {*everyone, *processes.descendants(self._process.pid)}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        if self._reader is not None:
            self._reader.join(5)

    def stop_services(self) -> None:
        """In order."""
        assert self._process is not None
        crew.stop(self._process)
        if self._reader is not None:
            self._reader.join(5)

    def start_services(self) -> None:
        """After a power cut, or a stop in order."""
        self._process = crew.start(self._crew)
        self._reader = threading.Thread(target=self._keep_output, daemon=True)
        self._reader.start()

    def bandcamp_goes_away(self) -> None:
        """Nobody listens there any more, and who was connected is cut off."""
        self.standin.stop()

    def bandcamp_comes_back(self) -> None:
        """At the same address, with the same rules and the same memory."""
        old, deadline = self.standin, time.monotonic() + 30
        while True:
            try:
                # Its address may be an outgoing connection's for a moment.
                new = StandIn(old.world, port=old.port, settings=old.settings)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        new.rules, new.log, new.site, new.control = old.rules, old.log, old.site, old.control
        self.standin = new
        new.start()

    def _keep_output(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with self.output.open("a") as kept:
            for line in process.stdout:
                kept.write(line)
                kept.flush()
