"""What the last reconciles did, for people to look at: `state/reconcile.json`.

`{"last": run, "recent": [run]}`: the very last run, and the newest of those that changed something or failed. A run is
`{"at", "result": "done" | "failed", "acts": {act: how many}, "error"}`.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, PlainSerializer

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

KEPT = 20
#: One more run like the last is written down this long after it, not sooner.
_SAME_AGAIN = timedelta(minutes=1)

_IN_WORDS = {
    "queue": "queued",
    "retry": "retried",
    "recover": "recovered",
    "remember": "remembered",
    "upgrade": "upgraded",
    "rest": "put to rest",
    "withdraw": "withdrew",
}


class _Run(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: Annotated[AwareDatetime, PlainSerializer(rfc3339, when_used="json")]
    result: Literal["done", "failed"]
    acts: dict[str, NonNegativeInt] = {}
    error: str | None = None

    def is_like(self, other: "_Run") -> bool:
        """Whether both failed with the same words, or neither did anything."""
        return not self.acts and not other.acts and self.error == other.error


class _Runs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    last: _Run | None = None
    recent: tuple[_Run, ...] = ()


def in_words(acts: Mapping[str, int]) -> str:
    """`queued 3, retried 1`."""
    told = (f"{_IN_WORDS.get(act, act)} {number}" for act, number in acts.items() if number)
    return ", ".join(told) or "nothing to do"


def note_run(data: DataFolder, now: datetime, acts: Mapping[str, int], error: str | None = None) -> None:
    """Remember a run that ended now; `error`: the sentence it failed with. Never raises: the run matters, not this."""
    known = _read(data)
    run = _Run(at=now, result="failed" if error else "done", acts=dict(acts), error=redact(error) if error else None)
    recent = known.recent
    if known.last is not None and run.is_like(known.last):
        # A trouble is listed once, with when it began, however often a loop meets it.
        if timedelta(0) <= now - known.last.at < _SAME_AGAIN:
            return
    elif run.acts or run.error:
        recent = (run, *recent)[:KEPT]
    try:
        text = _Runs(last=run, recent=recent).model_dump_json(indent=1)
        atomic.write_text(data.reconciles, text + "\n", durable=False)
    except (OSError, ValueError) as problem:
        log.debug("the run is not remembered: %s", problem)


def last_runs(data: DataFolder) -> dict[str, Any]:
    """`{"last_run_at", "result", "error", "recent": [run]}`, the newest first; a file that is garbage tells nothing."""
    runs = _read(data)
    last = runs.last.model_dump(mode="json") if runs.last else {}
    return {
        "last_run_at": last.get("at"),
        "result": last.get("result"),
        "error": redact(last["error"]) if last.get("error") else None,
        "recent": [
            {**run.model_dump(mode="json"), "error": redact(run.error) if run.error else None} for run in runs.recent
        ],
    }


def _read(data: DataFolder) -> _Runs:
    try:
        return _Runs.model_validate_json(read_bytes(data.reconciles))
    except (OSError, ValueError):
        return _Runs()
