"""The tracer itself: it sees every step, kills before it, and lets half a write through."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from bandcamp_sync.files import atomic

from crash.tracer import Traced, trace, trace_apart

pytestmark = pytest.mark.usefixtures("tracing")
_WRITTEN = ["mkdir", "open", "write", "fsync", "rename", "fsync"]


def _traced(folder: Path, kill_at: int | None = None, half: bool = False) -> Traced:
    def run() -> int:
        atomic.write_text(folder / "in" / "a", "x" * 1000)
        return 3

    return trace_apart(run, [folder], [], kill_at, half)


def _content(folder: Path) -> dict[str, int]:
    names = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return {"made" if name.startswith(".") else name: size for name, size in names.items()}


def test_a_run_that_is_not_killed_ends_with_its_code_and_its_steps_are_counted(tmp_path: Path) -> None:
    traced = _traced(tmp_path)
    assert (traced.code, traced.killed) == (3, None)
    assert dict(traced.steps) == {kind: _WRITTEN.count(kind) for kind in _WRITTEN}
    assert _content(tmp_path) == {"a": 1000}


@pytest.mark.parametrize(
    ("step", "left"),
    [(1, {}), (2, {}), (3, {"made": 0}), (4, {"made": 1000}), (5, {"made": 1000}), (6, {"a": 1000})],
)
def test_a_run_is_killed_before_its_step(tmp_path: Path, step: int, left: dict[str, int]) -> None:
    traced = _traced(tmp_path, step)
    assert traced.killed is not None and traced.code is None
    assert (traced.killed.kind, traced.count) == (_WRITTEN[step - 1], step)
    assert _content(tmp_path) == left


def test_half_of_a_write_is_written_and_then_it_is_killed(tmp_path: Path) -> None:
    traced = _traced(tmp_path, 3, half=True)
    assert traced.killed is not None and traced.killed.size == 1000
    assert _content(tmp_path) == {"made": 500}


def test_the_steps_of_threads_and_relative_names_count_and_other_folders_do_not(tmp_path: Path) -> None:
    (tmp_path / "in" / "logs").mkdir(parents=True)

    def write() -> None:
        os.chdir(tmp_path / "in")
        Path("a").write_text("x")
        Path("b").touch()
        Path("a").rename("c")
        (tmp_path / "in" / "logs" / "l").write_text("x")
        (tmp_path / "outside").write_text("x")

    def run() -> int:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        folder = os.open(tmp_path / "in", os.O_RDONLY)
        os.unlink("c", dir_fd=folder)
        return 0

    traced = trace_apart(run, [tmp_path / "in"], [tmp_path / "in" / "logs"])
    assert dict(traced.steps) == {"open": 2, "write": 1, "rename": 1, "unlink": 1}
    assert traced.code == 0


def test_what_can_only_fail_is_no_step(tmp_path: Path) -> None:
    def run() -> int:
        tmp_path.mkdir(exist_ok=True)
        (tmp_path / "nothing").unlink(missing_ok=True)
        return 0

    assert trace_apart(run, [tmp_path], []).count == 0


def test_what_a_killed_run_had_started_ends_too(tmp_path: Path) -> None:
    reader, writer = os.pipe()

    def run() -> int:
        if os.fork() == 0:
            os.close(reader)
            threading.Event().wait(60)
        (tmp_path / "a").write_text("x")
        return 0

    assert trace_apart(run, [tmp_path], [], 1).killed is not None
    os.close(writer)
    assert os.read(reader, 1) == b"", "nobody holds the other end of the pipe any more"
    os.close(reader)


def test_a_process_that_has_other_children_does_not_trace(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        with pytest.raises(RuntimeError, match="no other children"):
            trace(lambda: 7, [tmp_path], [])
        assert trace_apart(lambda: 7, [tmp_path], []).code == 7
        other.kill()
