"""Workers and reconcilers that are killed between any two steps on the disk: nothing is lost or held twice."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bandcamp_sync.errors import LeaseLost, TransferBroken
from bandcamp_sync.files import atomic
from bandcamp_sync.plan import Act, from_the_dead
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import after_failure
from bandcamp_sync.spool.spool import Spool
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from unit.factories import job, receipt

LEASE = timedelta(hours=1)
MANY = 10**6
KEYS = st.sampled_from(["p1", "p2", "p3"])
HOLDERS = st.sampled_from(["ann", "ben", "cid", "dee"])
#: Before which step on the disk the process is killed; None lets it end.
KILLED = st.none() | st.integers(0, 3)
_STEPS = ("write_bytes", "write_new", "move", "remove")


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(step: int | None) -> Iterator[None]:
    """Let so many steps on the disk happen, and not one more."""
    left = [step]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def one(*arguments: Any, **named: Any) -> Any:
            if left[0] is not None:
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
            return real(*arguments, **named)

        return one

    with ExitStack() as stack:
        for name in _STEPS:
            stack.enter_context(patch.object(atomic, name, counted(getattr(atomic, name))))
        yield


class CrashMachine(RuleBasedStateMachine):
    """`held`: what each living worker believes to hold; `attempts`: how many may be counted for each key.

    `had`: keys that were delivered once; `wanted`: keys that were queued and not withdrawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.home = TemporaryDirectory()
        self.spool = Spool(Path(self.home.name))
        self.held: dict[tuple[str, str], Job] = {}
        self.attempts: dict[str, set[int]] = {}
        self.had: set[str] = set()
        self.wanted: set[str] = set()

    @initialize()
    def start(self) -> None:
        self.spool.make_folders()

    def teardown(self) -> None:
        self.home.cleanup()

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _do(self, act: Callable[[], Any], killed: int | None) -> tuple[bool, Any]:
        """(whether it came to its end, what it gave back)."""
        try:
            with killed_at(killed):
                return True, act()
        except Killed:
            return False, None

    def _counted(self, key: str, change: Callable[[int], int], ended: bool) -> None:
        before = self.attempts.get(key, {0})
        after = {change(number) for number in before}
        self.attempts[key] = after if ended else before | after

    # --- the reconciler -------------------------------------------------------------------------------------------

    @rule(key=KEYS, killed=KILLED)
    def queue(self, key: str, killed: int | None) -> None:
        if self.spool.knows(key):
            return
        ended, added = self._do(lambda: self.spool.add(job(key)), killed)
        assert added or not ended
        if self.spool.knows(key):
            self.wanted.add(key)
            self.attempts[key] = {0}

    @rule(killed=KILLED)
    def reconcile(self, killed: int | None) -> None:
        """Bring back what the dead held; killed anywhere, the next one goes on."""
        for dead in self.spool.expired(LEASE, self._now()):
            intent = from_the_dead(dead, MANY, timedelta(days=1), self._now())
            assert intent.act is Act.RECOVER
            ended, moved = self._do(partial(self.spool.requeue, State.IN_PROGRESS, intent.job), killed)
            # Killed between its two steps, it counts the attempt once more next time: better than not at all.
            self._counted(dead.key, lambda number: number + 1, ended and bool(moved))
            if not ended:
                return
        assert self.spool.expired(LEASE, self._now()) == []

    @rule(key=KEYS, source=st.sampled_from([State.FAILED, State.DONE]), killed=KILLED)
    def queue_again(self, key: str, source: State, killed: int | None) -> None:
        lying = self.spool.read(source, key)
        if lying is not None:
            again = lying.model_copy(update={"attempt": 0, "not_before": None})
            ended, moved = self._do(lambda: self.spool.requeue(source, again), killed)
            self._counted(key, lambda _: 0, ended and bool(moved))

    @rule(key=KEYS, killed=KILLED)
    def withdraw(self, key: str, killed: int | None) -> None:
        lying = self.spool.read(State.PENDING, key)
        if lying is not None:
            self._do(lambda: self.spool.withdraw(lying), killed)
            if not self.spool.knows(key):
                assert lying.receipt is None and key not in self.had
                self.wanted.discard(key)

    # --- the workers ----------------------------------------------------------------------------------------------

    @rule(key=KEYS, holder=HOLDERS, killed=KILLED)
    def claim(self, key: str, holder: str, killed: int | None) -> None:
        lay_there = self.spool.path(State.PENDING, key).exists()
        ended, got = self._do(lambda: self.spool.claim(key, holder, self._now()), killed)
        assert ended is False or (got is not None) == lay_there
        if got is not None:
            self.held[(key, holder)] = got
        elif not ended:
            self._dies(holder)

    @rule(key=KEYS, holder=HOLDERS, act=st.sampled_from(["deliver", "fail", "release", "renew"]), killed=KILLED)
    def go_on(self, key: str, holder: str, act: str, killed: int | None) -> None:
        mine = self.held.get((key, holder))
        if mine is None:
            return
        still = self._holds(mine)
        acts: dict[str, Callable[[], Any]] = {
            "deliver": lambda: self.spool.finish(mine.model_copy(update={"receipt": receipt(), "attempt": 0})),
            "fail": lambda: self.spool.fail(_failed(mine, self._now())),
            "release": lambda: self.spool.release(mine),
            "renew": lambda: self.spool.renew(mine),
        }
        try:
            ended, _ = self._do(acts[act], killed)
        except LeaseLost:
            assert not still
            del self.held[(key, holder)]
            return
        assert still or act == "release"
        if still and act in ("deliver", "fail"):
            self._counted(key, (lambda _: 0) if act == "deliver" else (lambda number: number + 1), ended)
        if still and act == "deliver" and any(one.receipt for one in self._copies(key).values()):
            self.had.add(key)
        if not ended:
            self._dies(holder)
        elif act != "renew":
            del self.held[(key, holder)]

    @rule(holder=HOLDERS)
    def die(self, holder: str) -> None:
        self._dies(holder)

    @rule(key=KEYS, forward=st.booleans())
    def the_clock_jumps(self, key: str, forward: bool) -> None:
        """The lease of a job is over, by a sign of life that is old or, after a jump back, far in the future."""
        path = self.spool.path(State.IN_PROGRESS, key)
        if path.exists():
            then = time.time() + (2 if forward else -2) * LEASE.total_seconds()
            os.utime(path, (then, then))

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def every_purchase_that_is_wanted_is_in_exactly_one_state(self) -> None:
        for key in self.wanted:
            assert len(self._copies(key)) == 1, (key, self._copies(key))

    @invariant()
    def no_two_living_workers_hold_one_job(self) -> None:
        for key in self.wanted:
            holders = [holder for (of, holder), mine in self.held.items() if of == key and self._holds(mine)]
            assert len(holders) <= 1

    @invariant()
    def no_receipt_is_lost(self) -> None:
        for key in self.had:
            assert any(one.receipt is not None for one in self._copies(key).values()), key

    @invariant()
    def every_attempt_is_counted(self) -> None:
        for key in self.wanted:
            (one,) = self._copies(key).values()
            assert one.attempt in self.attempts[key], (key, one.attempt, self.attempts[key])

    @invariant()
    def nothing_went_to_quarantine(self) -> None:
        assert not list(self.spool.root.glob("*/quarantine/*"))

    def _copies(self, key: str) -> dict[State, Job]:
        found = {state: self.spool.read(state, key) for state in State}
        return {state: one for state, one in found.items() if one is not None}

    def _holds(self, mine: Job) -> bool:
        try:
            self.spool.check(mine)
        except LeaseLost:
            return False
        return True

    def _dies(self, holder: str) -> None:
        self.held = {place: mine for place, mine in self.held.items() if place[1] != holder}


def _failed(mine: Job, now: datetime) -> Job:
    trouble, base = TransferBroken("the connection broke"), timedelta(minutes=5)
    return after_failure(mine, trouble, now, base, timedelta(days=1), MANY, 0.5).model_copy(
        update={"claim": mine.claim}
    )


CrashMachine.TestCase.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCrashes = CrashMachine.TestCase
