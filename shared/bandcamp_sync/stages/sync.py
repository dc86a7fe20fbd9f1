"""Sync: scrape, reconcile and work in turn, once, in one process."""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BandcampSyncError, Stopped
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import PATIENT
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.reconcile import reconcile
from bandcamp_sync.stages.work import Strikes, Worker, WorkReport

log = logging.getLogger(__name__)

#: A retry that is due so soon is waited for; later ones are named, and left to the next run.
_WAIT_FOR_RETRY_S = 10.0

Watch = Callable[[Job, int | None, int | None], None]


@dataclass
class Worked:
    """What all workers did together. `trouble`: what ended a worker early, None when `pending` is empty."""

    report: WorkReport
    requests: int
    trouble: BandcampSyncError | None


def work_together(
    settings: Settings,
    data: DataFolder,
    music: MusicFolder,
    clock: Clock,
    open_bandcamp: Callable[[], Bandcamp],
    workers: int,
    watch: Watch | None = None,
) -> Worked:
    """Several workers until `pending` is empty. The first trouble of ours ends them all; jobs are handed back."""
    strikes = Strikes()
    crew = [Worker(settings, data, music, clock, open_bandcamp, watch, strikes) for _ in range(workers)]
    worked = Worked(WorkReport(), 0, None)
    crash: list[BaseException] = []

    def run(worker: Worker) -> None:
        try:
            while worked.trouble is None and not crash and worker.work_one():
                pass
        except BandcampSyncError as error:
            worked.trouble = worked.trouble or error
        except BaseException as error:
            crash.append(error)
        finally:
            # A browser belongs to the thread that made it, so each thread closes its own.
            worked.requests += worker.requests_made
            worker.close()

    threads = [threading.Thread(target=run, args=(worker,), name=f"worker {n}") for n, worker in enumerate(crew)]
    for thread in threads:
        thread.start()
    _join(threads, clock)
    for worker in crew:
        worked.report.add(worker.report)
    if crash:
        raise crash[0]
    return worked


def _join(threads: list[threading.Thread], clock: Clock) -> None:
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt:
        clock.stop()
        for thread in threads:
            thread.join()
        raise Stopped from None


def work_with_retries(
    settings: Settings,
    data: DataFolder,
    music: MusicFolder,
    clock: Clock,
    open_bandcamp: Callable[[], Bandcamp],
    workers: int,
    watch: Watch | None = None,
) -> Worked:
    """Reconcile and work until `pending` is empty and no retry is due soon; each purchase is waited for a few times."""
    total, waited = Worked(WorkReport(), 0, None), Counter[str]()
    spool = Spool(data.inbox)
    for rounds in itertools.count():
        reconcile(settings, data, music, clock)
        if spool.keys(State.PENDING):
            if rounds and not _worth_a_round(spool):
                break
            one = work_together(settings, data, music, clock, open_bandcamp, workers, watch)
            total.report.add(one.report)
            total.requests += one.requests
            total.trouble = one.trouble
            if one.trouble is not None or spool.keys(State.PENDING):
                break  # what is left nobody may claim now
            continue
        due = _next_retry(spool, read_ignored(data), waited, settings.max_attempts)
        if due is None:
            break
        wait_s = (_due(due) - clock.now()).total_seconds()
        if wait_s > _WAIT_FOR_RETRY_S:
            break
        waited[due.key] += 1
        clock.sleep(max(wait_s, 0.05))
    return total


def _worth_a_round(spool: Spool) -> bool:
    """Whether anything pending is more than an encoder that was waited for already."""
    return any(job.failure is None or job.failure.reason not in PATIENT for job in spool.jobs(State.PENDING))


def _next_retry(spool: Spool, ignored: Collection[str], waited: Mapping[str, int], most: int) -> Job | None:
    """The failed job that is due first, of those that were not waited for too often already."""
    jobs = (job for job in spool.jobs(State.FAILED) if job.key not in ignored and waited.get(job.key, 0) < most)
    timed = (job for job in jobs if job.not_before is not None)
    return min((j for j in timed if j.failure is None or j.failure.reason not in PATIENT), key=_due, default=None)


def _due(job: Job) -> datetime:
    assert job.not_before is not None
    return job.not_before
