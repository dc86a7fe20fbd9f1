"""Status: the books as they are now, read from the files of the data folder alone."""

from dataclasses import asdict
from typing import Any

from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.pace import standing_hold
from bandcamp_sync.bandcamp.session import read_session
from bandcamp_sync.books import Row, Shown, count, rows
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.collection.walk import newest_first
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.ledger import policy_of
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.spool import Spool


def read_rows(settings: Settings, data: DataFolder, clock: Clock) -> list[Row]:
    """Every purchase's row, newest purchase first."""
    capture, jobs = read_capture(data.collection, clock.now()), Spool(data.inbox).snapshot()
    # Without a collection the jobs still know their purchases: nothing is forgotten until the next scrape.
    items = capture.items if capture else newest_first(job.item for _, job in jobs.values())
    return rows(items, jobs, read_ignored(data), policy_of(settings))


def open_failures(
    settings: Settings, data: DataFolder, clock: Clock, queued_too: bool = False
) -> list[tuple[str, str]]:
    """(label, sentence) of what should be on disk and is not: waiting for a retry, or failed.

    `queued_too`: after a run that should have emptied the queue, what is still in it counts as well.
    """
    states = {Shown.WAITING, Shown.FAILED} | ({Shown.QUEUED} if queued_too else set())
    found = []
    for row in read_rows(settings, data, clock):
        if row.state in states:
            when = f"; next try {rfc3339(row.next_try)}" if row.next_try else ""
            found.append((row.item.label, (row.error or row.reason) + when))
    return found


def books_view(settings: Settings, data: DataFolder, clock: Clock) -> dict[str, Any]:
    """The books as JSON: `counts` by state (they add up to `purchases`), `needs_you`, `waiting`, session, alarms,
    and the `hold` while nobody may ask Bandcamp anything.
    """
    read = read_rows(settings, data, clock)
    session = read_session(data.session)
    raised, held = alarms.raised_alarms(data), standing_hold(data.patience, clock.now())
    return {
        "state": "paused" if data.paused.exists() else "failed" if raised else "running",
        "counts": {state.value: number for state, number in count(read).items()},
        "purchases": len(read),
        "needs_you": _needs_you(read, raised, settings),
        "waiting": [_entry(row) for row in read if row.state not in (Shown.SYNCED, Shown.IGNORED, Shown.QUEUED)],
        "alarms": raised,
        "hold": {"until": rfc3339(held.until), "why": held.why} if held else None,
        "session": {**asdict(session), "expiry": session.expiry(clock.now())},
    }


def _entry(row: Row) -> dict[str, Any]:
    return {
        "key": row.item.key,
        "label": row.item.label,
        "state": row.state.value,
        "reason": row.reason,
        "next_try": rfc3339(row.next_try) if row.next_try else None,
    }


def _needs_you(read: list[Row], raised: list[dict[str, object]], settings: Settings) -> list[dict[str, Any]]:
    """What only a person can clear: alarms that want one, then purchases."""
    needs: list[dict[str, Any]] = [
        {
            "key": None,
            "label": str(alarm["name"]),
            "reason": alarm["sentence"],
            "link": f"{settings.base_url}/login" if alarm["name"] == alarms.SESSION else None,
        }
        for alarm in raised
        if alarm["needs_person"]
    ]
    for row in read:
        if row.needs_person or row.state is Shown.FAILED:
            link = row.link or row.item.item_url
            needs.append({"key": row.item.key, "label": row.item.label, "reason": row.reason, "link": link})
    return needs
