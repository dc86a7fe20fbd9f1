"""The only code that renames, links or fsyncs: a reader never sees half a file, and a written file survives a crash.

A file in the making is called `.<name>.<random>.tmp` and lies beside its place; every lister skips dot files.
"""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

TMP_SUFFIX = ".tmp"


def _beside(path: Path) -> Path:
    # The random part keeps two writers of one file apart; the name is cut so that it never passes 255 bytes.
    stem = path.name.encode()[:180].decode(errors="ignore")
    return path.with_name(f".{stem}.{secrets.token_hex(6)}{TMP_SUFFIX}")


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
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def _write_beside(path: Path, content: bytes, mode: int | None, durable: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
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
        # File systems without hard links (exFAT, some SMB shares): O_EXCL is the next best, still exclusive.
        try:
            _write_exclusive(path, content, mode, durable=True)
        except FileExistsError:
            return False
    finally:
        with suppress(OSError):
            beside.unlink()
    sync_folder(path.parent)
    return True


def move(source: Path, target: Path) -> None:
    """Rename within one file system and make both folders durable. Replaces a file that has the target's name."""
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> None:
    """Unlink; a file that is gone already is fine."""
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def leftovers(folder: Path) -> list[Path]:
    """Temporary files that a killed writer left in `folder` (not below it)."""
    try:
        return [p for p in folder.iterdir() if p.name.startswith(".") and p.name.endswith(TMP_SUFFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return []
