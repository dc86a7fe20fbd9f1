"""`python tests/crash`: kill every stage at every file-system step, and print one table (Markdown)."""

import sys
from pathlib import Path

# Run as a folder, Python puts this folder first on the path; its parent must stand there instead.
_TESTS = Path(__file__).resolve().parent.parent
sys.path[0] = str(_TESTS)
sys.path.insert(1, str(_TESTS.parent / "shared"))

from crash.report import run_all, sentence, table  # noqa: E402
from crash.stage import Outcome  # noqa: E402
from crash.tracer import can_trace  # noqa: E402


def main() -> int:
    """0 when everything was whole after each kill, 1 when not, 5 where this machine allows no tracing."""
    if not can_trace():
        print("this machine does not let a process trace its children, with a filter; nothing was run", file=sys.stderr)
        return 5
    outcomes = run_all(_tell)
    print(table(outcomes), end="")
    return 1 if any(outcome.lost for outcome in outcomes) else 0


def _tell(outcome: Outcome) -> None:
    print(sentence(outcome), file=sys.stderr, flush=True)
    for problem in outcome.lost:
        print(f"    {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
