"""What goes wrong next: chosen from a seeded random, so that a seed is a story. Pure.

Only mischief that the product must get over by itself is dealt out. What ends in a person's hands by intent (a format
that is withdrawn, an account that is not confirmed) is for the tests of single faults.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The families of mischief."""

    FAULT = "fault of Bandcamp"
    STORM = "429 storm"
    CHALLENGE = "browser challenge"
    OUTAGE = "Bandcamp is down"
    LOG_OUT = "logged out"
    KILL = "kill"
    FREEZE = "freeze"
    RESTART = "restart"
    POWER_CUT = "power cut"
    PURCHASE = "purchase"
    RELEASE = "pre-order released"
    PAUSE = "pause"
    ASK = "asked for a stage"
    RETRY = "retry of one"
    IGNORE = "ignored for a while"
    GARBLE = "state garbled"
    GARBLE_JOB = "job garbled"
    LOSE_INBOX = "inbox lost"
    LOSE_COLLECTION = "collection lost"
    DAMAGE = "album damaged"
    FLOOD_LOG = "log flooded"


@dataclass(frozen=True)
class Mischief:
    """One thing that goes wrong. `seconds`: for how long; `what`: which of its kind; `chance`: from 0 to 1, to choose
    among what there is when it happens."""

    kind: Kind
    what: str = ""
    seconds: float = 0.0
    count: int = 1
    chance: float = 0.0
    rule: Mapping[str, Any] = field(default_factory=dict)


#: Faults that a purchase may meet once; met again with a new link, they are what only a person can clear.
ONCE = ("expired_link",)

#: How often each comes, in parts of their sum.
_WEIGHTS: dict[Kind, int] = {
    Kind.FAULT: 44,
    Kind.STORM: 3,
    Kind.CHALLENGE: 1,
    Kind.OUTAGE: 3,
    Kind.LOG_OUT: 3,
    Kind.KILL: 13,
    Kind.FREEZE: 4,
    Kind.RESTART: 2,
    Kind.POWER_CUT: 2,
    Kind.PURCHASE: 12,
    Kind.RELEASE: 1,
    Kind.PAUSE: 2,
    Kind.ASK: 5,
    Kind.RETRY: 4,
    Kind.IGNORE: 2,
    Kind.GARBLE: 7,
    Kind.GARBLE_JOB: 4,
    Kind.LOSE_INBOX: 1,
    Kind.LOSE_COLLECTION: 1,
    Kind.DAMAGE: 3,
    Kind.FLOOD_LOG: 1,
}

PROGRAMS = ("scraper", "reconciler", "worker", "worker", "dashboard", "listener")
STAGES = ("scrape", "reconcile", "retry", "verify")

_PERCENT = (1, 20, 40, 60, 80, 99)
_PAGES = (["page"], ["collection"], ["stat"], ["page", "collection", "stat"])
_ANY = (*_PAGES, ["file"], ["page", "collection", "stat", "file"])

#: Fault: the classes of requests that it may meet (None: its own), and what each of its parameters may be.
FAULTS: dict[str, tuple[tuple[list[str], ...] | None, dict[str, tuple[Any, ...]]]] = {
    "truncate": (None, {"percent": _PERCENT}),
    "reset": (None, {"percent": _PERCENT}),
    "stall": (None, {"percent": _PERCENT, "seconds": (2, 6)}),
    "slow": (None, {"rate": (20_000, 60_000)}),
    "flip_byte": (None, {"percent": _PERCENT, "where": ("body", "entry", "audio")}),
    "wrong_length": (None, {"delta": (-5000, -1, 1000)}),
    "no_length": (None, {"mode": ("close", "chunked")}),
    "damaged_audio": (None, {"bytes": (1, 400)}),
    "changed_file": (None, {"resume_only": (True, False)}),
    "ignore_range": (None, {}),
    "no_range_headers": (None, {}),
    "no_disposition": (None, {}),
    "error_page": (None, {}),
    "throttle_page": (None, {}),
    "expired_link": (None, {}),
    "cutoff": (None, {}),
    "withdrawn": (None, {}),
    "encoding": (None, {"retry_after": (None, 1)}),
    "stat": (
        None,
        {"variant": ("json", "js", "js_spaced", "var", "var_json", "ok_without_url", "retry_url", "pending")},
    ),
    "rate_limit": (_ANY, {"retry_after": (None, 1, "date:1")}),
    "status": (_ANY, {"code": (500, 502, 503, 504), "retry_after": (None, 1)}),
    "challenge403": (_PAGES, {}),
    "hang": (_ANY, {"seconds": (2, 5)}),
    "drop": (_ANY, {}),
    "empty": (_ANY, {}),
    "logged_out": (_PAGES, {"style": ("error", "401", "403", "302")}),
    "redirect_login": (None, {}),
    "redesign": (None, {}),
    "single_quotes": (None, {}),
    "null_size": (None, {}),
    "string_ids": (_PAGES, {}),
    "garbage": (None, {}),
    "duplicates": (None, {"count": (1, 5)}),
    "short_page": (None, {"count": (1, 3)}),
    "false_more": (None, {}),
    "no_more_field": (None, {}),
    "overshoot": (None, {"by": (-2, 1)}),
}


