import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.errors import LeaseLost
from bandcamp_sync.files import atomic
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import is_due
from bandcamp_sync.spool.spool import Spool, new_holder
from unit.factories import KEY, NOW, failure, job, receipt

LEASE = timedelta(minutes=2)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "inbox")
    made.make_folders()
    return made


def where(spool: Spool) -> dict[str, list[str]]:
    found = {state.value: sorted(spool.keys(state)) for state in State}
    return {state: keys for state, keys in found.items() if keys}


def claimed(spool: Spool, key: str = KEY, holder: str = "a") -> Job:
    got = spool.claim(key, holder, NOW)
    assert got is not None
    return got


def age(spool: Spool, key: str = KEY, by: timedelta = 2 * LEASE) -> None:
    then = time.time() - by.total_seconds()
    os.utime(spool.path(State.IN_PROGRESS, key), (then, then))


def dead(spool: Spool) -> list[str]:
    return [one.key for one in spool.expired(LEASE, datetime.now(UTC))]


def test_the_way_of_a_purchase_that_works(spool: Spool) -> None:
    assert spool.add(job())
    assert where(spool) == {"pending": [KEY]}
    mine = claimed(spool)
    assert where(spool) == {"in_progress": [KEY]}
    spool.renew(mine)
    spool.finish(mine.model_copy(update={"receipt": receipt()}))
    assert where(spool) == {"done": [KEY]}
    done = spool.read(State.DONE, KEY)
    assert done is not None and done.receipt == receipt() and done.claim is None


def test_the_way_of_a_purchase_that_fails_and_comes_back(spool: Spool) -> None:
    spool.add(job())
    spool.fail(claimed(spool).model_copy(update={"failure": failure(), "attempt": 1}))
    assert where(spool) == {"failed": [KEY]}
    lying = spool.read(State.FAILED, KEY)
    assert lying is not None and lying.failure == failure()
    assert spool.requeue(State.FAILED, lying)
    assert where(spool) == {"pending": [KEY]}
    spool.release(claimed(spool))
    assert where(spool) == {"pending": [KEY]}


def test_a_purchase_is_queued_once(spool: Spool) -> None:
    assert spool.add(job())
    assert not spool.add(job(attempt=5))
    lying = spool.read(State.PENDING, KEY)
    assert lying is not None and lying.attempt == 0


def test_a_job_can_only_be_read_by_its_owner_wherever_it_lies(spool: Spool) -> None:
    spool.add(job())
    modes = [spool.path(State.PENDING, KEY).stat().st_mode & 0o777]
    mine = claimed(spool)
    modes.append(spool.path(State.IN_PROGRESS, KEY).stat().st_mode & 0o777)
    spool.fail(mine)
    modes.append(spool.path(State.FAILED, KEY).stat().st_mode & 0o777)
    assert modes == [0o600] * 3


def test_of_two_who_claim_one_gets_the_job(spool: Spool) -> None:
    spool.add(job())
    assert claimed(spool, holder="a").claim is not None
    assert spool.claim(KEY, "b", NOW) is None


def test_a_claim_counts_from_now_however_long_the_job_has_waited(spool: Spool) -> None:
    spool.add(job())
    os.utime(spool.path(State.PENDING, KEY), (1, 1))
    claimed(spool)
    assert dead(spool) == []


def test_a_job_without_a_receipt_is_not_finished(spool: Spool) -> None:
    spool.add(job())
    mine = claimed(spool)
    with pytest.raises(ValueError, match="receipt"):
        spool.finish(mine)
    assert where(spool) == {"in_progress": [KEY]}


def test_a_lease_runs_out_without_a_sign_of_life(spool: Spool) -> None:
    spool.add(job())
    mine = claimed(spool)
    age(spool)
    assert dead(spool) == [KEY]
    spool.renew(mine)
    assert dead(spool) == []


def test_a_clock_that_jumped_back_kills_no_job_at_once_but_none_lives_for_ever(spool: Spool) -> None:
    spool.add(job())
    claimed(spool)
    age(spool, by=-LEASE / 2)
    assert dead(spool) == []
    age(spool, by=-2 * LEASE)
    assert dead(spool) == [KEY]


def test_a_holder_that_lost_its_lease_can_neither_renew_nor_finish_nor_fail(spool: Spool) -> None:
    spool.add(job())
    late = claimed(spool, holder="late")
    age(spool)
    [back] = spool.expired(LEASE, datetime.now(UTC))
    assert spool.requeue(State.IN_PROGRESS, back.model_copy(update={"attempt": 1}))
    for _ in range(2):
        for act in (spool.renew, spool.check, spool.fail):
            with pytest.raises(LeaseLost):
                act(late)
        with pytest.raises(LeaseLost):
            spool.finish(late.model_copy(update={"receipt": receipt()}))
        spool.release(late)
        if where(spool) == {"pending": [KEY]}:
            claimed(spool, holder="new")
    held = spool.read(State.IN_PROGRESS, KEY)
    assert held is not None and held.claim is not None and held.claim.holder == "new"


