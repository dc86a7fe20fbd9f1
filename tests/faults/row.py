"""A row of the fault table: what is wrong, what a person has to do about it, and what it may cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faults.household import Household


@dataclass(frozen=True)
class Rule:
    """A rule of the stand-in, as its README has it."""

    do: str
    params: dict[str, Any] = field(default_factory=dict)
    match: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    first_each: bool = False
    after: int = 0


def once_each(do: str, **params: Any) -> Rule:
    """A fault of the first answer for each purchase (for each address, where no purchase is named)."""
    return Rule(do, params, times=1, first_each=True)


@dataclass(frozen=True)
class Row:
    """`name`: in plain words. What is set up: `rules` of the stand-in and `before` the loops start; `happens` is called
    when they run, and returns when the trouble is over.

    `person`: what a person has to do. `missing`: purchases that cannot be had in this row. `requests_each`: at most so
    many requests a purchase. `times_needed`: at most so many bytes of files for each byte needed. `told`: a pattern
    that one line of the logs must match, for trouble of this machine; such trouble may count as no purchase's attempt.
    `after`: looks at what else must be so once all is whole, and returns what is wrong.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    before: Callable[[Household], None] | None = None
    happens: Callable[[Household], None] | None = None
    person: str = "nothing"
    purchases: int = 6
    seconds: tuple[float, float] = (1.0, 2.0)
    rate: int | None = None
    settings: dict[str, str] = field(default_factory=dict)
    mounts: bool = False
    missing: int = 0
    requests_each: float = 8.0
    times_needed: float = 1.05
    told: str | None = None
    after: Callable[[Household], list[str]] | None = None
