"""Tidy: what killed processes left in temporary places is removed, and nothing that a live one still writes.

    <any folder>/.<name>.<stamp>.<random>.tmp   a file in the making (`files/atomic.py`)
    state/progress/<key>.json                   a download that runs
    music/.bandcampsync/staging/<key>/          an album in the making; kept for a job that will go on with it
    inbox/{pending,failed}/<key>.job            beside a receipt in `done/`: a job that was finished by another way

A process of this host is known to live or to be gone; of another host's only age tells.
"""

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.library.place import clean_staging, discarded, undo_half_replace
from bandcamp_sync.library.receipts import mend_copies
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.processes import is_gone
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)

_ORPHANED_S = 86400.0
#: In a staging folder: who works on it, as the claim of its job says.
HOLDER = "holder"


def tidy_data(data: DataFolder, cookies_file: Path, spool: Spool, now: datetime) -> None:
    """Tidy the data folder, but for `logs/`, in which nothing is made beside its place."""
    atomic.sweep(_folders_of(data, spool), now)
    with suppress(OSError):
        # The cookies may lie in a folder of the user's, where other programs have their own files in the making.
        for path in atomic.leftovers(cookies_file.parent):
            if path.name.startswith(f".{cookies_file.name}.") and atomic.is_abandoned(path, now):
                path.unlink()
    for path in _listed(data.progress):
        # RACE: a job that was handed back and claimed anew just now shows its progress again half a second later.
        if path.suffix == ".json" and not spool.path(State.IN_PROGRESS, path.stem).exists():
            with suppress(OSError):
                path.unlink()
    for state in (State.PENDING, State.FAILED):
        for key in spool.keys(state):
            # RACE: looked at in this order, a job that is in both was finished since, or has always been.
            done = spool.read(State.DONE, key) if spool.path(State.DONE, key).exists() else None
            if done is not None and done.receipt is not None:
                log.info("%s has a receipt, and needs no job beside it", done.label)
                atomic.remove(spool.path(state, key))


def tidy_music(music: MusicFolder, spool: Spool, now: datetime, books_whole: bool) -> None:
    """Tidy our corner of the music folder, as far as it can be written.

    `books_whole`: every purchase that is wanted has its job, so a staging folder without one is nobody's; else it is
    kept for a day, as its job may only be lost, and will be found again.
    """
    atomic.sweep([music.own, music.receipts], now)
    with suppress(OSError):
        mend_copies(music, spool.keys(State.DONE), lambda key: spool.read(State.DONE, key), now)
    for folder in _listed(music.staging):
        atomic.sweep((Path(inner) for inner, _, _ in os.walk(folder)), now)
        if discarded(folder):
            clean_staging(music, folder.name)
            continue
        found = spool.find(folder.name) if is_key(folder.name) else None
        if found is None:
            if _is_nobodys(folder, now, books_whole):
                clean_staging(music, folder.name)
        elif found[0] is State.DONE:
            with suppress(OSError):
                if found[1].receipt is not None:
                    undo_half_replace(music, folder.name, found[1].receipt.folder)
                clean_staging(music, folder.name)


def _is_nobodys(folder: Path, now: datetime, books_whole: bool) -> bool:
    try:
        holder = (folder / HOLDER).read_text(errors="replace")
    except OSError:
        holder = ""
    with suppress(OSError):
        is_old = now.timestamp() - folder.stat().st_mtime > _ORPHANED_S
        return is_old or (books_whole and is_gone(holder.strip().rpartition(":")[0]))
    return False


def _folders_of(data: DataFolder, spool: Spool) -> Iterable[Path]:
    yield from (data.root, data.config, data.drop, data.control, data.health, data.debug, data.covers, data.state)
    yield from (data.actions, data.alarms, data.timers, data.progress, data.throughput)
    yield from map(spool.folder, State)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
