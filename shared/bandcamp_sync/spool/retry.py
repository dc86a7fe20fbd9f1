"""What happens to a purchase that failed: when it is tried again, and when only a person can help. Pure."""

from datetime import datetime, timedelta

from bandcamp_sync.errors import ItemTrouble, Reason
from bandcamp_sync.spool.job import Failure, Job, What

#: Trying again does not help; a person must act first.
NEEDS_PERSON = frozenset({Reason.REAUTH, Reason.UNVERIFIED})
#: Nothing can be fetched; looked at again at leisure.
NOTHING_THERE = frozenset({Reason.NO_DOWNLOAD, Reason.NO_STREAM, Reason.NO_FORMAT, Reason.GONE})
LEISURE = timedelta(days=7)
SOON = timedelta(hours=1)
PREORDER_LOOK = timedelta(days=1)
#: Bandcamp is still preparing: no fault of the item, asked again soon and without end.
PATIENT = frozenset({Reason.NOT_READY})


#: So far apart the clocks of two hosts that share a data folder may be.
_CLOCKS_DIFFER = timedelta(minutes=5)


def backoff(attempt: int, base: timedelta, longest: timedelta, jitter: float) -> timedelta:
    """The wait after `attempt` failures (from 1): exponential, capped, spread. `jitter` is from 0 to 1."""
    wait_s = min(base.total_seconds() * 2.0 ** min(attempt - 1, 30), longest.total_seconds())
    return min(timedelta(seconds=wait_s * (0.8 + 0.4 * jitter)), longest)


def after_failure(
    job: Job,
    trouble: ItemTrouble,
    now: datetime,
    base: timedelta,
    longest: timedelta,
    max_attempts: int,
    jitter: float,
) -> Job:
    """The job as it goes to `failed`: with its reason, its attempts, and when it is due (None: never by itself)."""
    attempt = job.attempt if trouble.reason in PATIENT else job.attempt + 1
    failure = Failure(reason=trouble.reason, sentence=trouble.sentence, at=now, link=trouble.link)
    told = job.after(What.FAILED, now, trouble.sentence)
    due: datetime | None
    if trouble.reason in NEEDS_PERSON:
        due = None
    elif trouble.reason is Reason.PREORDER:
        attempt = job.attempt
        due = now + min(PREORDER_LOOK, longest)
    elif trouble.reason in NOTHING_THERE:
        attempt = job.attempt
        due = now + leisure(job.item.purchased, now)
    elif attempt >= max_attempts and trouble.reason not in PATIENT:
        due = None
        told = told.after(What.GAVE_UP, now, f"after {attempt} attempts")
    else:
        due = now + backoff(max(1, attempt), base, longest, jitter)
    return told.model_copy(update={"attempt": attempt, "failure": failure, "not_before": due, "claim": None})


def leisure(purchased: datetime | None, now: datetime) -> timedelta:
    """When a purchase that has no download is looked at again: what was bought just now is often still being made."""
    return LEISURE if purchased is None else min(max(now - purchased, SOON), LEISURE)


def is_due(job: Job, now: datetime) -> bool:
    """Whether a failed job may go back to `pending` by itself."""
    due = due_at(job, now)
    return due is not None and due <= now


def due_at(job: Job, now: datetime) -> datetime | None:
    """When a failed job may go back to `pending`; None: never by itself.

    One that failed in the future did so before the clock was set back. Its wait is not counted by that clock.
    """
    if job.not_before is not None and job.failure is not None and job.failure.at > now + _CLOCKS_DIFFER:
        return now
    return job.not_before
