"""The only code that renames, links or fsyncs: a reader never sees half a file, and a written file survives a crash.

A file in the making is called `.<name>.<stamp>.<random>.tmp` and lies beside its place; every lister skips dot files.
The stamp says which process writes it, so that what a killed one left can be told from what is being written.
"""

import ctypes
import errno
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.processes import is_stamp_gone, stamp

TMP_SUFFIX = ".tmp"
#: A file in the making that is older has no writer any more, whoever it was.
ABANDONED = timedelta(hours=1)
#: Who keeps a folder to itself for longer hangs, or was stopped; the others go on without.
_ALONE_WITHIN_S, _LOOK_EVERY_S = 3.0, 0.002
_AT_FDCWD, _RENAME_NOREPLACE, _RENAME_EXCHANGE = -100, 1, 2


def _beside(path: Path) -> Path:
    # The random part keeps two threads that write one file apart; the name is cut so that it never passes 255 bytes.
    stem = path.name.encode()[:180].decode(errors="ignore")
    return path.with_name(f".{stem}.{stamp()}.{secrets.token_hex(4)}{TMP_SUFFIX}")


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable. File systems that cannot fsync a folder (SMB, some FUSE) are tolerated."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Make a finished file's bytes durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_bytes(path: Path, content: bytes, mode: int | None = None, durable: bool = True) -> None:
    """Replace `path` with `content` in one step; makes the folder when it is missing.

    `mode` defaults to what the umask gives; `durable=False` skips the fsync for what is worthless after a crash
    (progress, gauges). Raises OSError, and leaves no temporary file behind then.
    """
    beside = _write_beside(path, content, mode, durable)
    try:
        _rename_over(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def _write_beside(path: Path, content: bytes, mode: int | None, durable: bool) -> Path:
    make_folder(path.parent)
    beside = _beside(path)
    try:
        _write_exclusive(beside, content, mode, durable)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    return beside


def _write_exclusive(path: Path, content: bytes, mode: int | None, durable: bool) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o666), "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def write_text(path: Path, content: str, mode: int | None = None, durable: bool = True) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, content.encode(), mode, durable)


def write_json(path: Path, value: Any, mode: int | None = None, durable: bool = True) -> None:
    """`write_bytes` of JSON that a person can read."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n", mode, durable)


def write_new(path: Path, content: bytes, mode: int | None = None) -> bool:
    """Write `path` only if nothing has that name; False when something has. Safe against other writers (link)."""
    beside = _write_beside(path, content, mode, durable=True)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError:
        # File systems without hard links (exFAT, some SMB shares) rename without replacing. O_EXCL is the last resort:
        # still exclusive, but a reader may see half a file.
        try:
            if not _rename_flagged(beside, path, _RENAME_NOREPLACE):
                _write_exclusive(path, content, mode, durable=True)
        except FileExistsError:
            return False
    finally:
        with suppress(OSError):
            beside.unlink()
    sync_folder(path.parent)
    return True


def move(source: Path, target: Path, replace: bool = True) -> None:
    """Rename within one file system and make both folders durable.

    A file that has the target's name is replaced; with `replace=False` anything that has it is a FileExistsError, and
    nothing has happened then.
    """
    if replace:
        _rename_over(source, target)
    else:
        _rename_new(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> None:
    """Unlink; a file that is gone already is fine."""
    with suppress(FileNotFoundError):
        try:
            path.unlink()
        except IsADirectoryError:
            quarantine(path, datetime.now(UTC), "it is a folder, and a file belongs there")
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make it, and those above it. What is no folder and stands in the way goes to quarantine. Raises OSError.

    A link to a place that is not there stays, and is an error: it may be a disk that is not mounted.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP):
            raise
        in_the_way = next((p for p in (*reversed(folder.parents), folder) if _is_no_folder(p)), None)
        if in_the_way is not None:
            # RACE: of two who find it, the second must not put aside the folder that the first has made by then.
            with alone_in(in_the_way.parent):
                if _is_no_folder(in_the_way):
                    quarantine(in_the_way, datetime.now(UTC), "a folder belongs there")
        folder.mkdir(parents=True, exist_ok=True)


def _is_no_folder(path: Path) -> bool:
    """Whether there is something that is no folder. Raises OSError for a link to nothing."""
    if not os.path.lexists(path) or path.is_dir():
        return False
    try:
        path.stat()
    except FileNotFoundError:
        problem = "it is a link to a place that is not there; is its disk mounted?"
        raise OSError(errno.ENXIO, problem, str(path)) from None
    except OSError as error:
        return error.errno == errno.ELOOP
    return True


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep all others out who ask for the same folder: other processes, and other threads of this one.

    A help and no promise: some file systems have no locks, and a holder that stands still is not waited for longer
    than seconds. So who asks for it again while having it is late, and not stuck.
    """
    fd = None
    try:
        with suppress(OSError):  # a share without locks, no folder yet, too many open files
            fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            _lock(fd)
        yield
    finally:
        if fd is not None:
            os.close(fd)


