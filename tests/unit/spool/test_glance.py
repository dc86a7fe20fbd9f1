import os
import time
from pathlib import Path

import pytest
from bandcamp_sync.spool.glance import Glance
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from unit.factories import NOW, job, receipt


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.make_folders()
    return spool


def settle(spool: Spool) -> None:
    """As if nothing had happened for a while."""
    old = time.time() - 60
    for state in State:
        os.utime(spool.folder(state), (old, old))


def test_it_sees_what_the_spool_sees_while_jobs_move(spool: Spool) -> None:
    glance = Glance(spool)
    for key in ("p1", "p2", "p3"):
        spool.add(job(key))
    assert {key: state for key, (state, _) in glance.jobs().items()} == dict.fromkeys(("p1", "p2", "p3"), State.PENDING)
    claimed = spool.claim("p1", "me", NOW)
    assert claimed is not None
    assert glance.jobs()["p1"][0] is State.IN_PROGRESS
    spool.finish(claimed.model_copy(update={"receipt": receipt()}))
    assert glance.jobs()["p1"][0] is State.DONE
    assert {key: state for key, (state, _) in glance.jobs().items()} == {k: s for k, (s, _) in spool.snapshot().items()}


def test_a_receipt_keeps_its_sum(spool: Spool) -> None:
    spool.add(job("p1"))
    claimed = spool.claim("p1", "me", NOW)
    assert claimed is not None
    spool.finish(claimed.model_copy(update={"receipt": receipt()}))
    seen = Glance(spool).jobs()["p1"][1].receipt
    assert seen is not None
    assert (seen.size, seen.folder) == (receipt().size, receipt().folder)


def test_the_version_stands_still_while_nothing_changes(spool: Spool) -> None:
    glance = Glance(spool)
    spool.add(job("p1"))
    glance.jobs()
    before = glance.version
    glance.jobs()
    assert glance.version == before
    settle(spool)
    glance.jobs()
    assert glance.version == before
    spool.add(job("p2"))
    assert "p2" in glance.jobs()
    assert glance.version > before


def test_what_is_no_job_is_left_alone(spool: Spool) -> None:
    (spool.folder(State.PENDING) / "p1.job").write_text("{")
    (spool.folder(State.PENDING) / "notes.txt").touch()
    (spool.folder(State.PENDING) / "p2.job").mkdir()
    assert Glance(spool).jobs() == {}
    assert (spool.folder(State.PENDING) / "p1.job").exists()


def test_an_inbox_that_vanished_is_empty(spool: Spool) -> None:
    glance = Glance(spool)
    spool.add(job("p1"))
    glance.jobs()
    spool.path(State.PENDING, "p1").unlink()
    for state in State:
        for folder in sorted(spool.folder(state).rglob("*"), reverse=True):
            folder.rmdir()
        spool.folder(state).rmdir()
    assert glance.jobs() == {}
