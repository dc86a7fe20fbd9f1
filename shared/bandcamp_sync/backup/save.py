"""Saves the books while everything runs: a job that moves meanwhile is in the archive exactly once."""

import io
import os
import secrets
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from bandcamp_sync import __version__
from bandcamp_sync.backup.archive import FILE_LIMIT, LIMIT, MANIFEST, QUARANTINE, Manifest
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import FolderTrouble
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import SUFFIX, Spool

_WAY = (State.PENDING, State.IN_PROGRESS, State.FAILED, State.DONE)


def save_backup(data: DataFolder, path: Path, clock: Clock) -> Manifest:
    """Write the archive to `path`, which only its owner may read, in one step. Raises FolderTrouble, Stopped."""
    if path.exists() and not path.is_file():
        raise FolderTrouble(path, "is no regular file; `-` writes to standard output")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}{atomic.TMP_SUFFIX}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            manifest = write_backup(data, file, clock)
        atomic.sync_file(beside)
        atomic.move(beside, path)
    except OSError as error:
        raise FolderTrouble(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return manifest


def write_backup(data: DataFolder, out: BinaryIO, clock: Clock) -> Manifest:
    """Write the archive to `out`, from front to back. Raises FolderTrouble, Stopped, and OSError of `out`."""
    jobs, now = _jobs(Spool(data.inbox), clock), clock.now()
    counts = Counter(state for state, _ in jobs.values())
    manifest = Manifest(version=__version__, created_at=now, jobs={state: counts[state] for state in _WAY})
    # The simplest of the formats: whoever reads it back needs to know of no extensions, and none can fool it.
    with tarfile.open(fileobj=out, mode="w|gz", format=tarfile.USTAR_FORMAT, encoding="utf-8") as archive:
        left = LIMIT
        for name, content in _books(data, manifest, jobs):
            clock.check()
            left -= len(content) + 2 * tarfile.BLOCKSIZE
            if left < 0:
                raise FolderTrouble(data.root, f"the books are larger than {LIMIT / 1e9:.0f} GB; what does not belong?")
            _add(archive, name, content, now)
    return manifest


def _books(data: DataFolder, manifest: Manifest, jobs: dict[str, tuple[State, bytes]]) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, (manifest.model_dump_json(by_alias=True, indent=1) + "\n").encode()
    for key, (state, content) in sorted(jobs.items()):
        yield f"inbox/{state.value}/{key}{SUFFIX}", content
    for path in _files(data):
        found = _content(path)
        if found is not None:
            yield path.relative_to(data.root).as_posix(), found


def _jobs(spool: Spool, clock: Clock) -> dict[str, tuple[State, bytes]]:
    """Every job by key, with the state to archive it in."""
    found: dict[str, tuple[State, bytes]] = {}
    # RACE: jobs move while they are looked for. In this order they are met on their way, and `pending`, to which they
    # can return, comes once more at the end. One that returned and was claimed again behind the first round's back is
    # met by the second.
    for state in (*_WAY, *_WAY, State.PENDING):
        for key in spool.keys(state):
            clock.check()
            if key in found and found[key][0] in (state, State.DONE):
                continue
            content = _content(spool.path(state, key))
            if content is not None:
                found[key] = (state, content)
    return {key: _archived(state, content) for key, (state, content) in found.items()}


def _archived(state: State, content: bytes) -> tuple[State, bytes]:
    """A job as it will be found after a restore, when the worker that had claimed it is no more."""
    if state is not State.IN_PROGRESS:
        return state, content
    with suppress(ValidationError):
        free = Job.model_validate_json(content).model_copy(update={"claim": None})
        content = (free.model_dump_json(by_alias=True, indent=1) + "\n").encode()
    return State.PENDING, content


def _files(data: DataFolder) -> Iterator[Path]:
    """Everything but the jobs."""
    yield from (data.collection, data.paused)
    folders = [data.inbox, *(data.inbox / state.value for state in State)]
    for folder in (*(folder / QUARANTINE for folder in folders), data.state, data.config):
        for path in _below(folder):
            is_lock = path.suffix == ".lock" and folder == data.state
            if not is_lock and data.progress not in path.parents:
                yield path


def _below(folder: Path) -> Iterator[Path]:
    def tell(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise FolderTrouble(error.filename or folder, error.strerror or str(error)) from error

    for root, folders, names in os.walk(folder, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _content(path: Path) -> bytes | None:
    """What a file holds; None when it is gone meanwhile, or is no file. Raises FolderTrouble."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderTrouble(path, error.strerror or str(error)) from error
    if len(content) > FILE_LIMIT:
        raise FolderTrouble(path, f"is larger than {FILE_LIMIT / 1e6:.0f} MB; it does not belong there")
    return content


def _add(archive: tarfile.TarFile, name: str, content: bytes, now: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
    try:
        archive.addfile(member, io.BytesIO(content))
    except ValueError as error:
        raise FolderTrouble(name, "its name is too long for a backup") from error
