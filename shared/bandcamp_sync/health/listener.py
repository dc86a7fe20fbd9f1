"""supervisord's event listener: publishes its programs as units, and gives up on none of them for ever.

    python -m bandcamp_sync.health.listener --name scraper --source container --run /tmp

It needs DATA_DIR. In the `--run` folder it leaves `unwell`, a line for each thing that is wrong, as long as a program
is given up or has yet to show that it can live; and it touches `alive/listener`. Both are what a container's health
check looks at. Light on purpose: it runs in every container.
"""

import argparse
import os
import re
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor import childutils

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.health.numbers import Numbers
from bandcamp_sync.health.publish import publish
from bandcamp_sync.health.supervisor import (
    Exit,
    Process,
    Seen,
    is_given_up,
    is_starting,
    parse_exits,
    parse_process,
    stopped,
    to_stop,
    to_try_again,
    units_of,
)
from bandcamp_sync.health.timers import read_timers
from bandcamp_sync.health.unit import WORKER_PREFIX, Unit
from bandcamp_sync.processes import identity

#: A reader calls a source stale after 90 s.
_RENEW_EVERY_S = 20.0
_SILENT_S = 90.0
_AT_WORK = ("active", "activating")
_LOOK_EVERY_S = 0.5
_LOG_BYTES = 16_384
#: A start that nobody asked for is a restart.
_BY_ITSELF = ("EXITED", "BACKOFF", "FATAL")


class Ended(Exception):
    """supervisord tells this listener to end."""


@dataclass(frozen=True)
class Place:
    """Where to publish: `health/<name>.json` in `data`; `source` is `container` or `host`."""

    data: Path
    run: Path
    name: str
    source: str

    @property
    def health(self) -> Path:
        """Where units are published."""
        return self.data / "health"


class Listener:
    """Publishes what supervisord tells, when it is news and every now and then. `ask`: supervisord's own API."""

    def __init__(self, place: Place, ask: Any, publisher: str, clock: Callable[[], float] = time.time) -> None:
        self.place, self._ask, self._publisher, self._clock = place, ask, publisher, clock
        self._numbers = Numbers(place.data / "state" / "numbers")
        self._own: dict[int, int] = {}
        self._restarts: Counter[str] = Counter()
        self._processes: list[Process] = []
        self._told: list[Unit] = []
        self._told_at = 0.0
        self._name = place.name
        self._restarts_path = place.run / "restarts.json"
        self._seen_timers: object = None

    def notice(self, event: str, headers: Mapping[str, str]) -> None:
        """A change of a program's state, or a tick. Publishes what is news."""
        if event == "PROCESS_STATE_STARTING" and headers.get("from_state") in _BY_ITSELF:
            self._restarts[headers["processname"]] += 1
            counted = {"publisher": self._publisher, "restarts": self._restarts}
            atomic.write_json(self._restarts_path, counted, durable=False)
        self.look()

    def look(self) -> None:
        """Ask supervisord, and publish when something changed or the last time is long ago."""
        self._processes = [parse_process(told) for told in self._ask.getAllProcessInfo()]
        exits = parse_exits(self._ask.readLog(-_LOG_BYTES, 0))
        # First what needs no data folder: that may be what is wrong.
        self._show_unwell(exits)
        for name in to_stop(self._processes, exits):
            with suppress(Fault):
                self._ask.stopProcess(name, False)
        for name in to_try_again(self._processes, exits, int(self._clock())):
            with suppress(Fault):
                self._ask.startProcess(name, False)
        self._number_workers()
        self._publish(Seen(self._processes, self._timers(), exits, self._restarts, self._own, self.place.source))

    def look_at_timers(self) -> None:
        """Publish what the loops say of their timers, when it is news; supervisord is not asked."""
        if self._timers_mark() != self._seen_timers and self._processes:
            self.look()

    def end(self) -> None:
        """Say that everything has ended. A worker that others go on without leaves nothing behind."""
        self._processes = stopped(self._processes, int(self._clock()))
        # Of several that end at once each sees how the others left it, so that the last one stays to be seen.
        with self._numbers.one_at_a_time():
            if self._own and self._others_work():
                self._file(self._name).unlink(missing_ok=True)
                return
            self._publish(Seen(self._processes, self._timers(), {}, self._restarts, self._own, self.place.source))

    def renew(self) -> None:
        """Give a sign of life to the health check."""
        alive = self.place.run / "alive" / "listener"
        alive.parent.mkdir(parents=True, exist_ok=True)
        alive.touch()

    def carry_on(self) -> None:
        """Count restarts on from where a listener of the same supervisord ended."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            before = read_json(self._restarts_path)
            if before["publisher"] == self._publisher:
                self._restarts = Counter(before["restarts"])

    # --- what it knows -----------------------------------------------------------------------------------------------

    def _timers(self) -> dict[str, Any]:
        self._seen_timers = self._timers_mark()
        return dict(read_timers(self.place.data / "state" / "timers"))

    def _timers_mark(self) -> object:
        try:
            folder = self.place.data / "state" / "timers"
            return tuple((entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(folder) if entry.name[0] != ".")
        except OSError:
            return None

    def _number_workers(self) -> None:
        """Give every worker program here a number that no other container's worker has, and keep it."""
        # Where `state/` was deleted another may have taken a number of ours meanwhile; then it gets a new one.
        lost = self._numbers.hold_on()
        self._own = {place: number for place, number in self._own.items() if number not in lost}
        places = [name.removeprefix(WORKER_PREFIX) for process in self._processes if (name := process.name)]
        new = [int(place) for place in places if place.isdigit() and int(place) not in self._own]
        if not new:
            return
        self._own |= dict(zip(sorted(new), self._numbers.take(len(new)), strict=False))
        if self.place.name == "worker":
            self._name = f"worker-{min(self._own.values())}"
            self._forget_gone(older_than_s=0.0)

    def _other_workers(self) -> list[Path]:
        return [path for path in self.place.health.glob("worker-*.json") if path != self._file(self._name)]

    def _forget_gone(self, older_than_s: float) -> None:
        """Forget workers of containers that are no more: nobody holds their numbers."""
        for path in self._other_workers():
            number = re.fullmatch(r"worker-(\d+)\.json", path.name)
            with suppress(FileNotFoundError):
                old = self._clock() - path.stat().st_mtime >= older_than_s
                if number and old and self._numbers.is_free(int(number[1])):
                    path.unlink()

    def _others_work(self) -> bool:
        return any(_is_at_work(path, self._clock()) for path in self._other_workers())

    # --- what it leaves ----------------------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        return self.place.health / f"{name}.json"

    def _publish(self, seen: Seen) -> None:
        units, now = units_of(seen), self._clock()
        if units == self._told and 0 <= now - self._told_at < _RENEW_EVERY_S:
            return
        publish(self.place.health, self._name, units, datetime.fromtimestamp(now, UTC), self._publisher)
        self._told, self._told_at = units, now
        if self.place.name == "worker":
            self._forget_gone(older_than_s=_SILENT_S)

    def _show_unwell(self, exits: Mapping[str, Exit]) -> None:
        given_up = [process.name for process in self._processes if is_given_up(process, exits)]
        starting = [p.name for p in self._processes if is_starting(p) and p.name not in given_up]
        told = [("given up", given_up), ("not running yet", starting)]
        lines = [f"{what}: {' '.join(names)}\n" for what, names in told if names]
        path = self.place.run / "unwell"
        if lines:
            path.write_text("".join(lines))
        else:
            path.unlink(missing_ok=True)


