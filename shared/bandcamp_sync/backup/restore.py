"""Puts a backup's books in the place of the present ones, by renames.

All of it is read into `.restore-<time>/` first. From the moment that `before-restore-<time>/` exists, it is carried
out: name by name the former books are renamed into that folder and the new ones into their place. Whatever still lies
in `.restore-<time>/` is still to do, so a restore that was killed is completed by the next one.
"""

import logging
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bandcamp_sync.backup.archive import QUARANTINE, WHOLE, members, read_manifest
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.item import Capture
from bandcamp_sync.errors import FolderTrouble, NotABackup
from bandcamp_sync.files import atomic
from bandcamp_sync.health.published import read_units
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import SUFFIX, Spool

log = logging.getLogger(__name__)

_KEEP = ".gitkeep"
_STAGED, _FORMER = ".restore-", "before-restore-"
_STAGED_NAME = re.compile(r"\.restore-\d{8}T\d{12}")
#: Stands in the staging folder for what the backup does not have, and so is to be moved away.
_GONE = ".gone"


@dataclass
class Restored:
    """What a restore did. `jobs`: by state. `unreadable`: jobs that went to quarantine. `newer`: keys that were left
    out, as the music folder has a later receipt. `former`: where the former books lie, None when there were none.
    `completed`: the same of earlier restores that had been interrupted."""

    created_at: datetime
    jobs: Counter[State] = field(default_factory=Counter)
    unreadable: int = 0
    newer: list[str] = field(default_factory=list)
    former: Path | None = None
    completed: list[Path] = field(default_factory=list)


def restore(
    data: DataFolder, music: MusicFolder, source: BinaryIO, lease: timedelta, clock: Clock, force: bool = False
) -> Restored:
    """Put the archive's books in the place of the present ones. What `lease` means is in `spool`.

    Raises NotABackup, FolderTrouble (also when services run, unless `force`), Stopped, OSError. Nothing has changed
    then, unless a rename itself failed; the next restore completes it.
    """
    if not force:
        _check_nobody_works(data, lease, clock.now())
    with _alone(data):
        begun = _begun(data)
        staged, restored = _stage(data, music, source, clock)
        with _forgotten_if_it_fails(staged):
            restored.completed = [former for earlier in begun if (former := _carry_out(data, earlier)) is not None]
            _prepare(data, staged)
        restored.former = _carry_out(data, staged)
    log.info("the books of %s are restored; the former are in %s", rfc3339(restored.created_at), restored.former)
    return restored


def _check_nobody_works(data: DataFolder, lease: timedelta, now: datetime) -> None:
    remedy = "`make down` first, or give --force"
    for unit in read_units(data.health, now):
        if unit["name"].endswith(".service") and unit["active_state"] in ("active", "activating"):
            raise FolderTrouble(data.root, f"the services run ({unit['name']}): {remedy}")
    spool = Spool(data.inbox)
    dead = {job.key for job in spool.expired(lease, now)}
    for key in spool.keys(State.IN_PROGRESS):
        if key not in dead:
            raise FolderTrouble(data.root, f"a worker is busy with {key}: {remedy}")


@contextmanager
def _alone(data: DataFolder) -> Iterator[None]:
    data.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data.root / ".restore.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FolderTrouble(data.root, "another restore is under way") from None
    except NotImplementedError:
        log.debug("%s knows no locks; two restores at once are not kept apart", data.root)
    try:
        yield
    finally:
        lock.release()


def _begun(data: DataFolder) -> list[Path]:
    """The staging folders of restores that were killed while they were carried out. Others are forgotten."""
    found = sorted(path for path in data.root.glob(f"{_STAGED}*") if _STAGED_NAME.fullmatch(path.name))
    for folder in found:
        if not _former_of(data, folder).exists():
            shutil.rmtree(folder)
    return [folder for folder in found if folder.exists()]


def _former_of(data: DataFolder, staged: Path) -> Path:
    return data.root / f"{_FORMER}{staged.name.removeprefix(_STAGED)}"


# --- reading the archive --------------------------------------------------------------------------------------------


def _stage(data: DataFolder, music: MusicFolder, source: BinaryIO, clock: Clock) -> tuple[Path, Restored]:
    """Unpack and check everything; leaves nothing behind when it is refused."""
    staged = data.root / f"{_STAGED}{clock.now():%Y%m%dT%H%M%S%f}"
    staged.mkdir(mode=0o700)
    with _forgotten_if_it_fails(staged):
        found = members(source)
        name, content = next(found, ("", b""))
        restored = Restored(created_at=read_manifest(name, content).created_at)
        _put(staged, name, content)
        for name, content in found:
            clock.check()
            _unpack(staged, music, name, content, restored)
        for state in State:
            (staged / "inbox" / state.value).mkdir(parents=True, exist_ok=True)
        (staged / "state").mkdir(exist_ok=True)
        _check_places(data, staged)
    return staged, restored


