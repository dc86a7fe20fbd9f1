"""A timeline of requests, and its figures. Pure.

A row for each class of request, a column for each second: `.` nothing, a digit that many answered (`+` more than nine),
`x` refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Asked:
    """A request. `at_s`: seconds since the first of them."""

    at_s: float
    kind: str
    is_refused: bool


@dataclass(frozen=True)
class Figures:
    """What a timeline shows. Times in seconds since the first request.

    `holds`: the pauses of everybody in the storm, each from one refusal to the next request. `first_after`: when the
    first request after the storm's end came; None when none did.
    """

    in_storm: int
    holds: tuple[float, ...]
    longest_gap_s: float
    first_after: float | None
    in_all: int


def figures(asked: Sequence[Asked], storm_s: float, together_s: float = 1.0) -> Figures:
    """`together_s`: requests that are nearer to each other than this were under way at once."""
    times = sorted(one.at_s for one in asked)
    stormy = [at for at in times if at <= storm_s]
    after = [at for at in times if at > storm_s]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    upto = [*stormy, *after[:1]]
    holds = [later - earlier for earlier, later in pairwise(upto)]
    return Figures(
        len(stormy),
        tuple(gap for gap in holds if gap > together_s),
        max(gaps, default=0.0),
        after[0] if after else None,
        len(times),
    )


def rendered(asked: Sequence[Asked], storm_s: float) -> list[str]:
    """The lines of the timeline; the storm's end is a `|` in the line of seconds."""
    seconds = int(max((one.at_s for one in asked), default=0.0)) + 1
    seconds = max(seconds, int(storm_s) + 1)
    kinds = sorted({one.kind for one in asked})
    width = max((len(kind) for kind in kinds), default=0)
    ruler = "".join("|" if at == int(storm_s) else "0" if at % 10 == 0 else "-" for at in range(seconds))
    lines = [f"{'':{width}}  {ruler}"]
    for kind in kinds:
        cells = (_cell([one for one in asked if one.kind == kind and int(one.at_s) == at]) for at in range(seconds))
        lines.append(f"{kind:{width}}  {''.join(cells)}")
    return lines


def _cell(found: list[Asked]) -> str:
    if not found:
        return "."
    if any(one.is_refused for one in found):
        return "x"
    return str(len(found)) if len(found) < 10 else "+"
