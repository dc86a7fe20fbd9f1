"""Files that cannot be read as their schema says are put aside, never deleted, and never stop a run."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)


def quarantine(path: Path, now: datetime, problem: str) -> Path | None:
    """Move `path` (a file or a folder) to `quarantine/` beside it, and say so in the log.

    Returns where it lies now; None when it was gone already or cannot be moved (which is logged too).
    """
    try:
        target = put_aside(path, now)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.error("%s cannot be read (%s), and cannot be put aside (%s)", path, problem, error.strerror)
        return None
    log.error("%s cannot be read (%s); it is kept in %s", path, problem, target)
    return target


def put_aside(path: Path, now: datetime | None = None) -> Path:
    """Move it to `quarantine/` beside it, without a word; where it lies now. Raises OSError.

    A crash that undoes the rename leaves what was there, to be put aside again; so nothing is flushed.
    """
    now = now or datetime.now(UTC)
    folder = path.parent / "quarantine"
    if os.path.lexists(folder) and not folder.is_dir():
        folder.rename(folder.with_name(f"quarantine.{now:%Y%m%dT%H%M%S%f}"))
    folder.mkdir(exist_ok=True)
    target = folder / f"{path.name}.{now:%Y%m%dT%H%M%S%f}"
    path.rename(target)
    return target
