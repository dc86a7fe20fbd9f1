"""Looks at the drop place beside the scraper's loop: what was handed over is judged within seconds.

A thread of its own, as a scrape can take hours, and a pause can last for weeks. It has no memory but the files: what
was taken lies in `drop/` until it is judged, and `state/drop.json` says what is known of it and when to try again.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread

from bandcamp_sync import actions
from bandcamp_sync.actions import By
from bandcamp_sync.bandcamp.patience import HOLD_MAX_S
from bandcamp_sync.bandcamp.session import hold_base_s
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.drop import check, seal
from bandcamp_sync.drop.seal import Handed, Unopened
from bandcamp_sync.drop.verdict import Outcome, Verdict, forget_verdict, publish_verdict, read_verdict
from bandcamp_sync.errors import (
    AskUser,
    BandcampTrouble,
    HandedRefused,
    LocalTrouble,
    RateLimited,
    ShapeChanged,
    Stopped,
)
from bandcamp_sync.files.marks import file_mark
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.loops.service import Troubles
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_END_WITHIN_S = 5.0
_AGAIN = "hand it over again"


class ClockBeside(Clock):
    """A clock for a thread beside a loop: stopped with the loop's, and no sign of the loop's life."""

    def __init__(self, loops: Clock) -> None:
        super().__init__()
        loops.end_at_stop(self)

    def end(self) -> None:
        """The loop is told to end."""
        self.stop()


class Handover:
    """One scraper's look at the drop place."""

    def __init__(self, settings: Settings, data: DataFolder, clock: Clock) -> None:
        self.settings, self.data, self.clock = settings, data, clock
        self.accepted = 0
        self._troubles = Troubles()
        self._marks: object = None
        self._not_due: object = None

    def run(self) -> None:
        """Look twice a second until the clock is stopped. Whatever goes wrong is told, and no end of it."""
        while not self.clock.stopped:
            try:
                self.look()
                self.clock.sleep(_LOOK_EVERY_S)
            except Stopped:
                return
            except Exception:
                log.exception("the look at what was handed over failed")
                self._marks = None

    def look(self) -> bool:
        """One look; True when a login was accepted. Raises Stopped; trouble is told and waited for."""
        try:
            self._keep_key()
            seal.take(self.data)
            accepted = self._judge_taken()
        except (LocalTrouble, OSError) as error:
            self._troubles.begin(error)
            return False
        self._troubles.over()
        self.accepted += accepted
        return accepted

    def _keep_key(self) -> None:
        """There is always a key to seal to, also when somebody removed it."""
        marks = file_mark(self.data.drop_key), file_mark(self.data.drop_public)
        if marks != self._marks or None in marks:
            seal.own_key(self.data)
            self._marks = file_mark(self.data.drop_key), file_mark(self.data.drop_public)

    def _judge_taken(self) -> bool:
        verdict, now = read_verdict(self.data), self.clock.now()
        mark = file_mark(seal.taken_path(self.data))
        if mark is None:
            if verdict is not None and verdict.state in (Outcome.CHECKING, Outcome.WAITING):
                forget_verdict(self.data)  # what it speaks of is gone
            return False
        if mark == self._not_due and verdict is not None and not _is_due(verdict, now):
            return False
        handed = seal.open_taken(self.data, seal.own_key(self.data))
        match handed:
            case None:
                return False
            case Unopened(drop_id, problem, damaged):
                if damaged:
                    quarantine(seal.taken_path(self.data), now, problem)
                self._end(Verdict(drop_id, rfc3339(now), Outcome.REFUSED, problem=f"{problem}: {_AGAIN}"))
                return False
        tries = verdict.tries if verdict is not None and verdict.id == handed.id else 0
        if tries and verdict is not None and not _is_due(verdict, now):
            self._not_due = mark
            return False
        return self._judge(handed, tries + 1)

    def _judge(self, handed: Handed, tries: int) -> bool:
        now = self.clock.now()
        # The next try is set before this one, so that a process that dies of it does not ask without end.
        wait_s = min(hold_base_s(self.settings) * 2 ** min(tries - 1, 30), HOLD_MAX_S)
        due = rfc3339(now + timedelta(seconds=wait_s))
        checking = Verdict(handed.id, rfc3339(now), Outcome.CHECKING, next_try=due, tries=tries)
        publish_verdict(self.data, checking)
        try:
            login = self._login(handed)
            if seal.sealed_path(self.data).exists():
                return False  # something newer was handed over meanwhile, and takes the place of this
            check.accept(login, self.settings, self.data, self.clock)
        except AskUser as error:
            switch = isinstance(error, HandedRefused) and error.can_switch
            self._end(self._said(checking, Outcome.REFUSED, str(error), can_switch=switch))
            return False
        except (BandcampTrouble, LocalTrouble, OSError) as error:
            self._wait(checking, error)
            return False
        except Stopped:
            # Told to end is no failure: the next look, of whatever process, goes on at once.
            publish_verdict(self.data, replace(checking, next_try=checking.checked_at, tries=tries - 1))
            raise
        except Exception:
            self._end(self._said(checking, Outcome.REFUSED, "it could not be checked; scraper.log says why"))
            raise
        self._end(_welcomed(self._said(checking, Outcome.ACCEPTED), login))
        return True

    def _login(self, handed: Handed) -> check.Login:
        cookies = check.read_login(handed.given, self.settings, self.clock.now())
        login = check.find_login(cookies, self.settings, self.data, self.clock)
        check.check_account(login, self.settings, self.data, self.clock.now(), handed.switch)
        return login

    def _wait(self, checking: Verdict, error: BandcampTrouble | LocalTrouble | OSError) -> None:
        """It is tried again, when Bandcamp may be asked and not before."""
        now = self.clock.now()
        wait = _moment(checking.next_try) - _moment(checking.checked_at)
        due = max(now + wait, error.until) if isinstance(error, RateLimited) else now + wait
        log.info("what was handed over waits: %s", _problem(error))
        waiting = self._said(checking, Outcome.WAITING, _problem(error))
        publish_verdict(self.data, replace(waiting, next_try=rfc3339(due)))

    def _said(
        self, checking: Verdict, outcome: Outcome, problem: str | None = None, can_switch: bool = False
    ) -> Verdict:
        now = rfc3339(self.clock.now())
        return replace(checking, checked_at=now, state=outcome, problem=problem, can_switch=can_switch, next_try=None)

    def _end(self, verdict: Verdict) -> None:
        refused = verdict.state == Outcome.REFUSED
        if refused:
            log.warning("what was handed over is refused: %s", verdict.problem)
        publish_verdict(self.data, verdict)
        seal.forget_taken(self.data)
        outcome = verdict.problem if refused else f"logged in as {verdict.username or f'fan {verdict.fan_id}'}"
        now, state = self.clock.now(), actions.State.FAILED if refused else actions.State.DONE
        entry = actions.new("hand-over", By.DASHBOARD, now, None, state)
        actions.begin(self.data, actions.ended(entry, state, outcome, now))


