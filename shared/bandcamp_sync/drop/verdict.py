"""The verdict: what the scraper says of what was handed over last, in `state/drop.json`. Never any of its text."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import DataFolder


class Outcome(StrEnum):
    """`waiting` is tried again by itself; `refused` is forgotten, and the user hands over something else."""

    CHECKING = "checking"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WAITING = "waiting"


@dataclass(frozen=True)
class Verdict:
    """What is known of one hand-over. Times: RFC 3339.

    `id`: None for what could not even be opened. `expires`: when the login ends, None where the cookies do not say.
    `can_switch`: handed over again with the wish to switch accounts it would be accepted. `tries`: how often Bandcamp
    was asked. `next_try`: when it is asked again, as long as it waits.
    """

    id: str | None
    checked_at: str
    state: str
    username: str | None = None
    fan_id: int | None = None
    expires: str | None = None
    problem: str | None = None
    can_switch: bool = False
    next_try: str | None = None
    tries: int = 0


def read_verdict(data: DataFolder) -> Verdict | None:
    """The last one; None when there is none, or the file is no verdict."""
    try:
        value = read_json(data.verdict)
        verdict = Verdict(**{name: value[name] for name in Verdict.__dataclass_fields__ if name in value})
        Outcome(verdict.state)
        moments = (verdict.checked_at, verdict.next_try, verdict.expires)
        whole = all(at is None or datetime.fromisoformat(at).tzinfo for at in moments) and verdict.tries >= 0
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return verdict if whole else None


def publish_verdict(data: DataFolder, verdict: Verdict) -> None:
    """Leave it for others to see. Raises OSError."""
    said = {**asdict(verdict), "problem": redact(verdict.problem) if verdict.problem else None}
    atomic.write_json(data.verdict, said)


def forget_verdict(data: DataFolder) -> None:
    """There is nothing to say any more. Raises OSError."""
    atomic.remove(data.verdict)
