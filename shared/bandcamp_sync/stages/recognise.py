"""Recognise: a purchase's album that is in the music folder already becomes a finished job, with a receipt."""

import logging
import re
from contextlib import suppress

from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.album import file_sha256
from bandcamp_sync.library.audio import decode, is_audio
from bandcamp_sync.library.receipts import keep_copy
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.spool.job import History, Job, Receipt, ReceiptFile, What

log = logging.getLogger(__name__)

#: How this product names a track: what lies in a purchase's very place under such names was placed by it.
_OWN_NAME = re.compile(r"\d{2,3} .+\.\w+")


def recognised(job: Job, music: MusicFolder, clock: Clock) -> Job | None:
    """The job with a receipt, when its place holds the whole album as this product leaves it; else None.

    For books and receipts that were both lost, of a music folder that has its marker. Whole: as many tracks as Bandcamp
    counts, under our names, and each decodes. Anything less is not taken for granted; `adopt` asks a person.
    """
    folder = music.root / job.folder
    audio = [p for p in folder.rglob("*") if is_audio(p.name) and p.is_file()] if folder.is_dir() else []
    if not audio or len(audio) != job.item.tracks or not all(_OWN_NAME.fullmatch(path.name) for path in audio):
        return None
    try:
        found = receipt_for(job.item, job.folder, (), music, clock)
    except (BadAudio, OSError) as error:
        log.warning("%s is in %s, but not whole: %s", job.label, job.folder, error)
        return None
    with suppress(OSError):  # the reconciler may have no more than a look at the music
        keep_copy(music, found)
    return found


def receipt_for(item: Item, folder: str, history: History, music: MusicFolder, clock: Clock) -> Job:
    """A finished job for a purchase whose files are in `folder` already. Raises BadAudio, OSError."""
    root = music.root / folder
    files, formats = [], set()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith(".")):
        if is_audio(path.name):
            formats.add(decode(path).codec)
        relative = path.relative_to(root).as_posix()
        files.append(ReceiptFile(path=relative, size=path.stat().st_size, sha256=file_sha256(path)))
    receipt = Receipt(
        folder=folder,
        files=tuple(files),
        format=", ".join(sorted(formats)),
        source="purchase",
        placed_at=clock.now(),
        artist=item.artist,
        title=item.title,
        adopted=True,
    )
    now = clock.now()
    job = Job(key=item.key, item=item, folder=folder, queued_at=now, receipt=receipt, history=history)
    return job.after(What.ADOPTED, now, f"it was in the music folder already: {receipt.format}, {folder}")
