"""Verify: is every file of the library what its receipt says, and does it decode?"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.errors import BadAudio, MusicFolderMissing
from bandcamp_sync.library.album import file_sha256
from bandcamp_sync.library.audio import decode, is_audio
from bandcamp_sync.library.marker import check_music_folder
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, ReceiptFile, State, What
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """One album: `problems` as (file, what is wrong); `gone`: its whole folder is not where it was placed."""

    job: Job
    problems: tuple[tuple[str, str], ...]
    gone: bool

    @property
    def good(self) -> bool:
        """Every file is as the receipt says."""
        return not self.problems and not self.gone

    @property
    def summary(self) -> str:
        """What is wrong, in a line: the first problem, and how many more there are."""
        if not self.problems:
            return "its folder is gone" if self.gone else "nothing is wrong"
        (path, problem), more = self.problems[0], len(self.problems) - 1
        return f"{path} {problem}" + (f", and {more} more" if more else "")


def verify(
    data: DataFolder, music: MusicFolder, clock: Clock, notice: Callable[[Verdict], None] | None = None
) -> list[Verdict]:
    """Check every receipt. Raises MusicFolderMissing rather than calling a whole library missing."""
    spool = Spool(data.inbox)
    try:
        check_music_folder(data, music, books_empty=not spool.keys(State.DONE))
    except MusicFolderMissing as error:
        alarms.raise_alarm(data, alarms.MUSIC_FOLDER, str(error), True, clock.now())
        raise
    verdicts = []
    for job in sorted(spool.jobs(State.DONE), key=lambda job: job.folder):
        clock.check()
        verdict = _judge(job, music)
        verdicts.append(verdict)
        if notice is not None:
            notice(verdict)
    return verdicts


def _judge(job: Job, music: MusicFolder) -> Verdict:
    if job.receipt is None:
        return Verdict(job, (("receipt", "the job says nothing of what was placed"),), False)
    folder = music.root / job.receipt.folder
    if not folder.exists():
        return Verdict(job, (), True)
    found = ((file.path, _check(folder / file.path, file)) for file in job.receipt.files)
    return Verdict(job, tuple((path, problem) for path, problem in found if problem is not None), False)


def _check(path: Path, file: ReceiptFile) -> str | None:
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"has {size} bytes, the receipt says {file.size}"
        if file_sha256(path) != file.sha256:
            return "its content has changed"
        if is_audio(path.name):
            decode(path)
    except FileNotFoundError:
        return "is missing"
    except BadAudio as error:
        return f"does not decode: {error.problem}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def repair(data: DataFolder, verdicts: list[Verdict], clock: Clock) -> list[Job]:
    """Queue exactly the broken and the missing again; each is replaced when its new copy is verified."""
    spool = Spool(data.inbox)
    capture = read_capture(data.collection, clock.now())
    items = capture.by_key() if capture else {}
    queued = []
    for verdict in verdicts:
        if verdict.good:
            continue
        job = verdict.job.model_copy(update={"item": items.get(verdict.job.key, verdict.job.item), "attempt": 0})
        job = job.after(What.REPAIR, clock.now(), verdict.summary)
        if spool.requeue(State.DONE, job):
            queued.append(job)
    return queued
