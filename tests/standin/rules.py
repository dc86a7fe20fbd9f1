"""Rules: which requests meet which fault, how often, and in what order.

A rule as JSON:

    {"match": {"class": "file", "path": "^/bcbits/", "key": "p500000003"},
     "do": "truncate", "params": {"percent": 40},
     "times": 1, "after": 0, "first_each": true}

`class` is one of `CLASSES`, a list of them, or `any`; without it the fault's own usual class is
taken. `times` null means for ever. With `first_each`, `times` and `after` count for each sale key
by itself (for each path, where a request has no key).
"""

import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standin.faults import FAULTS, REPLACING

CLASSES = ("page", "collection", "file", "stat", "stream", "art", "album_page", "other", "any")

Params = dict[str, Any]


@dataclass
class Rule:
    """One rule with its counters."""

    do: str
    params: Params = field(default_factory=dict)
    classes: tuple[str, ...] = ("any",)
    path: re.Pattern[str] | None = None
    key: str | None = None
    times: int | None = None
    after: int = 0
    first_each: bool = False
    number: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    hits: int = 0

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Rule":
        """Read one rule; whatever is wrong with it is a ValueError that says so."""
        unknown = set(data) - {"match", "do", "params", "times", "after", "first_each"}
        if unknown:
            raise ValueError(f"a rule has no {sorted(unknown)}")
        do, params = data.get("do"), dict(data.get("params") or {})
        if isinstance(do, dict):  # {"fault": name, ...params} is understood too
            params = {**do, **params}
            do = params.pop("fault", None)
        if not isinstance(do, str) or do not in FAULTS:
            raise ValueError(f"no fault {do!r}; there are {sorted(FAULTS)}")
        if do == "rotate":
            params["faults"] = [_fault(entry) for entry in params.get("faults", [])]
            if not params["faults"]:
                raise ValueError("rotate needs a list of faults")
        match = dict(data.get("match") or {})
        wanted = match.pop("class", None) or FAULTS[do]
        classes = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        if not set(classes) <= set(CLASSES):
            raise ValueError(f"class is one of {CLASSES}, not {classes}")
        path, key = match.pop("path", None), match.pop("key", None)
        if match:
            raise ValueError(f"match has no {sorted(match)}")
        times = data.get("times")
        return cls(
            do=do,
            params=params,
            classes=classes,
            path=re.compile(path) if path else None,
            key=key,
            times=None if times is None else int(times),
            after=int(data.get("after") or 0),
            first_each=bool(data.get("first_each", False)),
        )

    def matches(self, kind: str, path: str, key: str | None) -> bool:
        """Whether the request is one that the rule speaks of, its counters apart."""
        if kind == "control" or ("any" not in self.classes and kind not in self.classes):
            return False
        if self.path is not None and not self.path.search(path):
            return False
        return self.key is None or self.key == key

    def take(self, path: str, key: str | None) -> bool:
        """Count a matching request; True when the fault is to happen to it."""
        counter = (key or path) if self.first_each else ""
        count = self.seen[counter] = self.seen.get(counter, 0) + 1
        due = count > self.after and (self.times is None or count <= self.after + self.times)
        self.hits += due
        return due

    def fault(self, key: str | None, path: str) -> tuple[str, Params]:
        """What is to happen; a rotating rule gives each new key the next fault of its list."""
        if self.do != "rotate":
            return self.do, self.params
        turns: dict[str, int] = self.params.setdefault("turns", {})
        turn = turns.setdefault(key or path, len(turns))
        chosen: list[tuple[str, Params]] = self.params["faults"]
        return chosen[turn % len(chosen)]


class RuleBook:
    """All rules in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(
        self,
        do: str | dict[str, Any],
        *,
        match: dict[str, Any] | None = None,
        times: int | None = None,
        after: int = 0,
        first_each: bool = False,
        **params: Any,
    ) -> Rule:
        """Add a rule from Python: `rules.add("truncate", times=1, percent=50)`."""
        return self.add_json(
            {"do": do, "params": params, "match": match or {}, "times": times, "after": after,
             "first_each": first_each}
        )  # fmt: skip

    def add_json(self, data: dict[str, Any]) -> Rule:
        """Add a rule as it came over the wire."""
        rule = Rule.from_json(data)
        with self._lock:
            rule.number = next(self._numbers)
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Take one rule back."""
        with self._lock:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def draw(
        self,
        kind: str,
        path: str,
        key: str | None,
        spared: Callable[[str, Params], bool],
    ) -> list[tuple[str, Params]]:
        """The faults for one request, in order. Uses up the rules that it draws from.

        A fault that replaces the answer ends the draw: what comes behind it would not be seen.
        `spared` tells for a fault that this very request does not meet it (it has solved the
        challenge, it has no Range to ignore); such a request is not counted.
        """
        drawn: list[tuple[str, Params]] = []
        with self._lock:
            for rule in self._rules:
                if rule.do == "popplers" or not rule.matches(kind, path, key):
                    continue
                name, params = rule.fault(key, path)
                if spared(name, params) or not rule.take(path, key):
                    continue
                drawn.append((name, params))
                if name in REPLACING:
                    break
        return drawn

    def popplers(self, path: str, key: str | None) -> str | None:
        """The mode of a `popplers` rule for that request; such rules are modes and not counted."""
        with self._lock:
            for rule in self._rules:
                if rule.do == "popplers" and rule.matches("file", path, key):
                    return str(rule.params.get("mode", "direct"))
        return None

    def report(self) -> list[dict[str, Any]]:
        """The rules and how often each has struck."""
        with self._lock:
            return [
                {"number": rule.number, "do": rule.do, "hits": rule.hits, "times": rule.times} for rule in self._rules
            ]


def _fault(entry: str | dict[str, Any]) -> tuple[str, Params]:
    params = {} if isinstance(entry, str) else dict(entry)
    name = entry if isinstance(entry, str) else params.pop("fault", None)
    if name not in FAULTS or name in ("rotate", "popplers"):
        raise ValueError(f"rotate cannot hold {name!r}")
    return str(name), params
