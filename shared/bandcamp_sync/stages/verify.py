"""Verify: is every file of the library what its receipt says, and does it decode?"""

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.errors import BadAudio, FolderTrouble, MusicFolderMissing
from bandcamp_sync.files.reading import what_it_is
from bandcamp_sync.library.album import file_sha256
from bandcamp_sync.library.audio import decode, is_audio
from bandcamp_sync.library.marker import check_music_folder
from bandcamp_sync.library.receipts import mend_copies
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, ReceiptFile, State, What
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)


#: So many files that cannot be read, and none that can, are the disk's trouble and not theirs.
_ALL_UNREADABLE = 20


@dataclass(frozen=True)
class Verdict:
    """One album: `problems` as (file, what is wrong); `gone`: its whole folder is not where it was placed.

    `unreadable`: (file, why it cannot be read). Nothing is known of those, so they are told and not repaired.
    """

    job: Job
    problems: tuple[tuple[str, str], ...]
    gone: bool
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Every file is as the receipt says."""
        return not self.problems and not self.unreadable and not self.gone

    @property
    def is_broken(self) -> bool:
        """Whether another copy would mend it."""
        return bool(self.problems) or self.gone

    @property
    def told(self) -> tuple[tuple[str, str], ...]:
        """Everything that is to be said of its files."""
        return (*self.problems, *self.unreadable)

    @property
    def summary(self) -> str:
        """What is wrong, in a line: the first problem, and how many more there are."""
        if not self.told:
            return "its folder is gone" if self.gone else "nothing is wrong"
        (path, problem), more = self.told[0], len(self.told) - 1
        return f"{path} {problem}" + (f", and {more} more" if more else "")


class _Unreadable(Exception):
    """A file of which nothing can be known. `str()` says why."""


def verify(
    data: DataFolder, music: MusicFolder, clock: Clock, notice: Callable[[Verdict], None] | None = None
) -> list[Verdict]:
    """Check every receipt.

    Raises MusicFolderMissing rather than calling a whole library missing, FolderTrouble where nothing can be read, and
    Stopped.
    """
    spool = Spool(data.inbox)
    try:
        check_music_folder(data, music, books_empty=not spool.keys(State.DONE))
    except MusicFolderMissing as error:
        alarms.raise_alarm(data, alarms.MUSIC_FOLDER, str(error), True, clock.now())
        raise
    verdicts, readable = [], 0
    for job in sorted(spool.jobs(State.DONE), key=lambda job: job.folder):
        verdict = _settled(spool, job, music, clock)
        if verdict is None:
            continue
        verdicts.append(verdict)
        readable += _files_of(verdict.job) - len(verdict.unreadable)
        if readable <= 0 and sum(len(one.unreadable) for one in verdicts) >= _ALL_UNREADABLE:
            break
        if notice is not None:
            notice(verdict)
    with suppress(OSError):
        mend_copies(music, spool.keys(State.DONE), lambda key: spool.read(State.DONE, key), clock.now(), read_all=True)
    unreadable = [one for verdict in verdicts for one in verdict.unreadable]
    if unreadable and readable <= 0:
        raise FolderTrouble(music.root, f"no file in it can be read ({unreadable[0][0]} {unreadable[0][1]})")
    return verdicts


def _files_of(job: Job) -> int:
    return len(job.receipt.files) if job.receipt else 0


def _settled(spool: Spool, job: Job, music: MusicFolder, clock: Clock) -> Verdict | None:
    """The verdict on an album that nobody replaces meanwhile; None for one that is being fetched again."""
    while True:
        verdict = _judge(job, music, clock)
        if verdict.good:
            return verdict
        # RACE: a worker may have put another copy there while this one was looked at, with another receipt.
        again = spool.read(State.DONE, job.key)
        if again is None:
            return None
        if again.receipt == job.receipt:
            return verdict
        job = again


def _judge(job: Job, music: MusicFolder, clock: Clock) -> Verdict:
    clock.check()
    if job.receipt is None:
        return Verdict(job, (("receipt", "the job says nothing of what was placed"),), False)
    folder = music.root / job.receipt.folder
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Verdict(job, (), True)
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        return Verdict(job, (), False, tuple((file.path, why) for file in job.receipt.files))
    problems, unreadable = [], []
    for file in job.receipt.files:
        clock.check()
        try:
            if (problem := _check(folder / file.path, file, music.root)) is not None:
                problems.append((file.path, problem))
        except _Unreadable as error:
            unreadable.append((file.path, str(error)))
    return Verdict(job, tuple(problems), False, tuple(unreadable))


def _check(path: Path, file: ReceiptFile, root: Path) -> str | None:
    """What is wrong with a file, None when nothing is. Raises _Unreadable."""
    try:
        status = path.stat()
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            raise _Unreadable("is a link that leads out of the music folder; it is not followed")
        if not stat.S_ISREG(status.st_mode):
            return what_it_is(status.st_mode)
        if status.st_size != file.size:
            return f"has {status.st_size} bytes, the receipt says {file.size}"
        if file_sha256(path) != file.sha256:
            return "its content has changed"
        if is_audio(path.name):
            decode(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except BadAudio as error:
        return f"does not decode: {error.problem}"
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from None
    return None


def repair(data: DataFolder, verdicts: list[Verdict], clock: Clock) -> list[Job]:
    """Queue exactly the broken and the missing again; each is replaced when its new copy is verified."""
    spool = Spool(data.inbox)
    capture = read_capture(data.collection, clock.now())
    items = capture.by_key() if capture else {}
    queued = []
    for verdict in verdicts:
        if not verdict.is_broken:
            continue
        job = verdict.job.model_copy(update={"item": items.get(verdict.job.key, verdict.job.item), "attempt": 0})
        job = job.after(What.REPAIR, clock.now(), verdict.summary)
        if spool.requeue(State.DONE, job):
            queued.append(job)
    return queued
