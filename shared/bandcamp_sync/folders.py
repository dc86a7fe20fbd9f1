"""The folders of the data folder: made where they are missing, and put right where something else has their name."""

import os

from bandcamp_sync.errors import FolderTrouble
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State


def make_folders(data: DataFolder) -> None:
    """Make what every stage writes to. What is no folder and has such a name goes to quarantine. Idempotent.

    Raises FolderTrouble, which says what to do.
    """
    always = (data.control, data.state, data.logs, data.progress, data.health)
    # These are made by whoever needs them; `config/` may be covered, where nothing can be made.
    later = (data.config, data.inbox, data.drop, data.covers, data.debug, data.actions, data.alarms, data.timers)
    states = (data.inbox / state.value for state in State)
    try:
        data.root.mkdir(parents=True, exist_ok=True)
        for folder in (*always, *(folder for folder in (*later, *states, data.throughput) if os.path.lexists(folder))):
            atomic.make_folder(folder)
    except OSError as error:
        raise not_a_folder(data, error) from error


def not_a_folder(data: DataFolder, error: OSError) -> FolderTrouble:
    """The error of a data folder that cannot be used as one, with what mends it."""
    place = error.filename or str(data.root)
    if not isinstance(error, PermissionError):
        return FolderTrouble(place, f"cannot be written ({error.strerror})")
    uid, gid = os.getuid(), os.getgid()
    remedy = f"cannot be written ({error.strerror}); run: chown -R {uid}:{gid} {data.root}"
    return FolderTrouble(place, f"{remedy} (for containers: on your data folder; or set PUID and PGID to its owner)")
