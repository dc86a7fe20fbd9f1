"""The dashboard's small picture of an album, made from the cover that came with it: that costs nobody a request."""

import logging
from pathlib import Path

from bandcamp_sync.covers import CoverFolder, art_number
from bandcamp_sync.library.audio_kind import is_audio
from bandcamp_sync.library.tags import embedded_cover
from bandcamp_sync.library.thumbnail import MAX_BYTES, small_jpeg
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Receipt, State
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)

_COVERS = ("cover.jpg", "cover.png")


def keep_small_cover(data: DataFolder, music: MusicFolder, spool: Spool, key: str) -> bool:
    """Keep the small picture of an album that was delivered, unless there is one; whether one was added. Never raises.

    A bundle's covers are those of its releases, and none of them the bundle's own.
    """
    try:
        job, folder = spool.read(State.DONE, key), CoverFolder(data.covers)
        art_id = art_number(job.item) if job else None
        if job is None or job.receipt is None or art_id is None or folder.has(art_id):
            return False
        large = _large(music.root / job.receipt.folder, job.receipt)
        small = small_jpeg(large) if large is not None else None
        return small is not None and folder.keep(art_id, small)
    except Exception as error:  # the album is delivered; nothing about its picture may change that
        log.debug("no small cover of %s (%s)", key, type(error).__name__)
        return False


def _large(folder: Path, receipt: Receipt) -> bytes | None:
    """The cover beside the music, else the one inside its first file; None where there is none, or a far too large."""
    names = sorted(file.path for file in receipt.files if "/" not in file.path)
    beside = next((name for name in names if name.lower() in _COVERS), None)
    if beside is None:
        inside = next((name for name in names if is_audio(name)), None)
        return embedded_cover(folder / inside) if inside is not None else None
    with (folder / beside).open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return content if len(content) <= MAX_BYTES else None
