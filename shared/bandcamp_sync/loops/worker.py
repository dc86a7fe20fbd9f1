"""The worker's loop: works whenever something is pending; waits out what is no fault of a purchase."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.pace import standing_hold
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import AskUser, BandcampTrouble, LocalTrouble, Paused, RateLimited
from bandcamp_sync.files.marks import changed_ns, file_mark
from bandcamp_sync.loops.service import Troubles, run_service
from bandcamp_sync.paths import DataFolder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.stages.fan import open_or_tell
from bandcamp_sync.stages.reconcile import recover_abandoned
from bandcamp_sync.stages.work import Worker

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
#: A session (and its browser) that has nothing to do is closed after this long.
_IDLE_S = 60.0
_WAIT_MIN_S, _WAIT_MAX_S = 30.0, 300.0
#: Where only a person can help, asking again is mostly in vain; but Bandcamp, too, is wrong at times.
_ASK_AGAIN_S, _ASK_AGAIN_MAX_S = 900.0, 21600.0


def worker_loop(settings: Settings) -> None:
    """Work on one purchase after another until the process is told to end."""
    run_service("worker", settings, lambda data, clock: WorkerLoop(settings, data, clock).run())


class WorkerLoop:
    """One worker process."""

    def __init__(
        self,
        settings: Settings,
        data: DataFolder,
        clock: Clock,
        open_bandcamp: Callable[[], Bandcamp] | None = None,
    ) -> None:
        self.settings, self.data, self.clock = settings, data, clock
        self.troubles, self._looks = Troubles(), Troubles()
        opener = open_bandcamp or (lambda: open_or_tell(settings, data, clock))
        self.worker = Worker(settings, data, music_folder(settings), clock, opener)
        self._idle_since = clock.monotonic()
        self._logged_out: tuple[object, object, float] | None = None

    def run(self) -> None:
        """Until the clock is stopped (then `Stopped` is raised); what it held is handed back."""
        self.worker.spool.make_folders()
        recover_abandoned(self.settings, self.data, self.clock)
        try:
            while True:
                self.clock.check()
                try:
                    worked = self.step()
                except (LocalTrouble, OSError) as error:  # too many open files: not even a look is possible
                    self._looks.begin(error)
                    worked = False
                else:
                    self._looks.over()
                if not worked:
                    self.clock.sleep(_LOOK_EVERY_S)
        finally:
            self.worker.close()

    def step(self) -> bool:
        """Work on one job, or wait out a trouble; False when there is nothing to do."""
        if self.data.paused.exists() or not self.worker.spool.keys(State.PENDING):
            self._rest()
            return False
        if self._is_known_logged_out():
            self._rest()
            return False
        marks = self._marks()
        try:
            worked = self.worker.work_one()
        except Paused:
            return False
        except (AskUser, BandcampTrouble, LocalTrouble, OSError) as error:
            self.worker.close()
            self.troubles.begin(error)
            self._wait_for_change(marks, self._patience_s(error))
            return True
        if worked:
            self.troubles.over()
            self._idle_since = self.clock.monotonic()
        return worked

    def _rest(self) -> None:
        if self.worker.bandcamp is not None and self.clock.monotonic() - self._idle_since > _IDLE_S:
            self.worker.close()

    def _patience_s(self, error: Exception) -> float:
        """How long to wait: longer each time the trouble comes again, and as long as Bandcamp said."""
        # Less where the user wants retries sooner.
        shortest_s = min(_WAIT_MIN_S, max(0.1, self.settings.retry_base.total_seconds()))
        longest_s = min(_WAIT_MAX_S, max(shortest_s, self.settings.retry_max.total_seconds()))
        wait_s = min(shortest_s * 2.0 ** min(self.troubles.in_a_row - 1, 10), longest_s)
        if isinstance(error, AskUser):
            wait_s = min(_ASK_AGAIN_S * 2.0 ** min(self.troubles.in_a_row - 1, 10), _ASK_AGAIN_MAX_S)
        elif isinstance(error, LocalTrouble | OSError):
            wait_s = shortest_s  # to look at one's own disk again costs nobody anything
        else:
            held = error if isinstance(error, RateLimited) else standing_hold(self.data.patience, self.clock.now())
            if held is not None:
                wait_s = max(1.0, min((held.until - self.clock.now()).total_seconds(), 3600.0))
        return wait_s

    def _wait_for_change(self, before: object, wait_s: float) -> None:
        """Sleep, but no longer than until something that the trouble may hang on has changed."""
        until = self.clock.monotonic() + wait_s
        while self.clock.monotonic() < until and self._marks() == before:
            with suppress(OSError, LocalTrouble):
                self.worker.hand_back_held()
            self.clock.sleep(min(_LOOK_EVERY_S, max(0.01, until - self.clock.monotonic())))

    def _marks(self) -> object:
        """What a person does to mend things shows here: new cookies, pause or resume, the disk mounted again."""
        return (
            self._cookies(),
            file_mark(self.data.paused) is not None,
            file_mark(self.worker.music.marker) is not None,
        )

    @property
    def _cookies_file(self) -> Path:
        return self.settings.cookies_file.expanduser().absolute()

    def _cookies(self) -> tuple[int, int, int] | None:
        return file_mark(self._cookies_file)

    def _is_known_logged_out(self) -> bool:
        """Whether some process found that the login is over, and nothing was done about it yet.

        Each worker finding out by itself would be many requests that are all in vain.
        """
        alarm, cookies = file_mark(self.data.alarms / f"{alarms.SESSION}.json"), self._cookies()
        if alarm is None or changed_ns(self._cookies_file) > alarm[0]:
            self._logged_out = None
            return False
        now = self.clock.monotonic()
        if self._logged_out is None or self._logged_out[0] != alarm:
            self._logged_out = alarm, cookies, now + _ASK_AGAIN_S
        return self._logged_out[1] == cookies and now < self._logged_out[2]