def _welcomed(verdict: Verdict, login: check.Login) -> Verdict:
    fan, until = login.found.fan, rfc3339(login.expires) if login.expires else None
    return replace(verdict, username=fan.username, fan_id=fan.fan_id, expires=until)


@contextmanager
def beside(settings: Settings, data: DataFolder, clock: Clock) -> Iterator[Handover]:
    """Look at the drop place for as long as the block lasts."""
    own = ClockBeside(clock)
    handover = Handover(settings, data, own)
    thread = Thread(target=handover.run, name="handover", daemon=True)
    thread.start()
    try:
        yield handover
    finally:
        own.stop()
        thread.join(_END_WITHIN_S)


def _is_due(verdict: Verdict, now: datetime) -> bool:
    # A time too far away is a clock that jumped, and no wish of ours or Bandcamp's.
    due = _moment(verdict.next_try) if verdict.next_try is not None else now
    return due <= now or due - now > timedelta(days=1)


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "")


def _problem(error: BandcampTrouble | LocalTrouble | OSError) -> str:
    if isinstance(error, ShapeChanged):
        return f"Bandcamp's {error.where} has changed shape ({error.field!r} is not where it was). Please report it"
    if isinstance(error, OSError):
        return f"the data folder cannot be written ({error.strerror or error})"
    return str(error)
