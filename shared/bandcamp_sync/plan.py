"""What a reconcile does, decided from values alone: collection, jobs, music folder, ignore list, clock. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bandcamp_sync.books import Jobs, Policy, Shown, assign_folders, rows, streamable, unwanted, wanted
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.spool.job import Failure, Job, State, What
from bandcamp_sync.spool.retry import LEISURE, is_due


class Act(StrEnum):
    """What an intent does."""

    QUEUE = "queue"
    RETRY = "retry"
    RECOVER = "recover"
    REMEMBER = "remember"
    UPGRADE = "upgrade"
    REST = "rest"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Intent:
    """One change: bring `job` from `source` (None: it is new) to `pending`.

    REMEMBER writes it to `done`; WITHDRAW takes it out of `pending`, back to `done` where it has a receipt.
    """

    act: Act
    job: Job
    source: State | None
    why: str


@dataclass(frozen=True)
class Plan:
    """The intents, newest purchase first, and what waits: (item, state, reason, next try)."""

    intents: tuple[Intent, ...]
    waiting: tuple[tuple[Item, Shown, str, datetime | None], ...]


@dataclass(frozen=True)
class Known:
    """Everything that a plan is made from. `dead`: jobs whose worker gave no sign of life for a lease;
    `copies`: receipts in the music folder of which the spool does not know. `gone`: those that were streamed
    and whose album is not there any more. Somebody deleted it, and is not overruled by a better copy. `longest`: the
    longest wait between two attempts (RETRY_MAX)."""

    items: Sequence[Item]
    jobs: Jobs
    dead: Collection[str]
    copies: Mapping[str, Job]
    ignored: Collection[str]
    policy: Policy
    max_attempts: int
    longest: timedelta
    now: datetime
    gone: Collection[str] = frozenset()


def make_plan(known: Known) -> Plan:
    """Decide. Every purchase gets at most one intent."""
    by_key = {item.key: item for item in known.items}
    intents = [*_remembered(known, by_key), *_of_jobs(known, by_key)]
    jobs = {**known.jobs, **{key: (State.DONE, job) for key, job in known.copies.items()}}
    folders = assign_folders(known.items, jobs, known.policy.layout)
    waiting: list[tuple[Item, Shown, str, datetime | None]] = []
    for item in known.items:
        if item.key in jobs:
            continue
        state, why = wanted(item, known.ignored, known.policy)
        if state is Shown.QUEUED:
            job = Job(key=item.key, item=item, folder=folders[item.key], queued_at=known.now)
            intents.append(Intent(Act.QUEUE, job.after(What.QUEUED, known.now, why), None, why))
        else:
            waiting.append((item, state, why, None))
    acted = {intent.job.key for intent in intents}
    waiting += _waiting_jobs(known, acted)
    return Plan(tuple(_newest_first(intents, known.now)), tuple(waiting))


def _newest_first(intents: Iterable[Intent], now: datetime) -> list[Intent]:
    def age(intent: Intent) -> tuple[timedelta, str]:
        purchased = intent.job.item.purchased
        return (now - purchased if purchased else timedelta.max, intent.job.key)

    return sorted(intents, key=age)


def _remembered(known: Known, by_key: Mapping[str, Item]) -> Iterable[Intent]:
    for key, job in known.copies.items():
        why = "the music folder has its receipt"
        fresh = job.model_copy(update={"item": by_key.get(key, job.item)})
        yield Intent(Act.REMEMBER, fresh.after(What.REMEMBERED, known.now, why), None, why)


def _of_jobs(known: Known, by_key: Mapping[str, Item]) -> Iterable[Intent]:
    for key, (state, job) in known.jobs.items():
        if key in known.copies:
            continue
        item = by_key.get(key, job.item)
        fresh = job.model_copy(update={"item": item})
        if key in known.dead:
            yield from_the_dead(fresh, known.max_attempts, known.longest, known.now)
        elif unwanted(item, known.ignored, known.policy):
            if state is State.PENDING:
                withdrawn = job.after(What.WITHDRAWN, known.now)
                yield Intent(Act.WITHDRAW, withdrawn, State.PENDING, "it is not wanted any more")
        elif state is State.FAILED and (why := _why_again(job, item, known)):
            due = fresh.model_copy(update={"not_before": None})
            yield Intent(Act.RETRY, due.after(What.DUE, known.now, why), State.FAILED, why)
        elif state is State.DONE and key not in known.gone and _may_upgrade(job, item, known.now):
            asked = fresh.after(What.UPGRADE, known.now)
            yield Intent(Act.UPGRADE, asked, State.DONE, "it was streamed; looking for its download again")


def from_the_dead(job: Job, max_attempts: int, longest: timedelta, now: datetime) -> Intent:
    """What becomes of a job whose worker died: it is tried again, and that was an attempt.

    Who killed those workers is not known, and may have nothing to do with the purchase. So after the last attempt it
    rests for the `longest` wait, and is not given up: what was fetched of it is kept, and all its attempts are new.
    """
    attempt = job.attempt + 1
    failure = Failure(reason=Reason.LEASE, sentence="its worker gave no sign of life", at=now)
    back = job.model_copy(update={"attempt": attempt, "failure": failure})
    if attempt >= max_attempts:
        why = f"{attempt} workers died with it"
        rest = {"attempt": 0, "failure": failure.model_copy(update={"sentence": why}), "not_before": now + longest}
        return Intent(Act.REST, back.after(What.FAILED, now, why).model_copy(update=rest), State.IN_PROGRESS, why)
    return Intent(Act.RECOVER, back.after(What.RECOVERED, now, failure.sentence), State.IN_PROGRESS, failure.sentence)


def _why_again(job: Job, item: Item, known: Known) -> str | None:
    if is_due(job, known.now):
        return f"attempt {job.attempt + 1} is due"
    reason = job.failure.reason if job.failure else None
    if reason is Reason.PREORDER and job.item.is_preorder and not item.is_preorder:
        return "released"
    if reason is Reason.NO_DOWNLOAD and known.policy.stream_fallback and streamable(item):
        return "no download; its streams are fetched"
    return None


def _may_upgrade(job: Job, item: Item, now: datetime) -> bool:
    receipt = job.receipt
    if receipt is None or receipt.source != "stream" or item.redownload_url is None:
        return False
    if job.item.redownload_url is None:
        return True  # it has a download link that it had not when it was streamed
    return now - (receipt.checked_at or receipt.placed_at) >= LEISURE


def _waiting_jobs(known: Known, acted: Collection[str]) -> Iterable[tuple[Item, Shown, str, datetime | None]]:
    failed = {key: found for key, found in known.jobs.items() if found[0] is State.FAILED and key not in acted}
    for row in rows((job.item for _, job in failed.values()), failed, known.ignored, known.policy):
        yield row.item, row.state, row.reason, row.next_try
