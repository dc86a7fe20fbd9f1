"""Trouble of this machine: told from trouble of a purchase or of Bandcamp, and put into words with what mends it."""

import errno
import os
import shutil
from pathlib import Path

from bandcamp_sync.errors import FolderTrouble, LocalTrouble

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FILES = (errno.EMFILE, errno.ENFILE)
#: What a connection to Bandcamp may fail with although Bandcamp is not to blame.
_OURS = (*_NO_ROOM, *_FILES, errno.ENOMEM, errno.EROFS, errno.EIO)


def local_cause(error: BaseException) -> OSError | None:
    """The failure of this machine that lies behind an error (too many open files, a full disk), if one does. Pure."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return None
        if isinstance(seen, OSError) and seen.errno in _OURS:
            return seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return None


def is_unwritable(error: BaseException) -> bool:
    """Whether an error says that a disk takes nothing, full or read-only, rather than that it cannot be used. Pure."""
    cause = local_cause(error)
    return cause is not None and cause.errno in (*_NO_ROOM, errno.EROFS)


def as_trouble(error: OSError, *folders: Path) -> LocalTrouble:
    """The same as one line that says what to do. `folders`: where it may have been, when the error does not say."""
    place = Path(os.fsdecode(error.filename)) if error.filename else None
    if place is not None:  # a file of an album says less than the folder, and each would be news
        place = next((folder for folder in folders if place.is_relative_to(folder)), place)
    if error.errno in _NO_ROOM:
        sentence = f"no room is left on its disk ({error.strerror}); make room, and it goes on by itself"
        return FolderTrouble(place or min(folders, key=_free), sentence)
    if error.errno in _FILES:
        return LocalTrouble(
            "too many open files: raise this process's limit (ulimit -n, LimitNOFILE=, `ulimits:` in Compose); "
            "it goes on by itself"
        )
    where = place or folders[0]
    if error.errno == errno.EROFS:
        return FolderTrouble(
            where, f"cannot be written ({error.strerror}); mount it writable, and it goes on by itself"
        )
    if isinstance(error, PermissionError):
        owner = f"{os.getuid()}:{os.getgid()}"
        return FolderTrouble(where, f"cannot be written ({error.strerror}); run: chown -R {owner} {where}")
    return FolderTrouble(where, f"cannot be used ({error.strerror or type(error).__name__})")


def _free(folder: Path) -> float:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return float("inf")
