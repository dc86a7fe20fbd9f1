"""Copies of receipts in the music folder: lose the data folder, and the books can be read from the music itself."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.spool.job import Job

log = logging.getLogger(__name__)

#: No job with a receipt is shorter.
_LEAST_BYTES = 200


def keep_copy(music: MusicFolder, job: Job) -> None:
    """Keep a finished job's receipt beside the music, without its redownload URL: music folders are shared."""
    history = tuple(e.model_copy(update={"sentence": e.sentence and redact(e.sentence)}) for e in job.history)
    item = job.item.model_copy(update={"redownload_url": None})
    bare = job.model_copy(update={"item": item, "claim": None, "history": history})
    atomic.write_text(music.receipts / f"{job.key}.json", bare.model_dump_json(by_alias=True, indent=1))


def mend_copies(
    music: MusicFolder, keys: Iterable[str], read: Callable[[str], Job | None], now: datetime, read_all: bool = False
) -> int:
    """Write anew the copies that are missing, or are none; how many. Those are put aside, with a line in the log.

    `keys`: of the finished jobs, listed before this is called; `read` gives one of them. `read_all`: look into each,
    rather than at its size alone, which is what a look at twenty thousand of them may cost now and then. Does nothing
    where the music folder cannot be written.
    """
    # RACE: a copy is written before its job is done, so each of the keys has one by now.
    if not os.access(music.root, os.W_OK):
        return 0
    sizes, mended = _sizes(music), 0
    for key in keys:
        path = music.receipts / f"{key}.json"
        problem = _problem(path, sizes.get(path.name), read_all)
        job = read(key) if problem is not None else None
        if problem is None or job is None or job.receipt is None:
            continue
        if path.name in sizes:
            quarantine(path, now, problem)
        keep_copy(music, job)
        log.info("the copy of the receipt of %s was %s; it is written anew", job.label, problem)
        mended += 1
    return mended


def _sizes(music: MusicFolder) -> dict[str, int]:
    """What lies among the copies, by name: how many bytes it has, -1 for what is no file."""
    try:
        with os.scandir(music.receipts) as entries:
            return {e.name: e.stat().st_size if e.is_file(follow_symlinks=False) else -1 for e in entries}
    except OSError:
        return {}


def _problem(path: Path, size: int | None, read: bool) -> str | None:
    if size is None:
        return "missing"
    if size < _LEAST_BYTES:
        return "no file" if size < 0 else "cut off"
    if not read:
        return None
    try:
        job = Job.model_validate_json(read_bytes(path))
    except (OSError, ValidationError):
        return "unreadable"
    return None if f"{job.key}.json" == path.name and job.receipt is not None else "another one's"


def copies(music: MusicFolder, known: frozenset[str]) -> Iterator[Job]:
    """The finished jobs that the music folder knows of, but for the `known` keys. Unreadable copies are passed over."""
    try:
        names = os.listdir(music.receipts)  # noqa: PTH208 - twenty thousand names, and only the unknown are opened
    except OSError:
        return
    for name in names:
        key, _, suffix = name.partition(".")
        if suffix != "json" or not is_key(key) or key in known:
            continue
        try:
            job = Job.model_validate_json(read_bytes(music.receipts / name))
        except (OSError, ValidationError):
            log.warning("%s is not readable as a receipt; it is passed over", music.receipts / name)
            continue
        if job.key == key and job.receipt is not None:
            yield job
