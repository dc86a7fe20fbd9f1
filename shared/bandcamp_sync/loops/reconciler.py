"""The reconciler's loop: reconcile when something may have changed, and do what is asked for purchases.

What may have changed: the collection, the ignore list, the music folder's marker, a retry that became due, a claim
whose worker died. Looking for those is cheap; a whole reconcile reads every job, so it is not done each minute.
"""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread

from bandcamp_sync import actions
from bandcamp_sync.actions import By
from bandcamp_sync.books import unwanted
from bandcamp_sync.choice import choose, read_choice
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Request, Verb, is_asked, take
from bandcamp_sync.deeds import Doing, taken
from bandcamp_sync.errors import LocalTrouble, Stopped, UnknownKey
from bandcamp_sync.files.marks import file_mark
from bandcamp_sync.health.timers import Timetable
from bandcamp_sync.health.unit import RECONCILE_TIMER, RETRY_TIMER, Timer
from bandcamp_sync.ignore import change_ignored, read_ignored
from bandcamp_sync.kept import Kept, KeptOfFiles
from bandcamp_sync.ledger import policy_of
from bandcamp_sync.loops.service import Troubles, run_service, tell_timers, write_state
from bandcamp_sync.paths import DataFolder, music_folder
from bandcamp_sync.plan import Intent
from bandcamp_sync.reconciles import in_words
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.glance import Glance
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import due_at, is_due
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.reconcile import counted, reconcile
from bandcamp_sync.stages.retry import retry_jobs

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_LEASES_EVERY_S = 15.0
_DISK_EVERY_S = 30.0
#: A whole reconcile now and then, for what no cheap look notices (an inbox that was deleted).
_ALL_EVERY_S = 600.0
#: After trouble (a disk that is not mounted, a full one).
_TROUBLE_WAIT_S = 15.0
#: A step of the clock beyond this is no correction.
_CLOCK_SET_S = 60.0


def reconciler_loop(settings: Settings) -> None:
    """Keep the queue in step with the collection until the process is told to end."""
    run_service("reconciler", settings, lambda data, clock: Reconciler(settings, data, clock).run())


@dataclass(frozen=True)
class Run:
    """A reconcile: when it began, and whether it came to its end."""

    at: datetime
    went_well: bool


