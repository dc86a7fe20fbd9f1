"""Placing an album: it appears in the music folder whole, by one rename, or not at all."""

import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bandcamp_sync.files import atomic
from bandcamp_sync.library.names import with_key
from bandcamp_sync.paths import MusicFolder

log = logging.getLogger(__name__)

_OLD, _DISCARDED = "replaced", ".discarded"
#: In a staging folder: begins the name of a folder in which one release is fetched. `r0`, `r1`... are such folders of
#: former versions, which numbered the releases.
RELEASE = "r-"
_FETCHED = re.compile(rf"{RELEASE}.+|r\d+|stream")


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
        if atomic.exchange(staged, target):
            shutil.rmtree(staged, ignore_errors=True)  # the old album by now
            return
        # A file system that cannot exchange: for a moment there is neither, and a crash then is undone later.
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


def clean_fetched(music: MusicFolder, key: str) -> None:
    """Remove what was fetched of a purchase that is given up, but nothing by which a half placement is understood."""
    folder = music.staging / key
    for path in list(folder.glob("*")):
        if _FETCHED.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)
    if (folder / "album").exists():
        # It was not placed, so what was announced of its place is void.
        (folder / "receipt.json").unlink(missing_ok=True)
        shutil.rmtree(folder / "album", ignore_errors=True)
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {"holder"}:
            clean_staging(music, key)


def clean_staging(music: MusicFolder, key: str) -> None:
    """Remove what a finished purchase left in staging; also what another such cleaning was cut off at."""
    folder = music.staging / key
    if not discarded(folder):
        # Out of the way first, by one step: whoever works on this purchase from now on has a folder of its own.
        aside = folder.with_name(f"{key}.{secrets.token_hex(4)}{_DISCARDED}")
        try:
            folder.rename(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            log.debug("%s is not removed (%s)", folder, error.strerror)
            return
        folder = aside
    shutil.rmtree(folder, ignore_errors=True)


def discarded(folder: Path) -> bool:
    """Whether something in staging is only there to be removed."""
    return folder.name.endswith(_DISCARDED)
