"""Retry by hand: failed purchases go back to `pending` with a clean slate; delivered ones are asked for again."""

import logging
from collections.abc import Iterable, Mapping

from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.errors import UnknownKey
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State, What
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)


def retry_jobs(settings: Settings, data: DataFolder, keys: Iterable[str] | None, clock: Clock) -> list[str]:
    """Bring these purchases back to `pending`; None: every failed one. Returns the keys that moved.

    A delivered purchase is fetched again only when it is named; its album stays until the new one is verified.
    Raises UnknownKey for a key that is in no book (nothing has moved then).
    """
    spool = Spool(data.inbox)
    capture = read_capture(data.collection, clock.now())
    items = capture.by_key() if capture else {}
    if keys is None:
        found = [(State.FAILED, job) for job in spool.jobs(State.FAILED)]
    else:
        found = [one for key in dict.fromkeys(keys) if (one := _find(spool, key, items)) is not None]
    moved = []
    for state, job in found:
        if state not in (State.FAILED, State.DONE):
            continue
        item = items.get(job.key, job.item)
        fresh = job.model_copy(update={"item": item, "attempt": 0, "not_before": None})
        why = "failed, and asked for by hand" if state is State.FAILED else "delivered, and asked for again"
        if spool.requeue(state, fresh.after(What.RETRIED, clock.now(), why)):
            log.info("retry: %s", job.label)
            moved.append(job.key)
    return moved


def _find(spool: Spool, key: str, items: Mapping[str, Item]) -> tuple[State, Job] | None:
    found = spool.find(key)
    if found is None and key not in items:
        raise UnknownKey(key)
    if found is None:
        log.info("%s has not been tried yet; the next reconcile decides about it", key)
    return found