def _is_at_work(path: Path, now: float) -> bool:
    """Whether what was published there is fresh, and tells of a program that runs."""
    try:
        units = read_json(path)["units"]
        return now - path.stat().st_mtime < _SILENT_S and any(u["active_state"] in _AT_WORK for u in units)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def listen(listener: Listener) -> None:
    """Follow supervisord's events until told to end. A disk that takes no file for a while is waited out."""
    while True:
        childutils.listener.ready()
        while not select.select([sys.stdin], [], [], _LOOK_EVERY_S)[0]:
            _try(listener.look_at_timers)
        line = sys.stdin.readline()
        if not line:
            raise Ended
        headers = childutils.get_headers(line)
        payload = sys.stdin.read(int(headers["len"]))
        about = childutils.get_headers(payload) if headers["eventname"].startswith("PROCESS_STATE") else {}
        _try(lambda: listener.notice(headers["eventname"], about))  # noqa: B023 - called at once
        _try(listener.renew)
        childutils.listener.ok()


def _try(deed: Callable[[], None]) -> None:
    try:
        deed()
    except (OSError, Fault) as error:
        # Its own words go to supervisord's output; the programs' health must not hang on this one's.
        sys.stderr.write(f"health: not published ({type(error).__name__}: {error})\n")


def main(words: list[str] | None = None) -> int:
    """Be supervisord's event listener; the exit code."""
    parser = argparse.ArgumentParser(prog="bandcamp_sync.health.listener")
    parser.add_argument("--name", required=True, help="publish in health/NAME.json")
    parser.add_argument("--source", choices=("container", "host"), default="container")
    parser.add_argument("--run", type=Path, default=Path("/tmp"), help="where the signs of life are left")
    given = parser.parse_args(words)
    # What it publishes is as open as all else. A value that is none is complained of by the programs themselves.
    with suppress(ValueError):
        os.umask(int(os.environ.get("UMASK", ""), 8))
    supervisord: ServerProxy = childutils.getRPCInterface(os.environ)
    place = Place(Path(os.environ["DATA_DIR"]), given.run, given.name, given.source)
    listener = Listener(place, supervisord.supervisor, identity(os.getppid()))

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    signal.signal(signal.SIGTERM, end)
    try:
        listener.carry_on()
        listen(listener)
    except (Ended, KeyboardInterrupt):
        _try(listener.end)
    return 0


if __name__ == "__main__":
    sys.exit(main())
