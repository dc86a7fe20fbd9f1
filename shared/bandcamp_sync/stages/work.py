"""Work: claim a job, fetch, verify, place the album, write the receipt. One purchase after another.

Trouble of ours (logged out, limited, challenged, disk full, paused, asked to end) hands the job back unharmed and ends
the run; trouble of the item moves that job to `failed` and the run goes on.
"""

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import (
    AskUser,
    BandcampSyncError,
    BandcampTrouble,
    DiskFull,
    FolderTrouble,
    ItemTrouble,
    LeaseLost,
    LocalTrouble,
    LoggedOut,
    MusicFolderMissing,
    Paused,
    Reason,
    Refused,
    ShapeChanged,
    Stopped,
    Unreachable,
)
from bandcamp_sync.files import atomic
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.library.marker import mark_music_folder
from bandcamp_sync.library.place import clean_fetched
from bandcamp_sync.logs.redact import redact_sample
from bandcamp_sync.logs.setup import log_context
from bandcamp_sync.machine import as_trouble, local_cause
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.heartbeat import Heartbeat
from bandcamp_sync.spool.job import Job, Receipt, State, What
from bandcamp_sync.spool.retry import NOTHING_THERE, after_failure
from bandcamp_sync.spool.spool import Spool, new_holder
from bandcamp_sync.stages.deliver import Delivery
from bandcamp_sync.stages.small_cover import keep_small_cover
from bandcamp_sync.stages.tidy import tidy_music
from bandcamp_sync.throughput import Tally

log = logging.getLogger(__name__)

#: So many bad pages in a row are a redesign or an outage, not odd purchases.
_STRIKES = 3
#: How often what killed workers left is looked for.
_TIDY_EVERY_S = 3600.0


@dataclass
class WorkReport:
    """What a run did: labels of the albums placed, (label, sentence) of what failed, of what cannot be
    had, and of albums that were asked for anew in vain and stay as they are."""

    placed: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    unavailable: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0

    def add(self, other: "WorkReport") -> None:
        """Take another worker's report in."""
        self.placed += other.placed
        self.failed += other.failed
        self.unavailable += other.unavailable
        self.kept += other.kept
        self.unchanged += other.unchanged


class Strikes:
    """How many bad pages came in a row, over all workers of a run.

    `keys`: purchases that were handed back because of it. Others go first until something goes well: were these the
    newest, and were it their own fault after all, nothing behind them would ever be fetched.
    """

    def __init__(self) -> None:
        self.count = 0
        self.keys: set[str] = set()


