"""The table of crash points: each stage, its steps by kind, how often it was killed, whether all was whole after."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crash.calls import KINDS
from crash.handover import handover_stages
from crash.stage import Outcome, kill_everywhere
from crash.stages import EVERY

#: A few megabytes are needed; memory is spared the thousands of flushes.
_ROOM = 48 << 20


@contextmanager
def quick_folder() -> Iterator[Path]:
    """An empty folder, in memory where there is room; gone afterwards."""
    memory = Path("/dev/shm")
    fits = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="crash-", dir=memory if fits else None) as name:
        yield Path(name)


def run_all(tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Kill every stage everywhere, in turn; `tell` hears of each that is done."""
    outcomes = []
    for stage in EVERY:
        with quick_folder() as root:
            outcomes.append(kill_everywhere(stage, root))
            tell(outcomes[-1])
    for number in range(2):
        with quick_folder() as root:
            outcomes.append(kill_everywhere(handover_stages(root)[number], root))
            tell(outcomes[-1])
    return outcomes


def sentence(outcome: Outcome) -> str:
    """One stage in a line, as tests print it."""
    kinds = ", ".join(f"{outcome.steps[kind]} {kind}" for kind in KINDS if outcome.steps[kind])
    killed = f"killed at {outcome.points} points and amid {outcome.halves} writes"
    return f"{outcome.name}: {outcome.steps.total()} steps ({kinds}), {killed}: {_verdict(outcome)}"


def table(outcomes: Iterable[Outcome]) -> str:
    """All stages as Markdown, with the sums."""
    rows = list(outcomes)
    lines = [
        f"| stage | {' | '.join(KINDS)} | steps | killed | amid a write | whole after each |",
        f"|---|{'---|' * (len(KINDS) + 4)}",
    ]
    for one in rows:
        numbers = [one.steps[kind] for kind in KINDS]
        lines.append(_row(one.name, [*numbers, one.steps.total(), one.points, one.halves], _verdict(one)))
    sums = [sum(one.steps[kind] for one in rows) for kind in KINDS]
    totals = [sum(one.steps.total() for one in rows), sum(one.points for one in rows), sum(one.halves for one in rows)]
    lost = sum(len(one.lost) for one in rows)
    lines.append(_row("all", [*sums, *totals], "yes" if not lost else f"{lost} times not"))
    return "\n".join(lines) + "\n"


def _row(name: str, numbers: Iterable[int], verdict: str) -> str:
    return f"| {name} | {' | '.join(str(number) if number else '' for number in numbers)} | {verdict} |"


def _verdict(outcome: Outcome) -> str:
    if outcome.lost:
        return f"{len(outcome.lost)} times not"
    return "yes"
