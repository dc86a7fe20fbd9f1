"""Workers that claim, die, come back late, and a reconciler beside them: whatever they do, no job is lost or shared."""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from bandcamp_sync.errors import LeaseLost
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit.factories import failure, job, receipt

LEASE = timedelta(hours=1)
KEYS = st.sampled_from(["p1", "p2", "p3"])
HOLDERS = st.sampled_from(["ann", "ben", "cid"])
CHOICES = st.integers(0, 5)
NAMES = st.sampled_from(["p7.job", "p8.job"])
GARBAGE = st.sampled_from(["", "{", "[]", '{"schema": 1, "key": "p7"}', "\x00"])


class SpoolMachine(RuleBasedStateMachine):
    """`lies`: where each job must be; `held`: the claims that hold; `lost`: claims whose lease ran out."""

    def __init__(self) -> None:
        super().__init__()
        self.home = TemporaryDirectory()
        self.spool = Spool(Path(self.home.name))
        self.lies: dict[str, State] = {}
        self.held: dict[str, Job] = {}
        self.dead: set[str] = set()
        self.overdue: set[str] = set()
        self.lost: list[Job] = []
        self.garbage = 0

    @initialize()
    def start(self) -> None:
        self.spool.make_folders()

    def teardown(self) -> None:
        self.home.cleanup()

    def lying(self, *states: State) -> list[str]:
        return sorted(key for key, state in self.lies.items() if state in states)

    def alive(self) -> list[Job]:
        """The claims whose workers live."""
        return [self.held[key] for key in sorted(self.held) if key not in self.dead]

    # --- the reconciler -------------------------------------------------------------------------------------------

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        if self.spool.find(key) is None:
            assert key not in self.lies
            assert self.spool.add(job(key))
            self.lies[key] = State.PENDING
        elif self.lies[key] is State.PENDING:
            assert not self.spool.add(job(key))

    @rule()
    def bring_back_the_abandoned(self) -> None:
        abandoned = self.spool.expired(LEASE, datetime.now(UTC))
        assert {one.key for one in abandoned} == self.overdue
        for one in abandoned:
            back = one.model_copy(update={"attempt": one.attempt + 1})
            assert self.spool.requeue(State.IN_PROGRESS, back)
            self._leaves(one.key, State.PENDING, lost=True)

    @precondition(lambda self: self.lying(State.FAILED, State.DONE))
    @rule(choice=CHOICES)
    def queue_again(self, choice: int) -> None:
        key = _chosen(self.lying(State.FAILED, State.DONE), choice)
        source = self.lies[key]
        lying = self.spool.read(source, key)
        assert lying is not None and self.spool.requeue(source, lying)
        self.lies[key] = State.PENDING

    # --- the workers ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.lying(State.PENDING))
    @rule(choice=CHOICES, holder=HOLDERS)
    def claim(self, choice: int, holder: str) -> None:
        key = _chosen(self.lying(State.PENDING), choice)
        got = self.spool.claim(key, holder, datetime.now(UTC))
        assert got is not None and _holder(got) == holder
        assert self.spool.claim(key, "another", datetime.now(UTC)) is None
        self.lies[key], self.held[key] = State.IN_PROGRESS, got
        # A worker that takes a job again holds it again: its own old claim is none that is late.
        self.lost = [one for one in self.lost if one.key != key or _holder(one) != holder]

    @precondition(lambda self: self.lying(State.PENDING))
    @rule(choice=CHOICES)
    def die_between_claim_and_note(self, choice: int) -> None:
        key = _chosen(self.lying(State.PENDING), choice)
        source = self.spool.path(State.PENDING, key)
        os.utime(source)
        source.rename(self.spool.path(State.IN_PROGRESS, key))
        self.lies[key] = State.IN_PROGRESS

    @precondition(lambda self: self.alive())
    @rule(choice=CHOICES, act=st.sampled_from(["renew", "finish", "fail", "release", "die"]))
    def go_on(self, choice: int, act: str) -> None:
        mine = _chosen(self.alive(), choice)
        match act:
            case "renew":
                self.spool.renew(mine)
                self.overdue.discard(mine.key)
            case "finish":
                self.spool.finish(mine.model_copy(update={"receipt": receipt()}))
                self._leaves(mine.key, State.DONE)
            case "fail":
                self.spool.fail(mine.model_copy(update={"failure": failure()}))
                self._leaves(mine.key, State.FAILED)
            case "release":
                self.spool.release(mine)
                self._leaves(mine.key, State.PENDING)
            case "die":
                self.dead.add(mine.key)

    # --- time and late comers -------------------------------------------------------------------------------------

    @precondition(lambda self: self.lying(State.IN_PROGRESS))
    @rule(choice=CHOICES)
    def let_the_lease_run_out(self, choice: int) -> None:
        key = _chosen(self.lying(State.IN_PROGRESS), choice)
        then = time.time() - 2 * LEASE.total_seconds()
        os.utime(self.spool.path(State.IN_PROGRESS, key), (then, then))
        self.overdue.add(key)

    @precondition(lambda self: self.lost)
    @rule(choice=CHOICES)
    def come_back_late(self, choice: int) -> None:
        late = _chosen(self.lost, choice)
        before = self._content()
        for act in (self.spool.renew, self.spool.check, self.spool.fail):
            with pytest.raises(LeaseLost):
                act(late)
        with pytest.raises(LeaseLost):
            self.spool.finish(late.model_copy(update={"receipt": receipt()}))
        self.spool.release(late)
        assert self._content() == before

    @rule(name=NAMES, content=GARBAGE, state=st.sampled_from(State))
    def leave_garbage(self, name: str, content: str, state: State) -> None:
        (self.spool.folder(state) / name).write_text(content)
        self.garbage += 1
        assert self.spool.read(state, name.removesuffix(".job")) is None

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def every_job_lies_in_one_place_and_none_is_lost(self) -> None:
        found = [(key, state) for state in State for key in self.spool.keys(state)]
        assert sorted(found) == sorted(self.lies.items())
        assert {key: state for key, (state, _) in self.spool.snapshot().items()} == self.lies

    @invariant()
    def a_job_is_held_by_the_one_who_claimed_it(self) -> None:
        for key, mine in self.held.items():
            held = self.spool.read(State.IN_PROGRESS, key)
            assert held is not None and _holder(held) == _holder(mine)

    @invariant()
    def a_finished_or_waiting_job_is_claimed_by_no_one(self) -> None:
        for state in (State.PENDING, State.FAILED, State.DONE):
            assert all(one.claim is None for one in self.spool.jobs(state))

    @invariant()
    def no_job_is_done_without_a_receipt(self) -> None:
        assert all(one.receipt is not None for one in self.spool.jobs(State.DONE))

    @invariant()
    def only_garbage_is_in_quarantine_and_no_file_is_left_in_the_making(self) -> None:
        kept = [path for state in State for path in self.spool.folder(state).glob("quarantine/*")]
        assert len(kept) == self.garbage
        assert not [path for state in State for path in self.spool.folder(state).glob(".*")]

    def _leaves(self, key: str, to: State, lost: bool = False) -> None:
        mine = self.held.pop(key, None)
        if lost and mine is not None:
            self.lost.append(mine)
        self.lies[key] = to
        self.dead.discard(key)
        self.overdue.discard(key)

    def _content(self) -> dict[str, tuple[bytes, int]]:
        root = self.spool.root
        content = {}
        for path in root.glob("*/*.job"):
            with suppress(FileNotFoundError):
                content[str(path)] = (path.read_bytes(), path.stat().st_mtime_ns)
        return content


T = TypeVar("T")


def _chosen(among: list[T], choice: int) -> T:
    return among[choice % len(among)]


def _holder(one: Job) -> str | None:
    return one.claim.holder if one.claim else None


SpoolMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSpool = SpoolMachine.TestCase
