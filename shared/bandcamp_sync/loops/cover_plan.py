"""Which cover is asked for next, and what follows from trouble: the decisions of `loops/covers.py`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import Capture
from bandcamp_sync.covers import art_number
from bandcamp_sync.files.reading import read_json

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(days=1)
#: A picture that was answered with trouble so often counts as missing: it must not end every round. (Silence is the
#: line's trouble, and a 429 is no picture's.)
STRIKES = 5
_STRIKES_KEPT = 100


@dataclass(frozen=True)
class Wanted:
    """A purchase with a picture. `has_download`: a worker will bring the picture, unless it is done already."""

    key: str
    art_id: int
    has_download: bool


def wanted_of(capture: Capture) -> list[Wanted]:
    """The purchases that have a picture, newest first."""
    oldest = datetime.min.replace(tzinfo=UTC)
    items = sorted(capture.items, key=lambda item: (item.purchased or oldest, item.key), reverse=True)
    numbered = ((item, art_number(item)) for item in items)
    return [
        Wanted(item.key, art_id, item.redownload_url is not None and not item.is_preorder)
        for item, art_id in numbered
        if art_id is not None
    ]


def in_turn(
    wanted: Iterable[Wanted],
    known: Collection[int],
    under_way: Collection[str],
    settled: Collection[str],
    strikes: Mapping[str, int],
) -> list[int]:
    """The art ids to ask for, newest purchases first.

    `known`: what is not to be asked for; `under_way`, `settled`: keys of jobs that are waiting or claimed, and of those
    that are done or have failed. What a worker will bring comes behind the rest, and behind all what made trouble.
    """

    def rank(one: Wanted) -> tuple[int, bool]:
        brought = one.key in under_way or (one.has_download and one.key not in settled)
        return strikes.get(str(one.art_id), 0), brought

    missing = [one for one in wanted if one.art_id not in known]
    return list(dict.fromkeys(one.art_id for one in sorted(missing, key=rank)))


@dataclass(frozen=True)
class Rounds:
    """What `state/covers.json` says. Times: RFC 3339. `level`: how many rounds ended in trouble without a picture
    between. `strikes`: how often each picture was met with trouble.
    """

    not_before: str | None = None
    level: int = 0
    swept_at: str | None = None
    strikes: dict[str, int] = field(default_factory=dict)

    def is_waiting(self, now: datetime) -> bool:
        """Whether nothing may be asked for now. A wait beyond the longest is a clock that jumped."""
        if self.not_before is None:
            return False
        return timedelta(0) < datetime.fromisoformat(self.not_before) - now <= 2 * LONGEST_WAIT


def after_trouble(rounds: Rounds, now: datetime, jitter: float, asked_until: datetime | None) -> Rounds:
    """The round is over for at least `FIRST_WAIT`, longer each time. `asked_until`: what `Retry-After` wants.
    `jitter`: 0 to 1.
    """
    wait = min(FIRST_WAIT * 2 ** min(rounds.level, 20), LONGEST_WAIT) * (1.0 + 0.3 * jitter)
    until = max(now + wait, asked_until) if asked_until is not None else now + wait
    return replace(rounds, not_before=rfc3339(until + timedelta(seconds=1)), level=rounds.level + 1)


def after_strike(rounds: Rounds, art_id: int, is_answer: bool) -> tuple[Rounds, bool]:
    """This picture comes last from now on; and whether it counts as missing."""
    art, strikes = str(art_id), dict(rounds.strikes)
    strikes[art] = strikes.pop(art, 0) + 1
    is_missing = is_answer and strikes[art] >= STRIKES
    if is_missing:
        del strikes[art]
    return replace(rounds, strikes=dict(list(strikes.items())[-_STRIKES_KEPT:])), is_missing


def after_answer(rounds: Rounds, art_id: int) -> Rounds:
    """One good answer halves the suspicion, as it does with pages."""
    strikes = {art: number for art, number in rounds.strikes.items() if art != str(art_id)}
    return replace(rounds, not_before=None, level=rounds.level // 2, strikes=strikes)


def read_rounds(path: Path) -> Rounds:
    """What `state/covers.json` says; nothing when it is not what it should be."""
    try:
        value = read_json(path)
        times = {name: value[name] for name in ("not_before", "swept_at") if value[name] is not None}
        if any(datetime.fromisoformat(at).tzinfo is None for at in times.values()):
            return Rounds()
        strikes = {str(int(art)): int(number) for art, number in value["strikes"].items()}
        return Rounds(**times, level=max(0, int(value["level"])), strikes=strikes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return Rounds()