class Worker:
    """One worker. `open_bandcamp` logs in, and is called when there is something to do.

    `watch(job, done, total)` hears of progress; `done` is None when a job begins and -1 when it is over (`total` is 1
    then if its album was placed, else 0).
    """

    def __init__(
        self,
        settings: Settings,
        data: DataFolder,
        music: MusicFolder,
        clock: Clock,
        open_bandcamp: Callable[[], Bandcamp],
        watch: Callable[[Job, int | None, int | None], None] | None = None,
        strikes: Strikes | None = None,
    ) -> None:
        self.settings, self.data, self.music, self.clock = settings, data, music, clock
        self._open_bandcamp, self._watch = open_bandcamp, watch or (lambda job, done, total: None)
        self.spool = Spool(data.inbox)
        self.holder = new_holder()
        self._tally = Tally(data.throughput, self.holder, clock)
        self.bandcamp: Bandcamp | None = None
        self.report = WorkReport()
        self._strikes = strikes or Strikes()
        self._tidied = float("-inf")
        self._waiting: dict[str, tuple[bool, datetime]] = {}
        self._held: Job | None = None
        self._stranded: tuple[str, float] | None = None

    @property
    def requests_made(self) -> int:
        """Requests to Bandcamp so far."""
        return self.bandcamp.transport.requests_made if self.bandcamp else 0

    def close(self) -> None:
        """Close what was opened, and let go of what is still held: a command that ends comes back for nothing."""
        with suppress(OSError, LocalTrouble):
            self.hand_back_held()
        if self.bandcamp is not None:
            self.bandcamp.close()
            self.bandcamp = None

    def drain(self) -> WorkReport:
        """Work until `pending` is empty. Raises AskUser, BandcampTrouble, LocalTrouble, Paused or Stopped."""
        while self.work_one():
            pass
        return self.report

    def work_one(self) -> bool:
        """Work on one job; False when there is none. Raises what `drain` raises, with the job handed back."""
        self.clock.check()
        if self.data.paused.exists():
            raise Paused
        self.hand_back_held()
        self._check_music()
        job = self._claim()
        if job is None:
            return False
        with (
            log_context(key=job.key),
            Heartbeat(self.spool, job, self.settings.lease, self.data.progress, self.clock, self._tally) as heartbeat,
        ):
            self._watch(job, None, None)
            before = len(self.report.placed)
            try:
                self._deliver(job, heartbeat)
            finally:
                self._watch(job, -1, len(self.report.placed) - before)
        self._held = None
        return True

    def hand_back_held(self) -> None:
        """Hand back the job of a run that ended with trouble, where that trouble (a full disk) prevented it then.

        Raises OSError, LocalTrouble while it still does. Without this the job would lie claimed until its lease ran
        out, and that would count as an attempt.
        """
        if self._held is not None:
            self.spool.release(self._held)
            self._held = None
        if self._stranded is not None:
            key, since = self._stranded
            # After a lease others may have brought it back, and one of them may be claiming it just now.
            if self.clock.monotonic() - since < self.settings.lease.total_seconds() / 2:
                self.spool.put_back(key)
            self._stranded = None

    # --- steps ----------------------------------------------------------------------------------------------------

    def _check_music(self) -> None:
        books_empty = not self.spool.keys(State.DONE)
        try:
            mark_music_folder(self.data, self.music, books_empty, self.clock.now())
        except (MusicFolderMissing, FolderTrouble) as error:
            alarms.raise_alarm(self.data, alarms.MUSIC_FOLDER, str(error), True, self.clock.now())
            raise
        alarms.clear_alarm(self.data, alarms.MUSIC_FOLDER)
        if self.clock.monotonic() - self._tidied > _TIDY_EVERY_S:
            self._tidied = self.clock.monotonic()
            tidy_music(self.music, self.spool, self.clock.now(), books_whole=False)

    def _claim(self) -> Job | None:
        """The newest purchase that is pending, if this worker gets one."""
        ignored = read_ignored(self.data)
        for key in self._newest_first([k for k in self.spool.keys(State.PENDING) if k not in ignored]):
            # Held from here on: should the next look fail, too, it is handed back.
            try:
                self._held = self.spool.claim(key, self.holder, self.clock.now())
            except (OSError, LocalTrouble):
                # It may lie claimed by nobody: a disk that became read-only takes no rename back either.
                self._stranded = key, self.clock.monotonic()
                raise
            if self._held is not None and not self._is_done_already(self._held):
                return self._held
        self._held = None
        return None

    def _newest_first(self, keys: list[str]) -> list[str]:
        # Each job is opened once as long as it waits; with twenty thousand that is what a claim costs otherwise.
        self._waiting = {key: self._waiting.get(key) or self._rank(key) for key in keys}
        doubtful = self._strikes.keys
        return sorted(keys, key=lambda key: (key not in doubtful, self._waiting[key], key), reverse=True)

    def _rank(self, key: str) -> tuple[bool, datetime]:
        """What goes first among those that wait: the newest, but one whose worker died behind all others.

        Else whatever kills the workers would have the newest purchase take each of the blows, and nothing else arrive.
        """
        job = self.spool.read(State.PENDING, key)
        died = job is not None and job.failure is not None and job.failure.reason is Reason.LEASE
        return not died, (job.item.purchased if job else None) or datetime.min.replace(tzinfo=UTC)

    def _is_done_already(self, job: Job) -> bool:
        """The lasting guard against doing work twice: ask for a receipt first."""
        done = self.spool.read(State.DONE, job.key)
        if done is None or done.receipt is None:
            return False
        log.info("%s has a receipt already", job.label)
        atomic.remove(self.spool.path(State.IN_PROGRESS, job.key))
        return True

    def _deliver(self, job: Job, heartbeat: Heartbeat) -> None:
        """Deliver it, or note why not. Whatever ends the run hands the job back first.

        That can also come up while a trouble is being judged: to ask whether the session works is a request, and to
        note a failure takes room on the disk.
        """
        try:
            self._try(job, heartbeat)
        except Stopped:
            self._release(job)
            raise
        except (AskUser, BandcampTrouble, LocalTrouble) as error:
            self._hand_back(job, error)
        except OSError as error:
            self._hand_back(job, as_trouble(error, self.music.root, self.data.root))

    def _try(self, job: Job, heartbeat: Heartbeat) -> None:
        """Deliver it; what is the purchase's own trouble is noted. Raises trouble of ours, Stopped, OSError."""

        def notice(done: int, total: int | None, came: int) -> None:
            heartbeat.notice(done, total, came)
            self._watch(job, done, total)

        try:
            if self.bandcamp is None:
                self.bandcamp = self._open_bandcamp()
            finished = Delivery(self.settings, self.music, self.clock, self.bandcamp, self.spool, notice).deliver(job)
        except ItemTrouble as trouble:
            self._fail(job, trouble)
        except LeaseLost:
            log.warning("%s: another worker has it now", job.label)
        except (ShapeChanged, Refused, Unreachable) as error:
            self._strike(job, error)
        except LoggedOut:
            self._strikes.count += 1
            if self._strikes.count >= _STRIKES or not self._session_works():
                self._strikes.keys.add(job.key)
                raise
            self._fail(job, ItemTrouble(Reason.LINK, "its page asks for a login, although the session works"))
        except (AskUser, BandcampTrouble, LocalTrouble, Stopped, OSError):
            raise
        except Exception as error:
            if (cause := local_cause(error)) is not None:
                raise cause from None
            # One odd purchase must not end the run; what it was is in the log.
            log.exception("%s: unexpected", job.label)
            self._fail(job, ItemTrouble(Reason.OTHER, f"unexpected: {type(error).__name__} (see the log)"))
        else:
            self._strikes.count = 0
            self._strikes.keys.clear()
            alarms.clear_alarm(self.data, alarms.DISK)
            if finished:
                self.report.placed.append(job.label)
                keep_small_cover(self.data, self.music, self.spool, job.key)
            else:
                self.report.unchanged += 1

    def _fail(self, job: Job, trouble: ItemTrouble) -> None:
        failed = after_failure(
            job,
            trouble,
            self.clock.now(),
            self.settings.retry_base,
            self.settings.retry_max,
            self.settings.max_attempts,
            random.random(),
        ).model_copy(update={"claim": job.claim})
        nothing_there = trouble.reason in NOTHING_THERE or trouble.reason is Reason.PREORDER
        try:
            if job.receipt is not None and (nothing_there or failed.not_before is None):
                self._keep_delivered(failed, job.receipt)
                self.report.kept.append((job.label, f"{trouble.sentence}; the album that is there stays"))
                return
            self.spool.fail(failed)
        except LeaseLost:
            return
        if failed.not_before is None:
            with suppress(OSError):
                clean_fetched(self.music, job.key)
        due, level = failed.not_before, logging.WARNING
        then = f"next try {due:%Y-%m-%d %H:%M:%S} UTC" if due else "not tried again by itself"
        if nothing_there:
            level = logging.INFO
        elif due is None:
            level = logging.ERROR
        log.log(level, "%s: %s; %s", job.label, trouble.sentence, then)
        told = self.report.unavailable if nothing_there else self.report.failed
        told.append((job.label, trouble.sentence))

    def _keep_delivered(self, job: Job, receipt: Receipt) -> None:
        """It was delivered before, and a new copy cannot be had: what is there stays in the books."""
        now = self.clock.now()
        checked = receipt.model_copy(update={"checked_at": now})
        kept = job.after(What.KEPT, now, "the album that is there stays")
        self.spool.finish(kept.model_copy(update={"receipt": checked, "not_before": None, "attempt": 0}))

    def _release(self, job: Job) -> None:
        """Let it go, or leave that to `hand_back_held`. Never twice: by then another may be claiming it."""
        try:
            self.spool.release(job)
        except (OSError, LocalTrouble):
            # It may say nobody's name by now, as one does whose claim was broken off.
            self._stranded = job.key, self.clock.monotonic()
        else:
            self._held = None

    def _hand_back(self, job: Job, error: AskUser | BandcampTrouble | LocalTrouble) -> NoReturn:
        self._release(job)
        if isinstance(error, LocalTrouble):
            self._tidied = float("-inf")  # what could not be removed just now
        self._tell(error)
        raise error

    def _session_works(self) -> bool:
        """Whether Bandcamp knows the fan elsewhere; one odd page must not send the user for new cookies."""
        if self.bandcamp is None:
            return False
        fan_of_page = self.bandcamp.fan_of_page
        for ask in (self.bandcamp.summary, lambda: fan_of_page(self.settings.username)):
            try:
                ask()
            except AskUser:
                return False
            except BandcampTrouble:
                continue
            return True
        return False

    def _strike(self, job: Job, error: ShapeChanged | Refused | Unreachable) -> None:
        """A page that is new in shape, refused or broken: one fails alone, several in a row are Bandcamp's trouble."""
        if isinstance(error, ShapeChanged):
            self._keep_sample(error)
        self._strikes.count += 1
        if self._strikes.count >= _STRIKES or self._is_outage(error):
            self._strikes.keys.add(job.key)
            raise error
        reason = Reason.SHAPE if isinstance(error, ShapeChanged) else Reason.SERVER
        self._fail(job, ItemTrouble(reason, str(error)))

    def _keep_sample(self, error: ShapeChanged) -> None:
        """Keep the page for whoever reports it; where the disk does not take it, the trouble is the same without."""
        assert self.bandcamp is not None
        with suppress(OSError):
            atomic.write_text(self.data.debug / "debug.html", redact_sample(self.bandcamp.last_answer))
        alarms.raise_alarm(self.data, alarms.BANDCAMP, str(error), False, self.clock.now())

    def _is_outage(self, error: BandcampTrouble) -> bool:
        """Whether Bandcamp is out of order or refuses as a whole, rather than just this page."""
        if isinstance(error, Refused):
            return self._refuses_pages()
        return isinstance(error, Unreachable) and not self._session_works()

    def _refuses_pages(self) -> bool:
        """Whether no page is to be had; what the API says tells nothing of them."""
        assert self.bandcamp is not None
        try:
            self.bandcamp.fan_of_page(self.settings.username)
        except ShapeChanged:
            return False
        except (AskUser, BandcampTrouble):
            return True
        return False

    def _tell(self, error: AskUser | BandcampTrouble | LocalTrouble) -> None:
        now = self.clock.now()
        if isinstance(error, AskUser):
            alarms.raise_alarm(self.data, alarms.SESSION, str(error), True, now)
        elif isinstance(error, DiskFull | FolderTrouble):
            alarms.raise_alarm(self.data, alarms.DISK, str(error), True, now)


def trouble_of_ours(error: BandcampSyncError) -> bool:
    """Whether a run that ended so should be tried again by itself later."""
    return isinstance(error, AskUser | BandcampTrouble | LocalTrouble | Paused)
