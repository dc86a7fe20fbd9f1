"""The books: every purchase in exactly one state, with a reason in words and the time of the next try. Pure.

synced + queued + downloading + waiting + pre-order + unavailable + ignored + failed = purchases.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.library.names import album_folder, same_place, with_key
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.retry import NOTHING_THERE

Jobs = Mapping[str, tuple[State, Job]]

#: Why a purchase is ignored. The first is taken back with `unignore`, the other one is not.
ON_IGNORE_LIST = "on your ignore list"
HIDDEN = "hidden on Bandcamp, and INCLUDE_HIDDEN is no; set INCLUDE_HIDDEN=yes to sync it"


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
    """One purchase in the books. `path`: its folder below the music folder, placed or planned. `is_ignored`: it is on
    the ignore list, which leaves alone what was delivered before."""

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
    is_ignored: bool = False


def streamable(item: Item) -> bool:
    """Whether there may be something to stream: a release with a page, not merchandise."""
    return item.item_type in ("album", "track") and item.item_url is not None


def unwanted(item: Item, ignored: Collection[str], policy: Policy) -> str | None:
    """Why nothing is fetched of a purchase that has no receipt, whatever becomes of it at Bandcamp; None: it may be."""
    if item.key in ignored:
        return ON_IGNORE_LIST
    return HIDDEN if item.hidden and not policy.include_hidden else None


def wanted(item: Item, ignored: Collection[str], policy: Policy) -> tuple[Shown, str]:
    """What becomes of a purchase that has no job: `queued` or why not."""
    if why := unwanted(item, ignored, policy):
        return Shown.IGNORED, why
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
    taken = {_place(folder) for folder in folders.values()}
    fresh = [item for item in items if item.key not in folders]
    for item in sorted(fresh, key=lambda item: (item.purchased is None, item.purchased, item.key)):
        folder = _planned(layout, item.artist, item.title, item.key)
        if _place(folder) in taken:
            folder = _free(with_key(folder, item.key), item.key, taken)
        taken.add(_place(folder))
        folders[item.key] = folder
    return folders


# The dashboard writes up the books anew several times a second, with twenty thousand names that are the same each time.
_place = lru_cache(maxsize=1 << 16)(same_place)


@lru_cache(maxsize=1 << 15)
def _planned(layout: str, artist: str, title: str, key: str) -> str:
    fields = {"artist": artist, "album": title, "key": key, "performer": artist, "year": ""}
    return album_folder(layout, fields)


def _free(folder: str, key: str, taken: Collection[str]) -> str:
    """A folder with the key in its name that is free: an album can be called like another with its key."""
    candidate, number = folder, 2
    while _place(candidate) in taken:
        candidate = with_key(folder, f"{key}-{number}")
        number += 1
    return candidate


class Known(NamedTuple):
    """A row, and all that it was made of."""

    item: Item
    state: State | None
    job: Job | None
    folder: str
    is_ignored: bool
    row: Row


def rows(
    items: Iterable[Item],
    jobs: Jobs,
    ignored: Collection[str],
    policy: Policy,
    known: dict[str, Known] | None = None,
) -> list[Row]:
    """Each purchase's row, in the order of `items`.

    `known`: by key, what an earlier call with this policy noted here. A row that is made of the same objects is taken
    over from it, and what is new is noted.
    """
    items = list(items)
    folders = assign_folders(items, jobs, policy.layout)
    known = {} if known is None else known
    return [_row_or_known(item, jobs.get(item.key), folders[item.key], ignored, policy, known) for item in items]


def _row_or_known(
    item: Item,
    found: tuple[State, Job] | None,
    folder: str,
    ignored: Collection[str],
    policy: Policy,
    known: dict[str, Known],
) -> Row:
    state, job = found or (None, None)
    is_ignored, before = item.key in ignored, known.get(item.key)
    if (
        before is not None
        and before.item is item
        and before.job is job
        and before.state is state
        and before.folder == folder
        and before.is_ignored == is_ignored
    ):
        return before.row
    row = _row(item, found, folder, ignored, policy)
    if is_ignored:
        reason = f"{row.reason}; {ON_IGNORE_LIST}" if row.state is Shown.SYNCED else row.reason
        row = replace(row, reason=reason, is_ignored=True)
    known[item.key] = Known(item, state, job, folder, is_ignored, row)
    return row


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
        case State.PENDING | State.FAILED if why := unwanted(item, ignored, policy):
            return Row(item, Shown.IGNORED, why, folder)
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