def test_a_reconciler_that_is_late_takes_no_job_from_its_new_holder(spool: Spool) -> None:
    spool.add(job())
    claimed(spool, holder="dead")
    age(spool)
    [seen] = spool.expired(LEASE, datetime.now(UTC))
    back = seen.model_copy(update={"attempt": 1})
    assert spool.requeue(State.IN_PROGRESS, back)  # by the service, while `bandcampsync reconcile` runs too
    alive = claimed(spool, holder="alive")
    assert not spool.requeue(State.IN_PROGRESS, back)
    spool.renew(alive)


def test_a_job_that_someone_else_moved_is_not_brought_back(spool: Spool) -> None:
    assert not spool.requeue(State.FAILED, job()) and not spool.rest(job())
    assert where(spool) == {}


def test_an_abandoned_job_can_be_put_to_rest(spool: Spool) -> None:
    spool.add(job())
    held = claimed(spool)
    assert spool.rest(held.model_copy(update={"failure": failure()}))
    assert where(spool) == {"failed": [KEY]}


def test_a_worker_killed_between_claim_and_note_leaves_a_job_that_expires(spool: Spool) -> None:
    spool.add(job())
    spool.path(State.PENDING, KEY).rename(spool.path(State.IN_PROGRESS, KEY))
    age(spool)
    assert dead(spool) == [KEY]
    with pytest.raises(LeaseLost):
        spool.renew(job())


def test_a_claim_takes_no_job_from_who_has_one_of_its_name_already(spool: Spool) -> None:
    spool.add(job())
    first = claimed(spool, holder="first")
    spool.add(job())  # by a reconciler that had looked before
    assert spool.claim(KEY, "second", NOW) is None
    spool.check(first)
    assert where(spool) == {"pending": [KEY], "in_progress": [KEY]}


@pytest.mark.parametrize("lay", [Path.mkdir, Path.touch])
def test_what_is_no_job_stands_in_no_claims_way(lay: Callable[[Path], None], spool: Spool) -> None:
    spool.add(job())
    lay(spool.path(State.IN_PROGRESS, KEY))
    claimed(spool)
    assert where(spool) == {"in_progress": [KEY]}
    assert len(list((spool.folder(State.IN_PROGRESS) / "quarantine").iterdir())) == 1


def test_a_purchase_that_some_state_knows_is_not_queued(spool: Spool) -> None:
    assert spool.queue(job())
    spool.finish(claimed(spool).model_copy(update={"receipt": receipt()}))
    assert not spool.queue(job())
    assert where(spool) == {"done": [KEY]}


# --- in the midst of another's steps --------------------------------------------------------------------------------