@contextmanager
def _forgotten_if_it_fails(staged: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise


def _unpack(staged: Path, music: MusicFolder, name: str, content: bytes, restored: Restored) -> None:
    match name.split("/"):
        case ["inbox", place, file] if place != QUARANTINE:
            name = _judge(State(place), file, content, music, restored)
        case ["collection.json"] if not _is_capture(content):
            raise NotABackup("its collection.json cannot be read")
    if name:
        _put(staged, name, content)


def _judge(state: State, file: str, content: bytes, music: MusicFolder, restored: Restored) -> str:
    """Where a job is to lie; nowhere when it is out of date."""
    try:
        job = Job.model_validate_json(content)
    except ValidationError:
        job = None
    if job is None or file != f"{job.key}{SUFFIX}":
        restored.unreadable += 1
        return f"inbox/{state.value}/{QUARANTINE}/{file}.{restored.created_at:%Y%m%dT%H%M%S%f}"
    if _arrived_later(job, music):
        restored.newer.append(job.key)
        return ""
    restored.jobs[state] += 1
    return f"inbox/{state.value}/{file}"


def _arrived_later(job: Job, music: MusicFolder) -> bool:
    """Whether the music folder has a later receipt: a reconcile takes it into the books if nothing has its key there,
    and as a queued job it would be downloaded a second time."""
    try:
        kept = Job.model_validate_json((music.receipts / f"{job.key}.json").read_bytes())
    except (OSError, ValidationError):
        return False
    if kept.key != job.key or kept.receipt is None:
        return False
    return job.receipt is None or kept.receipt.placed_at > job.receipt.placed_at


def _is_capture(content: bytes) -> bool:
    try:
        Capture.model_validate_json(content)
    except ValidationError:
        return False
    return True


def _put(staged: Path, name: str, content: bytes) -> None:
    path = staged / name
    if os.path.lexists(path):
        raise NotABackup(f"{name[:100]!r} is in it twice")
    if any((staged / above).is_file() for above in PurePosixPath(name).parents):
        raise NotABackup(f"{name[:100]!r} lies below a file")
    is_private = name.startswith(("config/", "inbox/", "collection.json"))
    # All is made durable at once, before the first rename.
    atomic.write_bytes(path, content, 0o600 if is_private else None, durable=False)


def _check_places(data: DataFolder, staged: Path) -> None:
    """Find out before the first rename what would stop a later one."""
    device = data.root.stat().st_dev
    for name in _names(staged):
        place = data.root / name
        parents = [parent for parent in place.parents[: name.count("/")] if os.path.lexists(parent)]
        for parent in parents:
            if not parent.is_dir():
                raise FolderTrouble(parent, "is no folder; move it away first")
        # A link is renamed itself, wherever it points.
        stats = [parent.stat() for parent in parents] + ([place.lstat()] if os.path.lexists(place) else [])
        if any(stat.st_dev != device for stat in stats):
            raise FolderTrouble(place, "lies on another disk than the data folder; nothing can be renamed to there")


# --- carrying it out ------------------------------------------------------------------------------------------------


def _prepare(data: DataFolder, staged: Path) -> None:
    """The last steps before it counts: placeholders stay, what the backup lacks is to go, and all is on the disk."""
    for folder in (data.state, data.inbox):
        for keep in filter(Path.is_file, folder.rglob(_KEEP)):
            atomic.write_bytes(staged / keep.relative_to(data.root), keep.read_bytes(), durable=False)
    for name in WHOLE:
        if not (staged / name).exists():
            atomic.write_bytes(staged / f"{name}{_GONE}", b"", durable=False)
    # Twenty thousand files flushed one by one would take minutes.
    os.sync()


def _carry_out(data: DataFolder, staged: Path) -> Path | None:
    """Every rename that is still to do; where the former books lie, None when there were none."""
    former = _former_of(data, staged)
    try:
        former.mkdir(mode=0o700, exist_ok=True)
        atomic.sync_folder(data.root)
        for name in _names(staged):
            _replace(data.root / name, staged / name, former / name)
        shutil.rmtree(staged)
    except OSError as error:
        where, problem = error.filename or data.root, error.strerror or str(error)
        raise FolderTrouble(where, f"{problem}; nothing is lost: mend it and run the same restore again") from error
    with suppress(OSError):
        former.rmdir()
    return former if former.exists() else None


def _names(staged: Path) -> list[str]:
    """What still lies in a staging folder, in the order of the renames."""
    whole = [name for name in WHOLE if (staged / name).exists() or (staged / f"{name}{_GONE}").exists()]
    files = sorted(path.relative_to(staged).as_posix() for path in (staged / "config").rglob("*") if path.is_file())
    return whole + files


def _replace(place: Path, new: Path, former: Path) -> None:
    if os.path.lexists(place):
        former.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.move(place, _unused(former))
    if new.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic.move(new, place)
    else:
        atomic.remove(new.with_name(f"{new.name}{_GONE}"))


def _unused(path: Path) -> Path:
    """`path`, or with a number when a service had written the file anew after a restore was killed."""
    candidate, number = path, 2
    while os.path.lexists(candidate):
        candidate, number = path.with_name(f"{path.name}.{number}"), number + 1
    return candidate
