"""What the crash tests stand on: a machine that allows tracing, and a quick folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crash.report import quick_folder, sentence
from crash.stage import Outcome, Stage, kill_everywhere
from crash.tracer import can_trace


@pytest.fixture(scope="session")
def tracing() -> None:
    if not can_trace():
        pytest.skip("this machine does not let a process trace its children, with a seccomp filter")


@pytest.fixture
def quick() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def killed_everywhere(tracing: None, quick: Path) -> Callable[[Stage], Outcome]:
    """Kill a stage at each of its steps; nothing may be lost."""

    def run(stage: Stage) -> Outcome:
        outcome = kill_everywhere(stage, quick)
        print(sentence(outcome))
        # On a slow machine one run publishes its progress more often than the last one, whose steps are counted; each
        # time takes three or four steps. No step of the last one was left out.
        assert 0 < outcome.steps.total() <= outcome.points < outcome.steps.total() + 10
        assert not outcome.lost, "\n".join([f"{len(outcome.lost)} times not whole", *outcome.lost[:20]])
        return outcome

    return run
