"""Covers that nothing brings by itself, fetched one by one between scrapes, and never in anybody's way.

A picture is asked for by a thread of its own, so that neither a scrape nor a stop waits for a slow server. Trouble
(429, 403, 5xx, no connection) ends the round for a quarter of an hour or more, and is no alarm: a picture is a bonus.
`state/covers.json` remembers that; which pictures there are, and which cannot be had, the folder itself does.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from bandcamp_sync.bandcamp.art import ArtHost, is_bandcamp
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace
from bandcamp_sync.bandcamp.session import hold_base_s, read_session
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.item import Capture
from bandcamp_sync.covers import MAX_FILES, CoverFolder
from bandcamp_sync.errors import BandcampTrouble, RateLimited, Unreachable
from bandcamp_sync.files.marks import file_mark
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.loops.cover_plan import (
    FIRST_WAIT,
    Rounds,
    Wanted,
    after_answer,
    after_strike,
    after_trouble,
    in_turn,
    read_rounds,
    wanted_of,
)
from bandcamp_sync.loops.service import write_state
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)

#: Between two pictures, in units of REQUEST_INTERVAL; and never less than so many seconds where Bandcamp is real.
SPACING, FLOOR_S = 2.0, 2.0
MISSING_FOR = timedelta(days=30)
_PLAN_AGAIN_S = 600.0
_SWEEP_EVERY = timedelta(days=1)
_SLICE_S = 0.1


class Covers:
    """Fetches what is missing. `floor_s`: the least time between two requests, for a Bandcamp that is not real."""

    def __init__(self, settings: Settings, data: DataFolder, clock: Clock, floor_s: float | None = None) -> None:
        self._data, self._clock = data, clock
        policy = HostPolicy(settings.base_url)
        floor_s = floor_s if floor_s is not None else (FLOOR_S if is_bandcamp(policy) else 0.0)
        self._gap_s = max(floor_s, SPACING * settings.request_interval.total_seconds())
        self._host, self._folder = ArtHost(policy, clock), CoverFolder(data.covers)
        self._pace = Pace(data.patience, settings.request_interval, clock, hold_base_s(settings))
        self._flight: _Flight | None = None
        self._wanted: list[Wanted] = []
        self._mark: object = None
        self._turn: deque[int] = deque()
        self._next_at = self._plan_at = float("-inf")
        self._memory = data.state / "covers.json"
        # Kept here too, so that a disk that takes no more files does not make this loop forget and ask without end.
        self.rounds = read_rounds(self._memory)

    def step(self) -> bool:
        """Look once: take in the picture that came, or ask for the next; never waits. False when there is nothing to
        do for now.
        """
        try:
            return self._take_in(self._flight) if self._flight is not None else self._ask_next()
        except OSError as error:
            log.debug("no covers for now: %s", error)
        except Exception:
            # Pictures are a bonus; whatever is wrong with them, scraping goes on.
            log.exception("covers: unexpected")
        self._flight = None
        self._remember(replace(self.rounds, not_before=rfc3339(self._clock.now() + FIRST_WAIT)))
        return False

    def batch(self, for_s: float, until: Callable[[], bool]) -> None:
        """Step until there is nothing to do, `for_s` seconds are over, or `until()`. Raises Stopped."""
        end = self._clock.monotonic() + for_s
        while self.step() and self._clock.monotonic() < end and not until():
            self._clock.sleep(_SLICE_S)
        # A request that felt the stop first looks like any other trouble.
        self._clock.check()

    # --- asking ------------------------------------------------------------------------------------------------------

    def _ask_next(self) -> bool:
        now = self._clock.monotonic()
        if now < self._next_at:
            return bool(self._turn)
        mark = file_mark(self._data.collection)
        is_new = mark != self._mark or now >= self._plan_at
        if not (self._turn or is_new) or not self._may_ask():
            return False
        if is_new:
            self._plan(mark)
        while self._turn:
            art_id = self._turn.popleft()
            if not self._folder.has(art_id):
                self._flight = _Flight(self._host, art_id)
                self._flight.start()
                return True
        return False

    def _may_ask(self) -> bool:
        """Not while paused, logged out or held, nor before the wait after a trouble is over."""
        return (
            not self.rounds.is_waiting(self._clock.now())
            and not self._data.paused.exists()
            and read_session(self._data.session).logged_in
            and self._pace.is_open()
        )

    def _plan(self, mark: object) -> None:
        """Work out the turn anew: there is another capture, or pictures came and went by other ways."""
        if mark != self._mark:
            self._mark, self._wanted = mark, self._read_wanted()
        self._plan_at = self._clock.monotonic() + _PLAN_AGAIN_S
        self._sweep()
        listed, spool = self._folder.listed(self._clock.now()), Spool(self._data.inbox)
        under_way = {key for state in (State.PENDING, State.IN_PROGRESS) for key in spool.keys(state)}
        settled = {key for state in (State.DONE, State.FAILED) for key in spool.keys(state)}
        turn = in_turn(self._wanted, listed.known, under_way, settled, self.rounds.strikes)
        self._turn = deque(turn[: max(0, MAX_FILES - listed.files)])

    def _read_wanted(self) -> list[Wanted]:
        try:
            return wanted_of(Capture.model_validate_json(read_bytes(self._data.collection)))
        except (OSError, ValidationError):
            return []

    def _sweep(self) -> None:
        """Remove the pictures of what is owned no more, once a day. An empty collection is no reason to."""
        swept, now = self.rounds.swept_at, self._clock.now()
        if not self._wanted or (swept is not None and abs(now - datetime.fromisoformat(swept)) < _SWEEP_EVERY):
            return
        removed = self._folder.sweep({one.art_id for one in self._wanted}, now)
        log.debug("covers: %d files of no use removed", removed)
        self._remember(replace(self.rounds, swept_at=rfc3339(now)))

    # --- what came ---------------------------------------------------------------------------------------------------

    def _take_in(self, flight: "_Flight") -> bool:
        if flight.is_alive():
            return True
        self._flight = None
        self._next_at = self._clock.monotonic() + self._gap_s * random.uniform(1.0, 1.5)
        if flight.trouble is not None:
            self._end_round(flight.art_id, flight.trouble)
            return False
        if flight.picture is None:
            self._miss(flight.art_id)
        else:
            self._folder.keep(flight.art_id, flight.picture)
        self._remember(after_answer(self.rounds, flight.art_id))
        return bool(self._turn)

    def _end_round(self, art_id: int, trouble: BandcampTrouble) -> None:
        rounds, is_missing, asked_until = self.rounds, False, None
        if isinstance(trouble, RateLimited):
            asked_until = trouble.until
            self._pace.limited(max(0.0, (trouble.until - self._clock.now()).total_seconds()) or None)
        else:
            is_silence = isinstance(trouble, Unreachable) and trouble.status is None
            rounds, is_missing = after_strike(rounds, art_id, not is_silence)
        self._remember(after_trouble(rounds, self._clock.now(), random.random(), asked_until))
        self._plan_at = float("-inf")
        log.debug("no covers until %s: %s", self.rounds.not_before, trouble)
        if is_missing:
            self._miss(art_id)

    def _miss(self, art_id: int) -> None:
        log.debug("no cover a%d", art_id)
        self._folder.note_missing(art_id, self._clock.now() + MISSING_FOR)

    def _remember(self, rounds: Rounds) -> None:
        if rounds != self.rounds:
            self.rounds = rounds
            write_state(self._memory, asdict(rounds))


class _Flight(threading.Thread):
    """One request under way. A daemon: the process that is told to end does not wait for it."""

    def __init__(self, host: ArtHost, art_id: int) -> None:
        super().__init__(name=f"cover a{art_id}", daemon=True)
        self._host, self.art_id = host, art_id
        self.picture: bytes | None = None
        self.trouble: BandcampTrouble | None = None

    def run(self) -> None:
        """Ask; what came, or what was wrong, is left here for who looks next."""
        try:
            self.picture = self._host.small(self.art_id)
        except BandcampTrouble as trouble:
            self.trouble = trouble
        except Exception as error:
            log.exception("cover a%d: unexpected", self.art_id)
            self.trouble = Unreachable(f"cover a{self.art_id}", type(error).__name__, 0)