class Reconciler:
    """One reconciler process."""

    def __init__(self, settings: Settings, data: DataFolder, clock: Clock) -> None:
        self.settings, self.data, self.clock = settings, data, clock
        self.music = music_folder(settings)
        self.spool = Spool(data.inbox)
        self.troubles = Troubles()
        self._glance = Glance(self.spool)
        self._seen: object = None
        self._due_at: dict[str, float] = {"leases": 0.0, "all": 0.0, "disk": 0.0}
        self._verifying: Thread | None = None
        self._timetable = Timetable(data.timers, "reconciler")
        self._last: Run | None = None
        self._policy = policy_of(settings)
        self._ignored = KeptOfFiles[frozenset[str]](data.ignore, data.published_ignored)
        self._earliest = Kept[datetime | None]()
        self._left: frozenset[tuple[str, datetime | None]] = frozenset()
        self._offset_s: float | None = None
        self._leases_from = float("-inf")
        # Less where the user wants retries sooner.
        self._trouble_wait_s = min(_TROUBLE_WAIT_S, settings.retry_base.total_seconds())

    def run(self) -> None:
        """Until the clock is stopped (then `Stopped` is raised)."""
        while True:
            self.clock.check()
            try:
                self.start_verify()
                self.look()
            except (LocalTrouble, OSError) as error:
                self.troubles.begin(error)
                self.publish_timers()
                self.clock.sleep(self._trouble_wait_s)
            else:
                self.troubles.over()
                self.publish_timers()
                self.clock.sleep(_LOOK_EVERY_S)

    def look(self) -> bool:
        """One look; True when it made a reconcile. Raises LocalTrouble or OSError, and looks anew next time then."""
        if self._is_time("disk", _DISK_EVERY_S):
            self.publish_disk()
        self._do_items()
        asked = take(self.data, Verb.RECONCILE)
        was_set = self._clock_was_set()
        marks = self._marks()
        if asked is None and marks == self._seen and not was_set and not self._is_needed():
            return False
        self._seen = None  # should this one fail, the next look tries again
        self._last = Run(self.clock.now(), went_well=False)
        with taken(self.data, self.clock, Verb.RECONCILE, kept=True) as doing:
            doing.outcome = in_words(counted(self._reconcile()))
        self._last = Run(self._last.at, went_well=True)
        self._left = self._left_alone(self._last.at)
        self._seen = marks
        self._due_at["all"] = self.clock.monotonic() + _ALL_EVERY_S
        if asked is not None:
            asked.done()
        return True

    def _reconcile(self) -> list[Intent]:
        by_lease = self.clock.monotonic() >= self._leases_from
        return reconcile(self.settings, self.data, self.music, self.clock, by_lease)

    def next_retry(self) -> datetime | None:
        """When the earliest retry is due, of what is wanted still; None when none waits."""
        jobs, ignored, left = self._glance.jobs(), self._ignored.of(lambda: read_ignored(self.data)), self._left

        def earliest() -> datetime | None:
            now = self.clock.now()
            failed = (job for job in self._failed() if (job.key, job.not_before) not in left)
            waiting = (due_at(job, now) for job in failed if unwanted(job.item, ignored, self._policy) is None)
            return min((due for due in waiting if due is not None), default=None)

        # Asked several times a second, of twenty thousand jobs: looked through anew only when one of them changed.
        return self._earliest.of(earliest, jobs, ignored, left)

    def _failed(self) -> Iterator[Job]:
        return (job for state, job in self._glance.jobs().values() if state is State.FAILED)

    def _left_alone(self, at: datetime) -> frozenset[tuple[str, datetime | None]]:
        """What was due at a reconcile that began then, and is where it was: due for ever, it is no reason for another
        one. Bandcamp lists it as hidden by now, say."""
        return frozenset((job.key, job.not_before) for job in self._failed() if is_due(job, at))

    def publish_timers(self) -> None:
        """Leave for others when this looks again, and when the next retry is due."""
        last, retry = self._last, self.next_retry()
        whole = Timer()
        if last is not None:
            wait_s = _ALL_EVERY_S if last.went_well else self._trouble_wait_s
            result = "success" if last.went_well else "exit-code"
            whole = Timer(rfc3339(last.at + timedelta(seconds=wait_s)), rfc3339(last.at), result)
        timers = {RECONCILE_TIMER: whole, RETRY_TIMER: Timer(rfc3339(retry) if retry is not None else None)}
        tell_timers(self._timetable, timers)

    def publish_disk(self) -> None:
        """Leave the music disk's free room for those who may not see the music folder."""
        try:
            usage = shutil.disk_usage(self.music.root)
        except OSError:
            return
        now = rfc3339(self.clock.now())
        write_state(self.data.state / "disk.json", {"free": usage.free, "total": usage.total, "checked_at": now})

    # --- why to reconcile --------------------------------------------------------------------------------------------

    def _marks(self) -> object:
        """What a reconcile depends on, cheaply looked at."""
        inbox = file_mark(self.data.inbox)
        return (
            file_mark(self.data.collection),
            file_mark(self.data.ignore),
            file_mark(self.data.choice),
            file_mark(self.music.marker) is not None,
            inbox[1] if inbox else None,
        )

    def _is_needed(self) -> bool:
        now = self.clock.monotonic()
        if now >= self._due_at["all"]:
            return True
        lease = self.settings.lease
        is_time = now >= self._leases_from and self._is_time("leases", min(_LEASES_EVERY_S, lease.total_seconds() / 2))
        if is_time and self.spool.expired(lease, self.clock.now()):
            return True
        due = self.next_retry()
        return due is not None and due <= self.clock.now()

    def _clock_was_set(self) -> bool:
        """Whether the clock was set since the last look; then no time that was looked at before says anything."""
        offset_s = self.clock.now().timestamp() - self.clock.monotonic()
        before_s, self._offset_s = self._offset_s, offset_s
        was_set = before_s is not None and abs(offset_s - before_s) > _CLOCK_SET_S
        if was_set:
            log.info("the clock was set by %+.0f s", offset_s - (before_s or 0.0))
            self._earliest = Kept()
            # The workers' next signs of life tell who of them lives.
            self._leases_from = self.clock.monotonic() + self.settings.lease.total_seconds()
        return was_set

    def _is_time(self, what: str, every_s: float) -> bool:
        now = self.clock.monotonic()
        if now < self._due_at[what]:
            return False
        self._due_at[what] = now + every_s
        return True

    # --- what is asked -----------------------------------------------------------------------------------------------

    def _do_items(self) -> None:
        """Retry, ignore, unignore and the choice, as asked by the dashboard."""
        if not is_asked(self.data, (Verb.RETRY, Verb.IGNORE, Verb.UNIGNORE, Verb.CHOOSE)):
            return
        if (wanted := take(self.data, Verb.CHOOSE)) is not None:
            with taken(self.data, self.clock, Verb.CHOOSE, kept=True) as doing:
                choose(self.data, wanted)
                chosen = read_choice(self.data)
                doing.outcome = (
                    "only what is bought from now on" if chosen and chosen.since else "everything is fetched"
                )
            wanted.done()
        if (wanted := take(self.data, Verb.IGNORE)) is not None:
            with taken(self.data, self.clock, Verb.IGNORE, kept=True) as doing:
                change_ignored(self.data, add=wanted.keys)
                doing.outcome = "ignored"
            self._told(wanted)
        if (wanted := take(self.data, Verb.UNIGNORE)) is not None:
            with taken(self.data, self.clock, Verb.UNIGNORE, kept=True) as doing:
                change_ignored(self.data, drop=wanted.keys)
                doing.outcome = "no longer ignored"
            self._told(wanted)
        if (wanted := take(self.data, Verb.RETRY)) is not None:
            with taken(self.data, self.clock, Verb.RETRY, kept=True) as doing:
                self._retry(wanted, doing)
            wanted.done()

    def _told(self, wanted: Request) -> None:
        log.info("%s: %s", wanted.verb, ", ".join(wanted.keys) or "nothing was named")
        wanted.done()

    def _retry(self, wanted: Request, doing: Doing) -> None:
        if wanted.everything:
            moved = retry_jobs(self.settings, self.data, None, self.clock)
            log.info("retry: %d queued, as asked", len(moved))
            doing.end(None, f"{len(moved)} queued again" if moved else "nothing had failed")
        for key in wanted.keys:
            try:
                moved = retry_jobs(self.settings, self.data, [key], self.clock)
                doing.end(key, "queued again" if moved else "nothing to do: it had not failed")
            except UnknownKey as error:
                log.warning("retry: %s", error)
                doing.end(key, str(error), actions.State.FAILED)

    def start_verify(self) -> None:
        """When asked for, verify beside the loop: a library takes hours, and the queue must go on meanwhile."""
        if self._verifying is not None and self._verifying.is_alive():
            return
        if (wanted := take(self.data, Verb.VERIFY)) is not None:
            self._verifying = Thread(target=self.verify, args=(wanted,), name="verify", daemon=True)
            self._verifying.start()

    def verify(self, wanted: Request | None = None) -> None:
        """Check the library now, and leave what was found for others to see. `wanted`: what asked for it."""
        try:
            with taken(self.data, self.clock, Verb.VERIFY, otherwise=By.COMMAND_LINE) as doing:
                if wanted is not None:
                    wanted.done()
                doing.outcome = self._verify()
        except Stopped:
            return
        except (LocalTrouble, OSError) as error:
            log.error("verify: %s", error)

    def _verify(self) -> str:
        """What came of it."""
        from bandcamp_sync.stages.verify import verify  # decodes audio: loaded when asked for

        verdicts = verify(self.data, self.music, self.clock)
        bad = [verdict for verdict in verdicts if not verdict.good]
        for verdict in bad:
            what = "; ".join(f"{path} {problem}" for path, problem in verdict.told) or "its folder is gone"
            log.error("verify: %s: %s", verdict.job.label, what)
        outcome = f"{len(verdicts) - len(bad)} of {len(verdicts)} albums are whole"
        log.info("verify: %s", outcome)
        keys = [verdict.job.key for verdict in bad]
        now = rfc3339(self.clock.now())
        write_state(self.data.state / "verify.json", {"at": now, "albums": len(verdicts), "broken": keys})
        return outcome
