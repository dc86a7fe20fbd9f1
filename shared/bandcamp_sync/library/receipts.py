"""Copies of receipts in the music folder: lose the data folder, and the books can be read from the music itself."""

import logging
import os
from collections.abc import Iterator

from pydantic import ValidationError

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.spool.job import Job

log = logging.getLogger(__name__)


def keep_copy(music: MusicFolder, job: Job) -> None:
    """Keep a finished job's receipt beside the music, without its redownload URL: music folders are shared."""
    history = tuple(e.model_copy(update={"sentence": e.sentence and redact(e.sentence)}) for e in job.history)
    item = job.item.model_copy(update={"redownload_url": None})
    bare = job.model_copy(update={"item": item, "claim": None, "history": history})
    atomic.write_text(music.receipts / f"{job.key}.json", bare.model_dump_json(by_alias=True, indent=1))


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
