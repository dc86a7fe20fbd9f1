"""The scraper's loop: a scrape now and then, counted from the last run on disk, or at once when asked.

`state/scrape.json` says when the last scrape ended and how (the stage writes it); `state/scraper.json` is this loop's
own memory: how many scrapes failed in a row, which cookies the last one had, and whether one was under way when this
process ended.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.actions import By
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Request, Verb, is_asked, take
from bandcamp_sync.deeds import Doing, running, taken
from bandcamp_sync.errors import AskUser, BandcampSyncError, BandcampTrouble, LocalTrouble, Paused, RateLimited
from bandcamp_sync.files.marks import changed_ns, file_mark
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.health.timers import Timetable
from bandcamp_sync.health.unit import SCRAPE_TIMER, Timer
from bandcamp_sync.loops.covers import Covers
from bandcamp_sync.loops.handover import beside
from bandcamp_sync.loops.service import Troubles, run_service, tell_timers, write_state
from bandcamp_sync.notify import tell_news
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.stages.run_scrape import last_scrape, run_scrape

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_TELL_AGAIN_S = 300.0
#: Times further ahead than clocks differ, or Bandcamp ever asks for, are of a clock that was set back since.
_AHEAD, _LONGEST_WISH = timedelta(minutes=5), timedelta(days=1, minutes=5)


@dataclass(frozen=True)
class Memory:
    """`started_at`, `not_before`: RFC 3339. `cookies`: the mark of the cookies file at the last failure."""

    failures: int = 0
    cookies: list[int] | None = None
    started_at: str | None = None
    not_before: str | None = None


def scraper_loop(settings: Settings) -> None:
    """Scrape every SCRAPE_INTERVAL, and when asked, until the process is told to end."""

    def loop(data: DataFolder, clock: Clock) -> None:
        with beside(settings, data, clock):
            Scraper(settings, data, clock).run()

    run_service("scraper", settings, loop)


def next_scrape(last: datetime | None, memory: Memory, settings: Settings, now: datetime) -> datetime:
    """When the next scrape is due. After failures the wait starts at RETRY_BASE and doubles up to SCRAPE_INTERVAL."""
    if memory.started_at is not None:
        # It was under way when the process ended: its start is the last run, and it counts as one that failed.
        started = datetime.fromisoformat(memory.started_at)
        last = max(last, started) if last is not None else started
        memory = replace(memory, failures=memory.failures + 1)
    if last is None:
        return now
    wait = settings.scrape_interval
    if memory.failures:
        wait = min(settings.retry_base * 2 ** min(memory.failures - 1, 30), wait)
    due = last + wait
    if memory.not_before is not None:
        due = max(due, datetime.fromisoformat(memory.not_before))
    # A last run in the future is a clock that jumped back; the longest wait is one interval from now.
    return min(due, now + settings.scrape_interval)


class Scraper:
    """One scraper process."""

    def __init__(self, settings: Settings, data: DataFolder, clock: Clock) -> None:
        self.settings, self.data, self.clock = settings, data, clock
        self.troubles, self._looks = Troubles(), Troubles()
        self.covers = Covers(settings, data, clock)
        self._memory_path = data.state / "scraper.json"
        self._timetable = Timetable(data.timers, "scraper")
        # Kept here too, so that a disk that takes no more files does not make this loop forget and ask without end.
        self.memory = read_memory(self._memory_path)
        self._last_try: datetime | None = None
        self._told_mark: object = None
        self._tell_again = 0.0

    def run(self) -> None:
        """Until the clock is stopped (then `Stopped` is raised)."""
        while True:
            self.clock.check()
            try:
                if self.is_due():
                    self.scrape_once()
                self.tell()
                self.publish_timer(running=False)
                self.covers.step()
            except (LocalTrouble, OSError) as error:  # too many open files: not even a look is possible
                self._looks.begin(error)
            else:
                self._looks.over()
            self.clock.sleep(_LOOK_EVERY_S)

    def is_due(self) -> bool:
        """Whether to scrape now: not while paused; when asked; when time is up; when a failure's cookies changed."""
        if self.data.paused.exists():
            return False
        if is_asked(self.data, (Verb.SCRAPE,)):
            return True
        if (self.memory.failures and self.memory.cookies != self._cookies()) or self._is_renewed():
            return True
        due = self.next_due()
        return due is not None and due <= self.clock.now()

    def _is_renewed(self) -> bool:
        """Whether the cookies were renewed since somebody found the login over, and not tried since."""
        alarm, cookies = file_mark(self.data.alarms / f"{alarms.SESSION}.json"), self._cookies()
        if alarm is None or cookies is None:
            return False
        changed_at, last = changed_ns(self._cookies_file), self._last()
        return changed_at > alarm[0] and (last is None or last.timestamp() * 1e9 < changed_at)

    def next_due(self) -> datetime | None:
        """When the next scrape is due by itself; None while paused."""
        if self.data.paused.exists():
            return None
        now = self.clock.now()
        self._forget_what_is_ahead(now)
        return next_scrape(self._last(), self.memory, self.settings, now)

    def _forget_what_is_ahead(self, now: datetime) -> None:
        """Without this the next scrape, by a clock that was set back, would be an interval away at each look."""
        if self._last_try is not None and self._last_try > now + _AHEAD:
            self._last_try = now
        memory = self.memory
        if memory.started_at is not None and datetime.fromisoformat(memory.started_at) > now + _AHEAD:
            self.memory = memory = replace(memory, started_at=None)
        if memory.not_before is not None and datetime.fromisoformat(memory.not_before) > now + _LONGEST_WISH:
            self.memory = replace(memory, not_before=None)

    def scrape_once(self) -> BandcampSyncError | OSError | None:
        """One scrape. Trouble is told once and remembered, and never ends the loop: it is what comes back."""
        asked = take(self.data, Verb.SCRAPE)
        failures = self.memory.failures + (self.memory.started_at is not None)
        self._last_try = self.clock.now()
        cookies = self._cookies()  # now, as others may take their place before the end
        self._remember(Memory(failures, cookies, rfc3339(self._last_try)))
        self.publish_timer(running=True)
        try:
            with self._listed(asked) as doing:
                doing.outcome = run_scrape(self.settings, self.data, self.clock).sentence
        except (AskUser, BandcampTrouble, LocalTrouble, Paused, OSError) as error:
            until = rfc3339(error.until) if isinstance(error, RateLimited) else None
            self._remember(Memory(failures + 1, cookies, None, until))
            self.troubles.begin(error)
            return error
        self._remember(Memory())
        self.troubles.over()
        return None

    @contextmanager
    def _listed(self, asked: Request | None) -> Iterator[Doing]:
        """Write into the journal who wanted this scrape, and what came of it."""
        if asked is None:
            with running(self.data, self.clock, Verb.SCRAPE, By.TIMER) as doing:
                yield doing
        else:
            with taken(self.data, self.clock, Verb.SCRAPE, otherwise=By.DASHBOARD) as doing:
                asked.done()
                yield doing

    def tell(self) -> None:
        """Notify of alarms, whoever raised them: at once when they change, and again later what could not be sent.

        It is done here because this is the one process of its kind that has a network.
        """
        mark, now = file_mark(self.data.alarms), self.clock.monotonic()
        if mark != self._told_mark or now >= self._tell_again:
            self._told_mark, self._tell_again = mark, now + _TELL_AGAIN_S
            tell_news(self.settings, self.data)

    def publish_timer(self, running: bool) -> None:
        """Leave for others when the next scrape is due, and how the last one went."""
        due, last = self.next_due(), last_scrape(self.data)
        timer = Timer(
            next_elapse=rfc3339(due) if due is not None and not running else None,
            last_trigger=rfc3339(last[0]) if last else None,
            last_result=("success" if last[1] == "done" else "exit-code") if last else None,
            running=running,
        )
        tell_timers(self._timetable, {SCRAPE_TIMER: timer})

    def _last(self) -> datetime | None:
        """The last run, by anybody: the command line leaves its runs in the same file."""
        found = last_scrape(self.data)
        if found is None:
            return self._last_try
        at, result = found
        if at > self.clock.now() + _AHEAD:
            return self._last_try
        if result == "done" and self.memory.failures and (self._last_try is None or at > self._last_try):
            self.memory = Memory()
        return max(at, self._last_try) if self._last_try is not None else at

    @property
    def _cookies_file(self) -> Path:
        return self.settings.cookies_file.expanduser().absolute()

    def _cookies(self) -> list[int] | None:
        mark = file_mark(self._cookies_file)
        return list(mark) if mark else None

    def _remember(self, memory: Memory) -> None:
        self.memory = memory
        write_state(self._memory_path, asdict(memory))


def read_memory(path: Path) -> Memory:
    """What the loop remembers; nothing when the file is not what it should be."""
    try:
        value = read_json(path)
        memory = Memory(**{name: value.get(name) for name in Memory.__dataclass_fields__})
        if any(
            at is not None and datetime.fromisoformat(at).tzinfo is None
            for at in (memory.started_at, memory.not_before)
        ):
            return Memory()
        return replace(memory, failures=max(0, int(memory.failures or 0)))
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return Memory()
