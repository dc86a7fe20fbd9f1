"""Where a stage is killed: a user's folders, a stand-in Bandcamp, and the process that runs the stages."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bandcamp_sync.paths import DataFolder, MusicFolder
from standin import StandIn, World

from crash.forker import LONGEST_S
from crash.tracer import Traced, from_json


class Place:
    """A data folder, a music folder, a stand-in, and stages run over them: whole, or killed at a step."""

    def __init__(self, root: Path, standin: StandIn, forker: "subprocess.Popen[str]") -> None:
        self.root, self.standin, self._forker = root, standin, forker
        self.home, self.output = root / "home", root / "output.txt"
        self.data, self.music = DataFolder(self.home / "data"), MusicFolder(self.home / "music")
        self.settings: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What the stages are started with. A retry is due almost at once; a lease outlasts every test."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.root),
            "DATA_DIR": str(self.data.root),
            "MUSIC_DIR": str(self.music.root),
            "BANDCAMP_BASE_URL": self.standin.url,
            "REQUEST_INTERVAL": "1ms",
            "MIN_FREE_SPACE": "1M",
            "RETRY_BASE": "1ms",
            **self.settings,
        }

    def run(self, *arguments: str, what: str = "command") -> int:
        """Run a command to its end; its exit code."""
        code = self._ask(what, arguments, None, False, traced=False).code
        assert code is not None
        return code

    def kill(
        self, arguments: tuple[str, ...], kill_at: int | str | None, half: bool = False, what: str = "command"
    ) -> Traced:
        """Run a command and kill it before that step; None: count its steps."""
        return self._ask(what, arguments, kill_at, half, traced=True)

    def _ask(
        self, what: str, arguments: tuple[str, ...], kill_at: int | str | None, half: bool, traced: bool
    ) -> Traced:
        request = {
            "what": what,
            "arguments": arguments,
            "environment": self.environment,
            "output": str(self.output),
            # Log lines are no step: a log may lack its end, and nothing is made from it.
            "folders": [str(self.data.root), str(self.music.root)] if traced else [],
            "ignored": [str(self.data.logs)],
            "kill_at": kill_at,
            "half": half,
        }
        assert self._forker.stdin is not None and self._forker.stdout is not None
        began = time.monotonic()
        self._forker.stdin.write(json.dumps(request) + "\n")
        self._forker.stdin.flush()
        # What hangs dumps its stacks and ends; should even that hang, it is not waited for.
        answers = select.select([self._forker.stdout], [], [], LONGEST_S + 30)[0]
        if not answers or time.monotonic() - began > LONGEST_S:
            raise AssertionError(f"{what} {arguments} hung, {kill_at=}: {self.output.read_text()[-20_000:]}")
        return from_json(json.loads(self._forker.stdout.readline()))

    def keep(self, name: str) -> None:
        """Remember the folders as they are now."""
        shutil.copytree(self.home, self.root / f"kept-{name}", symlinks=True)

    def bring_back(self, name: str) -> None:
        """Make the folders what they were."""
        shutil.rmtree(self.home)
        shutil.copytree(self.root / f"kept-{name}", self.home, symlinks=True)

    def bytes_fetched(self) -> Counter[str]:
        """Bytes of files that the stand-in sent since this was last asked, by purchase."""
        sent: Counter[str] = Counter()
        for entry in self.standin.log.entries(kind="file"):
            sent[entry.key or ""] += entry.bytes_sent
        self.standin.log.clear()
        return sent


@contextmanager
def place(root: Path, world: World) -> Iterator[Place]:
    """A place with a stand-in for this world; its cookies are there already."""
    tests = Path(__file__).resolve().parent.parent
    python_path = os.pathsep.join((str(tests.parent / "shared"), str(tests)))
    environment = {**os.environ, "PYTHONPATH": python_path}
    with (
        StandIn(world) as standin,
        subprocess.Popen(
            [sys.executable, "-m", "crash.forker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        ) as forker,
    ):
        one = Place(root, standin, forker)
        one.data.config.mkdir(parents=True)
        one.music.root.mkdir()
        standin.write_cookies(one.data.config / "cookies.txt")
        (one.data.config / "cookies.txt").chmod(0o600)
        try:
            yield one
        finally:
            forker.kill()