@contextmanager
def amid(target: object, name: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """At the first call of a step, another one begins to act, and is given time to come to its end."""
    real, others = getattr(target, name), list[threading.Thread]()

    def step(*arguments: Any, **named: Any) -> Any:
        if not others:
            others.append(threading.Thread(target=act))
            others[0].start()
            others[0].join(0.5)
        return real(*arguments, **named)

    monkeypatch.setattr(target, name, step)
    yield
    others[0].join(10)
    assert not others[0].is_alive()


def test_of_two_who_bring_back_a_job_the_later_takes_it_from_no_worker(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.add(job())
    back = claimed(spool, holder="dead").model_copy(update={"attempt": 1})
    held: list[Job] = []

    def bring_back_and_claim() -> None:
        spool.requeue(State.IN_PROGRESS, back)
        held.append(claimed(spool, holder="alive"))

    with amid(atomic, "write_bytes", bring_back_and_claim, monkeypatch):
        spool.requeue(State.IN_PROGRESS, back)
    spool.check(held[0])
    assert where(spool) == {"in_progress": [KEY]}


def test_a_job_that_is_finished_while_it_is_brought_back_is_in_one_place(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.add(job())
    mine = claimed(spool)

    def finish() -> None:
        with suppress(LeaseLost):
            spool.finish(mine.model_copy(update={"receipt": receipt()}))

    with amid(atomic, "write_bytes", finish, monkeypatch):
        spool.requeue(State.IN_PROGRESS, mine)
    assert where(spool) == {"pending": [KEY]}


def test_a_purchase_that_another_queues_and_a_worker_claims_meanwhile_is_queued_once(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queue_and_claim() -> None:
        spool.queue(job())
        claimed(spool)

    with amid(spool, "add", queue_and_claim, monkeypatch):
        spool.queue(job())
    assert where(spool) == {"in_progress": [KEY]}


def test_without_locks_everything_works(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert spool.queue(job())
    spool.release(claimed(spool))
    spool.fail(claimed(spool))
    assert spool.requeue(State.FAILED, job())
    spool.finish(claimed(spool).model_copy(update={"receipt": receipt()}))
    assert where(spool) == {"done": [KEY]}


# --- looking --------------------------------------------------------------------------------------------------------


def test_what_is_no_job_is_put_into_quarantine_and_the_rest_is_read(spool: Spool) -> None:
    spool.add(job("p1"))
    for key, content in (("p2", "{"), ("p3", ""), ("p4", job("p5").model_dump_json(by_alias=True))):
        spool.path(State.PENDING, key).write_text(content)
    spool.path(State.PENDING, "p6").mkdir()
    assert [one.key for one in spool.jobs(State.PENDING)] == ["p1"]
    kept = sorted(path.name[:2] for path in (spool.folder(State.PENDING) / "quarantine").iterdir())
    assert kept == ["p2", "p3", "p4", "p6"]


def test_names_that_are_no_keys_and_files_in_the_making_are_not_looked_at(spool: Spool) -> None:
    for name in (".p1.job.0123.tmp", "p1.job.bak", "..job", "P1.job", "p1", "README", ".p1.job"):
        (spool.folder(State.PENDING) / name).write_text("x")
    assert spool.keys(State.PENDING) == []


def test_a_job_that_lies_twice_counts_as_done(spool: Spool) -> None:
    spool.add(job())
    spool.finish(claimed(spool).model_copy(update={"receipt": receipt()}))
    spool.add(job())
    found = spool.find(KEY)
    assert found is not None and found[0] is State.DONE
    assert spool.snapshot()[KEY][0] is State.DONE


def test_a_snapshot_has_every_job_in_its_place(spool: Spool) -> None:
    for number in range(1, 5):
        spool.add(job(f"p{number}"))
    claimed(spool, "p2")
    spool.fail(claimed(spool, "p3"))
    spool.finish(claimed(spool, "p4").model_copy(update={"receipt": receipt()}))
    assert {key: state for key, (state, _) in spool.snapshot().items()} == {
        "p1": State.PENDING,
        "p2": State.IN_PROGRESS,
        "p3": State.FAILED,
        "p4": State.DONE,
    }
    assert spool.find("p9") is None


def test_without_folders_there_is_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "inbox")
    assert spool.snapshot() == {} and spool.expired(LEASE, NOW) == [] and spool.claim(KEY, "a", NOW) is None


def test_a_file_where_a_folder_belongs_is_put_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "pending").write_text("in the way")
    spool.make_folders()
    spool.make_folders()
    assert spool.add(job())
    assert [path.read_text() for path in (tmp_path / "quarantine").iterdir()] == ["in the way"]


def test_a_failed_job_on_its_way_back_is_due_so_that_a_crash_amid_it_cannot_make_it_forgotten(spool: Spool) -> None:
    lying = job(failure=failure(), not_before=NOW + timedelta(days=1))
    spool.path(State.FAILED, KEY).write_text(lying.model_dump_json(by_alias=True))
    assert spool.requeue(State.FAILED, lying.model_copy(update={"not_before": None}))
    back = spool.read(State.PENDING, KEY)
    assert back is not None and is_due(back, NOW)


def test_no_two_holders_have_one_name() -> None:
    assert len({new_holder() for _ in range(50)}) == 50


# --- several processes ----------------------------------------------------------------------------------------------

_CLAIMER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool, new_holder
spool, holder = Spool(Path(sys.argv[1])), new_holder()
print("ready", flush=True)
sys.stdin.readline()
while keys := spool.keys(State.PENDING):
    for key in sorted(keys):
        job = spool.claim(key, holder, datetime.now(UTC))
        if job is not None:
            assert job.claim.holder == holder
            spool.renew(job)
            print(key, flush=True)
"""


def test_four_processes_claim_two_hundred_jobs_and_each_job_once(spool: Spool) -> None:
    keys = sorted(f"p{number}" for number in range(200))
    for key in keys:
        spool.path(State.PENDING, key).write_text(job(key).model_dump_json(by_alias=True))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _CLAIMER, str(spool.root)]
    workers = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    outputs = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        outputs.append(worker.communicate(timeout=60)[0].split())
        assert worker.returncode == 0
    assert sorted(key for output in outputs for key in output) == keys
    assert where(spool) == {"in_progress": keys}
    assert sum(bool(output) for output in outputs) > 1


def test_a_claim_that_the_disk_does_not_take_leaves_the_job_pending(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real full disk is a row of the fault table; here the very step is chosen.
    spool.add(job())

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bandcamp_sync.spool.spool.atomic.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        spool.claim(KEY, "a", NOW)
    assert where(spool) == {"pending": [KEY]}
