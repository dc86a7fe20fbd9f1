"""One purchase in full: what the collection's row leaves out, read from its one job file.

Looks, and never moves or quarantines. Every text goes through `redact`; links and claims are not shown.
"""

from typing import Any

from pydantic import ValidationError

from bandcamp_sync.books import Row
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool

#: Done first; `pending`, to which a job can return meanwhile, is looked at twice.
_ORDER = (State.DONE, State.PENDING, State.IN_PROGRESS, State.FAILED, State.PENDING)


def details(spool: Spool, row: Row) -> dict[str, Any]:
    """What a row of the collection leaves out, ready for JSON.

    `history`: `{"at", "what", "sentence"}`, newest last. `files`: `{"path", "size"}`, relative to the album's folder.
    What only a job knows is null, 0 or empty for a purchase that has none.
    """
    job = _peek(spool, row.item.key)
    receipt = job.receipt if job else None
    return {
        "item_type": row.item.item_type,
        "hidden": row.item.hidden,
        "queued_at": rfc3339(job.queued_at) if job else None,
        "attempt": job.attempt if job else 0,
        "source": receipt.source if receipt else None,
        "adopted": receipt.adopted if receipt else False,
        "placed_at": rfc3339(receipt.placed_at) if receipt else None,
        "files": [{"path": file.path, "size": file.size} for file in (receipt.files if receipt else ())],
        "history": [
            {"at": rfc3339(event.at), "what": event.what.value, "sentence": _said(event.sentence)}
            for event in (job.history if job else ())
        ],
    }


def _peek(spool: Spool, key: str) -> Job | None:
    """The job of this key, wherever it lies; None when there is none that can be read."""
    for state in _ORDER:
        try:
            return Job.model_validate_json(read_bytes(spool.path(state, key)))
        except (OSError, ValidationError):
            continue
    return None


def _said(text: str | None) -> str | None:
    return redact(text) if text else None