def _lock(fd: int) -> None:
    until = time.monotonic() + _ALONE_WITHIN_S
    while time.monotonic() < until:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_EVERY_S)
        else:
            return


def _rename_over(source: Path, target: Path) -> None:
    """Rename, in the place of whatever file has that name; a folder in a file's place goes to quarantine."""
    with _naming_the_closed_folder(source, target):
        try:
            source.rename(target)
        except IsADirectoryError:
            quarantine(target, datetime.now(UTC), "it is a folder, and a file belongs there")
            source.rename(target)


def _rename_new(source: Path, target: Path) -> None:
    """Rename where nothing has that name. Raises FileExistsError."""
    with _naming_the_closed_folder(source, target):
        if _rename_flagged(source, target, _RENAME_NOREPLACE):
            return
        # RACE: on file systems that cannot do it in one step, somebody can take the name between these two.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        source.rename(target)


@contextmanager
def _naming_the_closed_folder(source: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        # The system names the file alone, and it is one of the two folders that is closed.
        closed = next((p for p in (target.parent, source.parent) if not os.access(p, os.W_OK | os.X_OK)), source)
        raise PermissionError(error.errno, error.strerror, str(closed)) from None


def _rename_flagged(one: Path, other: Path, flag: int) -> bool:
    """`renameat2`; False where the system or the file system does not know it. Raises OSError."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(flag)) != 0:
        number = ctypes.get_errno()
        if number in (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV):
            return False
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    return True


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders of one file system change places in one step, durably; both must be there.

    False, and nothing has happened, where the system or the file system cannot do that. Raises OSError.
    """
    if not _rename_flagged(one, other, _RENAME_EXCHANGE):
        return False
    sync_folder(other.parent)
    sync_folder(one.parent)
    return True


def leftovers(folder: Path) -> list[Path]:
    """Files in the making in `folder` (not below it), of writers that live and of killed ones."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - some folders hold twenty thousand files
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in names if name.startswith(".") and name.endswith(TMP_SUFFIX)]


def is_abandoned(path: Path, now: datetime, older_than: timedelta = ABANDONED) -> bool:
    """Whether a file in the making has no writer any more.

    A process of this host is known to live or to be gone. Of another host's, or of an older version's file, only age
    tells; nobody takes an hour to write a file.
    """
    writer = path.name.split(".")[-3] if path.name.count(".") >= 4 else ""
    if is_stamp_gone(writer):
        return True
    with suppress(OSError):
        return now.timestamp() - path.lstat().st_mtime > older_than.total_seconds()
    return False


def sweep(folders: Iterable[Path], now: datetime, older_than: timedelta = ABANDONED) -> list[Path]:
    """Remove the abandoned files in the making from these folders (not from below them). What cannot be stays."""
    removed = []
    for folder in folders:
        with suppress(OSError):
            for path in leftovers(folder):
                if is_abandoned(path, now, older_than):
                    path.unlink()
                    removed.append(path)
    return removed
