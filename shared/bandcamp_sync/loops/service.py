"""What the three loops share: logging, signals, and a patient way with trouble."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BandcampSyncError, LocalTrouble, SettingInvalid, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.folders import make_folders
from bandcamp_sync.health.timers import Timetable
from bandcamp_sync.health.unit import Timer
from bandcamp_sync.logs.setup import set_up_logging
from bandcamp_sync.loops.alive import BeatingClock
from bandcamp_sync.machine import as_trouble
from bandcamp_sync.paths import DataFolder, data_folder
from bandcamp_sync.processes import leave_no_core
from bandcamp_sync.settings import Settings
from bandcamp_sync.signals import call_at

log = logging.getLogger(__name__)


def serve(loop: Callable[[Settings], None]) -> int:
    """A service's whole life: settings from the environment, then `loop` until it is told to end. The exit code."""
    try:
        loop(Settings.from_environment(os.environ))
    except SettingInvalid as error:
        print(f"bandcampsync: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 2
    except LocalTrouble as error:
        print(f"bandcampsync: {error}", file=sys.stderr)  # noqa: T201
        return 5
    return 0


def prepare(name: str, settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[DataFolder, Clock]:
    """Umask, folders, logging and signals of a process called `name`; its clock is stopped by SIGTERM and SIGINT.

    Raises FolderTrouble.
    """
    leave_no_core()
    if settings.umask is not None:
        os.umask(settings.umask)
    data = data_folder(settings)
    make_folders(data)
    set_up_logging(name, settings.log_level, data.logs, console=True)
    alive = environ.get("ALIVE_FILE")
    clock = BeatingClock(Path(alive) if alive else None)

    call_at((signal.SIGTERM, signal.SIGINT), clock.stop)
    return data, clock


def run_service(
    name: str, settings: Settings, loop: Callable[[DataFolder, Clock], None], environ: Mapping[str, str] = os.environ
) -> None:
    """Run `loop` until SIGTERM or SIGINT. What it raises ends the process, so that its supervisor starts it anew."""
    data, clock = prepare(name, settings, environ)
    log.info("the %s is up", name)
    try:
        loop(data, clock)
    except Stopped:
        log.info("the %s ends, as it was asked to", name)
    except Exception:
        log.exception("the %s ends unexpectedly", name)
        raise


class Troubles:
    """Tells a trouble once when it begins, and once when it is over; counts how often it came in a row."""

    def __init__(self) -> None:
        self._told: str | None = None
        self.in_a_row = 0

    def begin(self, error: BandcampSyncError | OSError) -> None:
        """It did not go well; one line when this is news."""
        self.in_a_row += 1
        kind = f"{type(error).__name__} {getattr(error, 'errno', '')}"
        if kind != self._told:
            self._told = kind
            log.warning("waiting: %s", as_trouble(error, Path()) if isinstance(error, OSError) else error)

    def over(self) -> None:
        """It went well."""
        if self._told is not None:
            log.info("going on: the trouble is over")
        self._told, self.in_a_row = None, 0


def tell_timers(timetable: Timetable, timers: Mapping[str, Timer]) -> None:
    """Leave a loop's timers for who publishes them; a full disk is no reason to end."""
    try:
        timetable.tell(timers)
    except OSError as error:
        log.debug("the timers are not written: %s", error.strerror)


def write_state(path: Path, value: object) -> None:
    """Publish what others may look at; a full disk is no reason to end."""
    try:
        atomic.write_json(path, value, durable=False)
    except OSError as error:
        log.debug("%s is not written: %s", path, error.strerror)
