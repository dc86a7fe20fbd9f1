"""The short forms of the stages, for a host whose systemd has the timers: one look, one deed, an exit code.

A loop asks its questions twice a second; these ask them once, whenever a timer elapses or a path changes, and end.
"""

import logging
import os
import sys
from collections.abc import Callable

from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BandcampSyncError, Stopped, exit_code
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.loops.service import prepare
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

log = logging.getLogger(__name__)

EXIT_LOCAL_TROUBLE = 5

Deed = Callable[[Settings, DataFolder, Clock], int]


def run_once(service: str, deed: Deed) -> int:
    """Do `deed` with the settings of the environment, logging as `service`. The exit code, as the README has them.

    Being told to end is no failure: what was begun is done by the next run.
    """
    try:
        settings = Settings.from_environment(os.environ)
        data, clock = prepare(service, settings)
        return deed(settings, data, clock)
    except Stopped:
        return 0
    except (BandcampSyncError, OSError) as error:
        say(str(error))
        return code_of(error)
    except Exception:
        log.exception("the %s ends unexpectedly", service)
        raise


def code_of(error: BandcampSyncError | OSError) -> int:
    """The exit code of what a deed could not get past."""
    return exit_code(error) if isinstance(error, BandcampSyncError) else EXIT_LOCAL_TROUBLE


def say(sentence: str) -> None:
    """One line for the journal alone: the log file was told when it happened."""
    sys.stderr.write(f"bandcampsync: {redact(sentence)}\n")