class Chaos:
    """Deals out mischief. `has_browser`: whether a challenge can be passed on this machine."""

    def __init__(self, seed: int, has_browser: bool = True) -> None:
        self._dice = random.Random(seed)
        kinds = [kind for kind in _WEIGHTS if has_browser or kind is not Kind.CHALLENGE]
        self._kinds, self._weights = kinds, [_WEIGHTS[kind] for kind in kinds]
        self._faults: list[str] = []

    def wait_s(self) -> float:
        """Seconds until the next mischief: mostly short, sometimes long enough for things to settle."""
        return min(8.0, self._dice.expovariate(1 / 1.6))

    def next(self) -> Mischief:
        """What goes wrong next."""
        kind = self._dice.choices(self._kinds, self._weights)[0]
        between = self._dice.uniform
        mischief = Mischief(kind, chance=self._dice.random())
        match kind:
            case Kind.FAULT:
                return self._fault(mischief.chance)
            case Kind.STORM:
                after = self._dice.choice((None, 1, 2, "date:2"))
                match_any = {"class": ["page", "collection", "stat", "file"]}
                rule = {"do": "rate_limit", "times": 8, "match": match_any, "params": {"retry_after": after}}
                return Mischief(kind, seconds=between(3, 8), rule=rule)
            case Kind.CHALLENGE:
                rule = {"do": "challenge", "params": {"mode": "cookie"}}
                return Mischief(kind, seconds=between(8, 20), rule=rule)
            case Kind.OUTAGE:
                return Mischief(kind, seconds=between(0.5, 6))
            case Kind.LOG_OUT:
                return Mischief(kind, self._dice.choice(("dashboard", "file")), between(0.5, 6))
            case Kind.KILL:
                signal = self._dice.choice(("KILL", "KILL", "KILL", "TERM", "INT"))
                return Mischief(kind, f"{signal} {self._dice.choice(PROGRAMS)}", chance=mischief.chance)
            case Kind.FREEZE:
                # Longer than a lease now and then: another worker takes the job, and this one wakes up to find it gone.
                return Mischief(kind, self._dice.choice(PROGRAMS), between(1, 12), chance=mischief.chance)
            case Kind.POWER_CUT | Kind.PAUSE:
                return Mischief(kind, seconds=between(0.2, 4))
            case Kind.PURCHASE:
                return Mischief(
                    kind, self._dice.choice(("asked", "by itself")), count=self._dice.choice((1, 1, 1, 2, 4))
                )
            case Kind.ASK:
                return Mischief(kind, self._dice.choice(STAGES))
            case Kind.IGNORE:
                return Mischief(kind, seconds=between(3, 12), chance=mischief.chance)
            case Kind.GARBLE:
                return Mischief(kind, self._dice.choice(GARBAGE), chance=mischief.chance)
            case Kind.GARBLE_JOB:
                return Mischief(kind, self._dice.choice(GARBAGE), chance=mischief.chance)
            case Kind.LOSE_COLLECTION:
                return Mischief(kind, self._dice.choice(GARBAGE))
            case Kind.DAMAGE:
                return Mischief(kind, self._dice.choice(("flipped", "truncated", "removed")), chance=mischief.chance)
        return mischief

    def _fault(self, chance: float) -> Mischief:
        # Every fault once before any comes a second time: a short soak meets most of them, a long one all.
        if not self._faults:
            self._faults = self._dice.sample(sorted(FAULTS), len(FAULTS))
        name = self._faults.pop()
        classes, choices = FAULTS[name]
        params = {parameter: self._dice.choice(values) for parameter, values in choices.items()}
        rule: dict[str, Any] = {"do": name, "params": params, "times": self._dice.choice((1, 1, 2, 3, 5))}
        if classes is not None:
            rule["match"] = {"class": self._dice.choice(classes)}
        if name in ONCE:
            rule["times"] = 1
        elif self._dice.random() < 0.3:
            rule |= {"first_each": True, "times": 1}
        return Mischief(Kind.FAULT, name, self._dice.uniform(3, 15), chance=chance, rule=rule)


#: What takes the place of a file that is garbled.
GARBAGE = ("removed", "emptied", "cut in half", "other JSON", "no JSON", "binary")
