"""`backup` and `restore`: the books as one archive, made while everything runs, put back by renames.

A backup is a tar.gz of collection.json, inbox/, control/paused, state/ and config/ (secrets included), behind a
`Manifest`. Music, logs, debug and health are not in it, nor what is worthless later: progress, locks, dot files.

A restore first reads all of it into `.restore-<time>/`. From the moment that `before-restore-<time>/` exists, it is
carried out: name by name the former books are renamed into that folder and the new ones into their place. Whatever
still lies in `.restore-<time>/` is still to do, so a restore that was killed is completed by the next one.
"""

import gzip
import io
import logging
import os
import re
import secrets
import shutil
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bandcamp_sync import __version__
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.item import Capture, Moment
from bandcamp_sync.errors import FolderTrouble, NotABackup
from bandcamp_sync.files import atomic
from bandcamp_sync.health.published import read_units
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import SUFFIX, Spool

log = logging.getLogger(__name__)

MANIFEST = "bandcampsync-backup.json"
SCHEMA = 1
#: Bytes, unpacked, of all and of one file. The books of twenty thousand purchases are a tenth of the first.
LIMIT, FILE_LIMIT = 2_000_000_000, 128_000_000

_QUARANTINE, _KEEP = "quarantine", ".gitkeep"
_STAGED, _FORMER = ".restore-", "before-restore-"
_STAGED_NAME = re.compile(r"\.restore-\d{8}T\d{12}")
#: What is replaced whole. Of config/ a file is replaced only by one of its name.
_WHOLE = ("state", "inbox", "collection.json", "control/paused")
#: Stands in the staging folder for what the backup does not have, and so is to be moved away.
_GONE = ".gone"
_WAY = (State.PENDING, State.IN_PROGRESS, State.FAILED, State.DONE)


class Manifest(BaseModel):
    """The archive's first member. `jobs`: how many by the state that they are archived in."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    version: str
    created_at: Moment
    jobs: dict[State, int]


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


# --- backup ---------------------------------------------------------------------------------------------------------


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
    for folder in (*(folder / _QUARANTINE for folder in folders), data.state, data.config):
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


# --- restore --------------------------------------------------------------------------------------------------------


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
        members = _members(source)
        name, content = next(members, ("", b""))
        restored = Restored(created_at=_manifest(name, content).created_at)
        _put(staged, name, content)
        for name, content in members:
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


def _members(source: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file in the archive, to its very end. Raises NotABackup."""
    # Not by `tarfile`: that takes an archive that was cut off between two members for a whole one, and reads headers
    # of any size into memory.
    try:
        with gzip.GzipFile(fileobj=source) as stream:
            left = LIMIT
            while not _is_blank(header := _exactly(stream, tarfile.BLOCKSIZE)):
                member = _header(header)
                padded = -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                left -= padded + tarfile.BLOCKSIZE
                if left < 0:
                    raise NotABackup(f"it unpacks to more than {LIMIT / 1e9:.0f} GB")
                content = _exactly(stream, padded)[: member.size]
                if member.isreg():
                    yield member.name, content
            # Only at its end does gzip compare its checksum.
            while rest := stream.read(1 << 16):
                left -= len(rest)
                if left < 0 or not _is_blank(rest):
                    raise NotABackup("something follows its end")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NotABackup("it is damaged, cut off, or no tar.gz at all") from error


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _is_blank(block: bytes) -> bool:
    return block == bytes(len(block))


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise NotABackup("it is no tar archive inside") from error
    if member.name != MANIFEST and not _belongs(member.name, member.isdir()):
        raise NotABackup(f"{member.name[:100]!r} does not belong in it")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise NotABackup(f"{member.name[:100]!r} is neither a file nor a folder")
    if not 0 <= member.size <= (0 if member.isdir() else FILE_LIMIT):
        raise NotABackup(f"{member.name[:100]!r} has a size that cannot be right")
    return member


def _belongs(name: str, is_folder: bool) -> bool:
    parts = name.split("/")
    # `..`, an absolute name and our own dot files all begin with a dot or with nothing.
    if any(not part or part.startswith(".") for part in parts):
        return False
    match parts:
        case ["state" | "config", *rest]:
            return is_folder or bool(rest)
        case ["inbox", place, *rest] if place in (*State, _QUARANTINE):
            return is_folder or len(rest) == 1 or (len(rest) > 1 and _QUARANTINE in (place, rest[0]))
        case ["inbox" | "control"]:
            return is_folder
        case _:
            return name in _WHOLE and not is_folder


def _manifest(name: str, content: bytes) -> Manifest:
    if name != MANIFEST:
        raise NotABackup("it does not begin with a backup's list of contents")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise NotABackup("its list of contents cannot be read") from error
    if manifest.schema_version != SCHEMA:
        raise NotABackup(f"it was made by another version ({manifest.version[:20]!r})")
    return manifest


def _unpack(staged: Path, music: MusicFolder, name: str, content: bytes, restored: Restored) -> None:
    match name.split("/"):
        case ["inbox", place, file] if place != _QUARANTINE:
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
        return f"inbox/{state.value}/{_QUARANTINE}/{file}.{restored.created_at:%Y%m%dT%H%M%S%f}"
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
    is_private = name.startswith(("config/", "inbox/", "collection.json"))
    try:
        # All is made durable at once, before the first rename.
        atomic.write_bytes(path, content, 0o600 if is_private else None, durable=False)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotABackup(f"{name[:100]!r} lies below a file") from error


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
    for name in _WHOLE:
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
    whole = [name for name in _WHOLE if (staged / name).exists() or (staged / f"{name}{_GONE}").exists()]
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
