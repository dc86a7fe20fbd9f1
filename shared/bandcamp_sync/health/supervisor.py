"""What supervisord says of its programs, in systemd's words. Pure.

A program is called as its unit, without `.service`; a timer or a path belongs to the loop of its program.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.health.unit import (
    RECONCILE_TIMER,
    RETRY_TIMER,
    SCRAPE_TIMER,
    WORKER_PREFIX,
    Timer,
    Unit,
    about,
    worker_unit,
)

#: supervisord's state (supervisord.org, "Subprocesses"): systemd's active and sub state.
STATES = {
    "STOPPED": ("inactive", "dead"),
    "STARTING": ("activating", "start"),
    "RUNNING": ("active", "running"),
    "BACKOFF": ("activating", "auto-restart"),
    "STOPPING": ("deactivating", "stop-sigterm"),
    "EXITED": ("inactive", "dead"),
    "FATAL": ("failed", "failed"),
}
FATAL = "FATAL"
_NOT_RUNNING = ("EXITED", "BACKOFF", "STOPPED")

#: Which units live and die with a program's loop.
_COMPANIONS: dict[str, tuple[str, ...]] = {
    "bandcamp-sync": (SCRAPE_TIMER,),
    "bandcamp-sync-reconcile": (RECONCILE_TIMER, "bandcamp-sync-reconcile.path", RETRY_TIMER),
}
#: Whose last result is its loop's last run, as the process itself goes on.
_RUNS = {"bandcamp-sync": SCRAPE_TIMER, "bandcamp-sync-reconcile": RECONCILE_TIMER}

#: Wrong settings: another try changes nothing, as a process's environment never changes.
EXIT_SETTINGS = 2
#: A program that was given up is tried again so often: a disk may be mounted meanwhile.
TRY_AGAIN_S = 300.0


@dataclass(frozen=True)
class Process:
    """One program. `state`: supervisord's word. `start`, `stop`: Unix seconds, 0 for never. `pid`: 0 for none."""

    name: str
    state: str
    start: int = 0
    stop: int = 0
    pid: int = 0


@dataclass(frozen=True)
class Exit:
    """How a program ended: `code`, or None when a signal ended it."""

    code: int | None

    @property
    def result(self) -> str:
        """systemd's word."""
        return "signal" if self.code is None else "exit-code" if self.code else "success"


def parse_process(told: Mapping[str, Any]) -> Process:
    """One answer of `getProcessInfo`."""
    return Process(
        name=str(told["name"]),
        state=str(told["statename"]),
        start=int(told["start"]),
        stop=int(told["stop"]),
        pid=int(told["pid"]),
    )


_EXIT = re.compile(r"(?:exited|stopped): (\S+) \((?:exit status (\d+)|terminated by [^;)]*)")


def parse_exits(log_text: str) -> dict[str, Exit]:
    """The last end of each program, from supervisord's own log: it is told nowhere else."""
    return {name: Exit(int(code) if code else None) for name, code in _EXIT.findall(log_text)}


@dataclass(frozen=True)
class Seen:
    """All that is known of the programs of one supervisord. `numbers`: a worker's own number by its place here, as
    several containers share one sequence. `restarts`: by program."""

    processes: Sequence[Process]
    timers: Mapping[str, Timer]
    exits: Mapping[str, Exit]
    restarts: Mapping[str, int]
    numbers: Mapping[int, int]
    source: str


def units_of(seen: Seen) -> list[Unit]:
    """Every unit that these programs are; what is no unit of ours is left out."""
    units: list[Unit] = []
    for process in seen.processes:
        name = _unit_name(process.name, seen.numbers)
        if about(name)[0] is not None:
            units.append(_service(name, process, seen))
            units += [_companion(other, process, seen) for other in _COMPANIONS.get(process.name, ())]
    return units


def _unit_name(program: str, numbers: Mapping[int, int]) -> str:
    place = program.removeprefix(WORKER_PREFIX)
    if place != program and place.isdigit():
        return worker_unit(numbers.get(int(place), int(place)))
    return f"{program}.service"


def _service(name: str, process: Process, seen: Seen) -> Unit:
    service, description = about(name)
    active, sub = STATES.get(process.state, ("unknown", "unknown"))
    ended = seen.exits.get(process.name)
    ended_badly = process.state == "EXITED" and ended is not None and ended.code != 0
    if ended_badly or is_given_up(process, seen.exits):
        active, sub = "failed", "failed"
    run = seen.timers.get(_RUNS.get(process.name, ""))
    return Unit(
        name=name,
        description=description,
        source=seen.source,
        service=service,
        active_state=active,
        sub_state=sub,
        since=_since(process),
        main_pid=process.pid or None,
        restarts=seen.restarts.get(process.name, 0),
        last_result=run.last_result if run is not None and run.last_result else ended.result if ended else None,
    )


def _companion(name: str, process: Process, seen: Seen) -> Unit:
    service, description = about(name)
    timer = seen.timers.get(name, Timer())
    lives = process.state in ("STARTING", "RUNNING")
    return Unit(
        name=name,
        description=description,
        source=seen.source,
        service=service,
        active_state="active" if lives else "inactive",
        sub_state="dead" if not lives else "running" if timer.running else "waiting",
        since=_since(process),
        next_elapse=timer.next_elapse if lives else None,
        last_result=timer.last_result,
    )


def _since(process: Process) -> str | None:
    ended = process.state in ("STOPPED", "EXITED", "BACKOFF", "FATAL")
    at = process.stop if ended and process.stop else process.start
    return rfc3339(datetime.fromtimestamp(at, UTC)) if at else None


def stopped(processes: Iterable[Process], now: int) -> list[Process]:
    """The same programs when their supervisord has ended at `now` (Unix seconds)."""
    return [Process(process.name, "STOPPED", process.start, now) for process in processes]


def is_given_up(process: Process, exits: Mapping[str, Exit]) -> bool:
    """Whether it will not be started again: it died too often at its start, or once of wrong settings."""
    return process.state == FATAL or (process.state in _NOT_RUNNING and _died_of_settings(process, exits))


def is_starting(process: Process) -> bool:
    """Whether it has yet to show that it can live."""
    return process.state in ("STARTING", "BACKOFF", "EXITED")


def to_stop(processes: Iterable[Process], exits: Mapping[str, Exit]) -> list[str]:
    """Programs that supervisord would start again and again, and that cannot live with their settings."""
    return [process.name for process in processes if process.state == "BACKOFF" and _died_of_settings(process, exits)]


def _died_of_settings(process: Process, exits: Mapping[str, Exit]) -> bool:
    return exits.get(process.name, Exit(None)).code == EXIT_SETTINGS


def to_try_again(processes: Iterable[Process], exits: Mapping[str, Exit], now: int) -> list[str]:
    """Programs that supervisord gave up, and that deserve another try by now."""
    return [
        process.name
        for process in processes
        if process.state == FATAL
        and now - process.stop >= TRY_AGAIN_S
        and exits.get(process.name, Exit(None)).code != EXIT_SETTINGS
    ]
