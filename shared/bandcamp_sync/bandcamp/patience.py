"""How long nobody asks Bandcamp anything, and who asks first afterwards. Pure; `pace.py` keeps the value in a file.

One schedule for every kind of trouble: the first hold is short, each one that comes without a good answer between
doubles it, and all of them are spread by a jitter. When a hold is over one request goes first, and the others follow
its good answer. One page that is broken is no trouble of Bandcamp's: several different ones in a row are.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class RequestClass(StrEnum):
    """Bandcamp's limits differ by what is asked; so does our spacing."""

    COLLECTION = "collection"
    PAGE = "page"
    STAT = "stat"
    FILE = "file"
    ART = "art"


class Why(StrEnum):
    """What a hold is for."""

    LIMITED = "limited"
    CHALLENGED = "challenged"
    REFUSED = "refused"
    BUSY = "busy"
    DOWN = "down"

    @property
    def words(self) -> str:
        """The beginning of a sentence."""
        return _WORDS[self]

    @property
    def is_outage(self) -> bool:
        """Whether it is the server that is in trouble, so that any page of it tells when that is over."""
        return self in (Why.BUSY, Why.DOWN)


_WORDS = {
    Why.LIMITED: "Bandcamp asks for patience (429)",
    Why.CHALLENGED: "Bandcamp shows a browser challenge that was not passed",
    Why.REFUSED: "Bandcamp refuses (403)",
    Why.BUSY: "Bandcamp is in trouble (5xx)",
    Why.DOWN: "Bandcamp cannot be reached",
}

#: Spacing in units of REQUEST_INTERVAL. Three collection walks in a minute earned others a 429; stat and file hosts
#: stand apart from the pages.
SPACING = {
    RequestClass.COLLECTION: 2.0,
    RequestClass.PAGE: 1.0,
    RequestClass.STAT: 0.25,
    RequestClass.FILE: 0.25,
    RequestClass.ART: 0.25,
}
HOLD_BASE_S = 10.0
HOLD_MAX_S = 900.0
#: A hold beyond this is an answer that lies, or a file that does.
LONGEST_HOLD_S = 86400.0
#: Who went first after a hold and is not heard of for so long was killed.
PROBE_S = 45.0
#: So many different things in trouble, with no good answer between, are Bandcamp's trouble and not theirs.
OUTAGE = 3
#: What was in trouble longer ago has nothing to do with what is in trouble now.
_TOGETHER_S = 600.0
#: More turns than this are never planned ahead; a turn beyond them is a clock that jumped back.
_TURNS_AHEAD = 64


@dataclass(frozen=True)
class Patience:
    """The file's content; times in seconds since 1970.

    `held_from`, `hold_until`, `why`: the last hold. `level`: how many holds came without a success between.
    `is_unproven`: the hold was not followed by a good answer yet. `probe_until`: someone asks first, and the others
    wait for it until then. `troubled`, `troubled_at`: marks of what met trouble since the last good answer, and when.
    """

    hold_until: float = 0.0
    level: int = 0
    next_turn: dict[str, float] = field(default_factory=dict)
    held_from: float = 0.0
    why: Why = Why.LIMITED
    is_unproven: bool = False
    probe_until: float = 0.0
    troubled: tuple[str, ...] = ()
    troubled_at: float = 0.0

    def left_s(self, now: float) -> float:
        """How much of the hold is left; 0 when it is over. More than its whole length is a clock that jumped back."""
        length = min(self.hold_until - self.held_from, LONGEST_HOLD_S) if self.held_from else LONGEST_HOLD_S
        left = self.hold_until - now
        return left if 0.0 < left <= length + 1.0 else 0.0

    def is_open(self, now: float) -> bool:
        """Whether everybody may ask: there is no hold, and the last one was followed by a good answer."""
        return not self.left_s(now) and not self.is_unproven


