import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bandcamp_sync.health.numbers import Numbers

_HOLDER = """
import sys
from pathlib import Path
from bandcamp_sync.health.numbers import Numbers
numbers = Numbers(Path(sys.argv[1]))
print(*numbers.take(2), flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> tuple["subprocess.Popen[str]", list[int]]:
    command = [sys.executable, "-c", _HOLDER, str(folder)]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    return process, [int(word) for word in process.stdout.readline().split()]


def test_each_holder_gets_numbers_that_nobody_has_and_the_dead_leave_theirs(tmp_path: Path) -> None:
    first, its = holder(tmp_path)
    second, others = holder(tmp_path)
    try:
        assert (its, others) == ([1, 2], [3, 4])
        assert not Numbers(tmp_path).is_free(2)
        first.kill()
        first.wait()
        mine = Numbers(tmp_path)
        assert mine.is_free(2) and not mine.is_free(3)
        assert mine.take(3) == [1, 2, 5]
        assert not mine.is_free(1)
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_numbers_whose_files_were_deleted_are_held_anew_and_no_two_have_one(tmp_path: Path) -> None:
    folder = tmp_path / "numbers"
    first, second = Numbers(folder), Numbers(folder)
    assert (first.take(2), second.take(1)) == ([1, 2], [3])
    assert first.hold_on() == []
    shutil.rmtree(folder)
    newcomer = Numbers(folder)
    assert newcomer.take(1) == [1]
    assert first.hold_on() == [1] and second.hold_on() == []
    assert first.take(1) == [4]
    assert newcomer.take(1) == [5]


@pytest.mark.parametrize("spoil", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name)])
def test_garbage_in_a_locks_place_is_no_reason_to_wait_or_to_fail(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    for name in ("worker-1.lock", "turn.lock"):
        spoil(tmp_path / name)
    numbers = Numbers(tmp_path)
    assert numbers.take(1) == [1]
    with numbers.one_at_a_time():
        assert not numbers.is_free(1)
