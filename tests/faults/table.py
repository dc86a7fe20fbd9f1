"""The table as Markdown, and as lines for a terminal. Pure."""

from collections.abc import Iterable

from faults.measure import Result

_HEAD = ("Fault", "Whole / wanted", "Requests (at most)", "Bytes fetched / needed", "Seconds", "What a person does")


#: How much is told of what is wrong with a row.
_WIDE, _MANY = 300, 8


def cells(result: Result) -> tuple[str, ...]:
    """One row as texts."""
    if result.unable is not None:
        return (result.name, "not run here", result.unable, "", "", "")
    return (
        result.name,
        f"{result.whole} / {result.wanted}",
        f"{result.requests} ({result.allowed})",
        f"{result.times_needed:.2f}",
        f"{result.seconds:.0f}",
        result.person,
    )


def markdown(results: Iterable[Result]) -> str:
    """A table for docs/faults.md."""
    lines = [_HEAD, ("---", "---:", "---:", "---:", "---:", "---"), *map(cells, results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def terminal(result: Result) -> str:
    """One row as a line, with what is wrong with it below."""
    name, whole, requests, fetched, seconds, person = cells(result)
    mark = "--" if result.unable is not None else "NO" if result.problems else "ok"
    line = f"{mark}  {name:<54} {whole:>7}  {requests:>9}  {fetched:>5}  {seconds:>3} s  {person}"
    return "\n".join([line.rstrip(), *(f"      {problem[:_WIDE]}" for problem in _first(result.problems))])


def _first(problems: tuple[str, ...]) -> list[str]:
    left = len(problems) - _MANY
    return [*problems[:_MANY], *([f"and {left} more"] if left > 0 else [])]


def head() -> str:
    """What the columns of `terminal` are."""
    return f"    {'fault':<54} {'whole':>7}  {'requests':>9}  {'bytes':>5}  {'time':>5}  a person does"
