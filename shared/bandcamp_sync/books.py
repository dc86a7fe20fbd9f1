"""The books: every purchase in exactly one state, with a reason in words and the time of the next try. Pure.

synced + queued + downloading + waiting + pre-order + unavailable + ignored + failed = purchases.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.library.names import album_folder, same_place, with_key
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import NOTHING_THERE

Jobs = Mapping[str, tuple[State, Job]]


class Shown(StrEnum):
    """The states that a person sees, in the order in which the sum is told."""

    SYNCED = "synced"
    QUEUED = "queued"
    DOWNLOADING = "downloading"
    WAITING = "waiting"
    PREORDER = "preorder"
    UNAVAILABLE = "unavailable"
    IGNORED = "ignored"
    FAILED = "failed"


@dataclass(frozen=True)
class Policy:
    """The settings that decide what is wanted."""

    include_hidden: bool
    stream_fallback: bool
    layout: str


@dataclass(frozen=True)
class Row:
    """One purchase in the books. `path`: its folder below the music folder, placed or planned."""

    item: Item
    state: Shown
    reason: str
    path: str
    next_try: datetime | None = None
    format: str | None = None
    size: int | None = None
    error: str | None = None
    link: str | None = None
    needs_person: bool = False


def streamable(item: Item) -> bool:
    """Whether there may be something to stream: a release with a page, not merchandise."""
    return item.item_type in ("album", "track") and item.item_url is not None


def wanted(item: Item, ignored: Collection[str], policy: Policy) -> tuple[Shown, str]:
    """What becomes of a purchase that has no job: `queued` or why not."""
    if item.key in ignored:
        return Shown.IGNORED, "on your ignore list"
    if item.hidden and not policy.include_hidden:
        return Shown.IGNORED, "hidden on Bandcamp, and INCLUDE_HIDDEN is no"
    if item.is_preorder:
        return Shown.PREORDER, "pre-order, not released yet"
    if item.redownload_url is not None:
        return Shown.QUEUED, "new"
    if policy.stream_fallback and streamable(item):
        return Shown.QUEUED, "no download; its streams are fetched"
    if item.item_type == "package":
        return Shown.UNAVAILABLE, "merchandise without a download"
    return Shown.UNAVAILABLE, "Bandcamp lists no download for it"


def assign_folders(items: Iterable[Item], jobs: Jobs, layout: str) -> dict[str, str]:
    """A folder for each purchase, its own for ever: what jobs and receipts say first, then the oldest purchase first.

    Of two purchases with one name (also for a file system that ignores case) the later one gets its key added.
    """
    folders = {key: job.receipt.folder if job.receipt else job.folder for key, (_, job) in jobs.items()}
    taken = {same_place(folder) for folder in folders.values()}
    fresh = [item for item in items if item.key not in folders]
    for item in sorted(fresh, key=lambda item: (item.purchased is None, item.purchased, item.key)):
        fields = {"artist": item.artist, "album": item.title, "key": item.key, "performer": item.artist, "year": ""}
        folder = album_folder(layout, fields)
        if same_place(folder) in taken:
            folder = _free(with_key(folder, item.key), item.key, taken)
        taken.add(same_place(folder))
        folders[item.key] = folder
    return folders


def _free(folder: str, key: str, taken: Collection[str]) -> str:
    """A folder with the key in its name that is free: an album can be called like another with its key."""
    candidate, number = folder, 2
    while same_place(candidate) in taken:
        candidate = with_key(folder, f"{key}-{number}")
        number += 1
    return candidate


def rows(items: Iterable[Item], jobs: Jobs, ignored: Collection[str], policy: Policy) -> list[Row]:
    """Each purchase's row, in the order of `items`."""
    items = list(items)
    folders = assign_folders(items, jobs, policy.layout)
    return [_row(item, jobs.get(item.key), folders[item.key], ignored, policy) for item in items]


def _row(item: Item, found: tuple[State, Job] | None, folder: str, ignored: Collection[str], policy: Policy) -> Row:
    if found is None:
        shown, reason = wanted(item, ignored, policy)
        return Row(item, shown, "the next reconcile queues it" if shown is Shown.QUEUED else reason, folder)
    state, job = found
    match state:
        case State.DONE:
            return _done(item, job, folder)
        case State.IN_PROGRESS:
            return Row(item, Shown.DOWNLOADING, "a worker has it", folder)
        case State.PENDING | State.FAILED if item.key in ignored:
            return Row(item, Shown.IGNORED, "on your ignore list", folder)
        case State.PENDING:
            again = f"again (attempt {job.attempt + 1})" if job.attempt else "waits for a worker"
            why = f"{again}, after: {job.failure.sentence}" if job.failure else again
            return Row(item, Shown.QUEUED, why, folder)
        case State.FAILED:
            return _failed(item, job, folder)
    raise AssertionError(state)


def _done(item: Item, job: Job, folder: str) -> Row:
    receipt = job.receipt
    if receipt is None:
        return Row(item, Shown.SYNCED, "finished", folder)
    how = "adopted" if receipt.adopted else "streamed" if receipt.source == "stream" else "downloaded"
    reason = f"{how} on {receipt.placed_at:%Y-%m-%d}"
    return Row(item, Shown.SYNCED, reason, receipt.folder, None, receipt.format, receipt.size)


def _failed(item: Item, job: Job, folder: str) -> Row:
    failure = job.failure
    if failure is None:
        return Row(item, Shown.FAILED, "failed", folder)
    due, text = job.not_before, failure.sentence
    if failure.reason is Reason.PREORDER:
        return Row(item, Shown.PREORDER, text, folder, due)
    if failure.reason in NOTHING_THERE:
        return Row(item, Shown.UNAVAILABLE, text, folder, due, error=text)
    if due is not None:
        return Row(item, Shown.WAITING, text, folder, due, error=text, link=failure.link)
    person = failure.reason in (Reason.REAUTH, Reason.UNVERIFIED)
    reason = text if person else f"{text} (gave up after {job.attempt} attempts; retry it by hand)"
    return Row(item, Shown.FAILED, reason, folder, None, error=text, link=failure.link, needs_person=person)


def count(rows: Iterable[Row]) -> dict[Shown, int]:
    """How many purchases are in each state; every state is there, zero included."""
    counted = Counter(row.state for row in rows)
    return {state: counted[state] for state in Shown}
