"""Placing an album: it appears in the music folder whole, by one rename, or not at all."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bandcamp_sync.files import atomic
from bandcamp_sync.library.names import with_key
from bandcamp_sync.paths import MusicFolder

log = logging.getLogger(__name__)

_OLD = "replaced"


def place(
    music: MusicFolder, staged: Path, folder: str, key: str, own: str | None, announce: Callable[[str], None]
) -> str:
    """Rename the `staged` folder to `folder` (relative); where that is taken, to `folder [key]`. Returns where it is.

    `own`: the folder that this purchase has already; it is replaced, and stays until the new one is in place.
    `announce` is called with the folder before each rename, so that a crash right after it can be understood.
    Raises OSError when neither name is free.
    """
    if own is not None:
        announce(own)
        _replace(music, staged, own, key)
        return own
    for wanted in (folder, with_key(folder, key)):
        target = music.root / wanted
        target.parent.mkdir(parents=True, exist_ok=True)
        # RACE: the rename itself refuses a folder that has content, so of two workers with one name one gets it.
        if target.exists() and not _empty(target):
            continue
        announce(wanted)
        try:
            atomic.move(staged, target)
        except OSError:
            if target.exists() and not _empty(target):
                continue
            raise
        atomic.sync_folder(target.parent.parent)
        return wanted
    raise FileExistsError(f"{folder} and its other name are both taken")


def _replace(music: MusicFolder, staged: Path, own: str, key: str) -> None:
    target, old = music.root / own, music.staging / key / _OLD
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        if old.exists():
            shutil.rmtree(old)
        old.parent.mkdir(parents=True, exist_ok=True)
        atomic.move(target, old)
    atomic.move(staged, target)
    shutil.rmtree(old, ignore_errors=True)


def undo_half_replace(music: MusicFolder, key: str, own: str) -> None:
    """After a crash between the two renames of a replacement: the old album goes back to its place."""
    old, target = music.staging / key / _OLD, music.root / own
    if old.exists() and not target.exists():
        log.info("the old album of %s is put back", key)
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.move(old, target)


def _empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)  # noqa: PTH208
    except OSError:
        return False


def clean_staging(music: MusicFolder, key: str) -> None:
    """Remove what a finished purchase left in staging."""
    shutil.rmtree(music.staging / key, ignore_errors=True)
