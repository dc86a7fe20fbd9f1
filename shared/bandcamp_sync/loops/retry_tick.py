"""Whether there is something for a reconcile: what `bandcamp-sync-retry.service` asks each minute.

It reads what failed and what is claimed, never the receipts, so it stays cheap with twenty thousand of them; and it
moves nothing: it asks for a reconcile. It keeps the time of the next retry up to date, as workers add to what failed.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from bandcamp_sync.books import unwanted
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Verb, ask
from bandcamp_sync.health.timers import Timetable, read_timers
from bandcamp_sync.health.unit import RECONCILE_TIMER, RETRY_TIMER, Timer
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.ledger import policy_of
from bandcamp_sync.loops.service import tell_timers
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.retry import due_at
from bandcamp_sync.spool.spool import Spool

log = logging.getLogger(__name__)


def retry_tick(settings: Settings, data: DataFolder, clock: Clock) -> int:
    """Ask for a reconcile where one is needed. The exit code, 0. Raises LocalTrouble, OSError."""
    spool, now, timers = Spool(data.inbox), clock.now(), read_timers(data.timers)
    policy, ignored = policy_of(settings), read_ignored(data)
    failed = (job for job in spool.jobs(State.FAILED) if unwanted(job.item, ignored, policy) is None)
    due = next_due(due_at(job, now) for job in failed)
    if (due is not None and due <= now) or spool.expired(settings.lease, now) or _is_behind(data, timers):
        log.debug("something is due; a reconcile is asked for")
        ask(data, Verb.RECONCILE)
    _tell(data, timers, Timer(rfc3339(due) if due is not None else None))
    return 0


def next_due(times: Iterable[datetime | None]) -> datetime | None:
    """The earliest; None when nothing is ever due by itself."""
    return min((at for at in times if at is not None), default=None)


def _is_behind(data: DataFolder, timers: dict[str, Timer]) -> bool:
    """Whether the last reconcile failed, or is older than the collection: a path unit misses what changes while its
    service runs."""
    last = timers.get(RECONCILE_TIMER, Timer())
    if last.last_result not in ("success", None):
        return True
    try:
        written = data.collection.stat().st_mtime
        return last.last_trigger is None or written >= datetime.fromisoformat(last.last_trigger).timestamp()
    except (OSError, ValueError, TypeError):
        return False


def _tell(data: DataFolder, timers: dict[str, Timer], retry: Timer) -> None:
    if timers.get(RETRY_TIMER) == retry:
        return
    # One file holds the reconciler's timers. Should a reconcile write it just now, the next minute mends it.
    known = {RECONCILE_TIMER: timers[RECONCILE_TIMER]} if RECONCILE_TIMER in timers else {}
    tell_timers(Timetable(data.timers, "reconciler"), {**known, RETRY_TIMER: retry})
