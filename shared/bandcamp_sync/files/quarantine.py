"""Files that cannot be read as their schema says are put aside, never deleted, and never stop a run."""

import logging
from datetime import datetime
from pathlib import Path

from bandcamp_sync.files import atomic

log = logging.getLogger(__name__)


def quarantine(path: Path, now: datetime, problem: str) -> Path | None:
    """Move `path` (a file or a folder) to `quarantine/` beside it, and say so in the log.

    Returns where it lies now; None when it was gone already or cannot be moved (which is logged too).
    """
    folder = path.parent / "quarantine"
    target = folder / f"{path.name}.{now:%Y%m%dT%H%M%S%f}"
    try:
        folder.mkdir(exist_ok=True)
        atomic.move(path, target)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.error("%s cannot be read (%s), and cannot be put aside (%s)", path, problem, error.strerror)
        return None
    log.error("%s cannot be read (%s); it is kept in %s", path, problem, target)
    return target
