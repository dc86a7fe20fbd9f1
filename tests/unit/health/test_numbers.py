import subprocess
import sys
from pathlib import Path

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