def take_turn(patience: Patience, kind: RequestClass, now: float, interval_s: float) -> tuple[Patience, float, bool]:
    """The patience with this class's next turn taken, when that is, and whether there is one.

    While there is a hold, or somebody else asks first, no turn is taken: the time is the one to look again.
    """
    if patience.hold_until > now and not patience.left_s(now):
        # The clock jumped back during the hold. What was left of it is not known; one that is over is asked first.
        patience = replace(patience, hold_until=now, held_from=now)
    if left := patience.left_s(now):
        return patience, now + left, False
    if patience.is_unproven:
        # A second more: whose clock is a moment behind is not asked first, too.
        if 0.0 < patience.probe_until - now <= PROBE_S + 1.0:
            return patience, patience.probe_until, False
        patience = replace(patience, probe_until=now + PROBE_S)
    gap = SPACING[kind] * interval_s
    planned = patience.next_turn.get(kind.value, 0.0)
    turn = max(now, planned if planned <= now + _TURNS_AHEAD * gap + 1.0 else now)
    return replace(patience, next_turn={**patience.next_turn, kind.value: turn + gap}), turn, True


def after_limit(
    patience: Patience,
    now: float,
    retry_after_s: float | None,
    base_s: float,
    jitter: float,
    why: Why = Why.LIMITED,
) -> Patience:
    """The patience after Bandcamp said to wait. Several workers that were told at the same moment count as one.

    `retry_after_s`: a floor, never a target. `jitter`: from 0 to 1.
    """
    left = patience.left_s(now)
    level = patience.level if left else patience.level + 1
    # `Retry-After` obeyed to the second, again and again, has ended in a long refusal: it grows as our own base does.
    first_s = base_s if retry_after_s is None else max(retry_after_s, min(1.0, base_s))
    wait = min(first_s * 2.0 ** min(max(level, 1) - 1, 30), max(HOLD_MAX_S, first_s))
    until = now + min(wait * (1.0 + 0.3 * jitter), LONGEST_HOLD_S)
    return replace(
        patience,
        hold_until=max(now + left, until),
        held_from=now,
        why=why,
        level=level,
        is_unproven=True,
        probe_until=0.0,
    )


def after_trouble(patience: Patience, now: float, mark: str, base_s: float, jitter: float, why: Why) -> Patience:
    """The patience after a request that Bandcamp did not answer, or answered with an error of its own.

    `mark`: what tells one thing that is asked for from another. A hold begins when several met trouble and nothing went
    well between, or when it was the first request after a hold.
    """
    if patience.left_s(now):
        return patience
    is_old = not -1.0 <= now - patience.troubled_at <= _TOGETHER_S
    troubled = tuple({*(() if is_old else patience.troubled), mark})
    patience = replace(patience, troubled=troubled[:OUTAGE], troubled_at=now)
    if len(troubled) < OUTAGE and not patience.is_unproven:
        return patience
    return after_limit(patience, now, None, base_s, jitter, why)


def after_success(patience: Patience, now: float) -> Patience:
    """One good answer halves the suspicion, so that a storm does not start again at full speed.

    One to a question of before the hold says nothing about it.
    """
    if patience.left_s(now):
        return patience
    return replace(patience, level=patience.level // 2, is_unproven=False, probe_until=0.0, troubled=())


def as_patience(value: Any) -> Patience:
    """What the file says. Garbage raises ValueError, KeyError, TypeError, AttributeError or OverflowError."""
    marks = value.get("troubled", ())
    return Patience(
        hold_until=float(value["hold_until"]),
        level=max(0, int(value["level"])),
        next_turn={str(k): float(v) for k, v in value["next_turn"].items()},
        held_from=float(value.get("held_from", 0.0)),
        why=Why(value.get("why", Why.LIMITED)),
        is_unproven=bool(value.get("is_unproven", False)),
        probe_until=float(value.get("probe_until", 0.0)),
        troubled=tuple(str(mark)[:64] for mark in marks[:OUTAGE]),
        troubled_at=float(value.get("troubled_at", 0.0)),
    )
