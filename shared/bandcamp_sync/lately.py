"""What happened last to purchases: the albums that arrived, and the attempts that failed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from bandcamp_sync.books import Shown
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import NOTHING_THERE


@dataclass(frozen=True)
class Happened:
    """One purchase and the last thing that happened to it. `state`: in whose colour it is told."""

    key: str
    artist: str
    title: str
    at: datetime
    state: Shown
    sentence: str


def lately(jobs: Mapping[str, tuple[State, Job]], most: int) -> list[Happened]:
    """The newest `most` of all that happened, the newest first. What only turned out to have no download is no news."""
    return nlargest(most, _all(jobs.values()), key=lambda one: (one.at, one.key))


def _all(jobs: Iterable[tuple[State, Job]]) -> Iterable[Happened]:
    for state, job in jobs:
        receipt, failure = job.receipt, job.failure
        if state is State.DONE and receipt is not None:
            how = "adopted" if receipt.adopted else "streamed" if receipt.source == "stream" else "arrived"
            yield _happened(job, receipt.placed_at, Shown.SYNCED, f"{how}, {receipt.format}")
        elif failure is not None and failure.reason not in NOTHING_THERE:
            again = state is not State.FAILED or job.not_before is not None
            yield _happened(job, failure.at, Shown.WAITING if again else Shown.FAILED, failure.sentence)


def _happened(job: Job, at: datetime, state: Shown, sentence: str) -> Happened:
    return Happened(job.key, job.item.artist, job.item.title, at, state, sentence)
