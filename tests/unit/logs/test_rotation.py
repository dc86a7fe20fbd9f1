import logging
import subprocess
import sys
from pathlib import Path

from bandcamp_sync.logs import rotation
from bandcamp_sync.logs.rotation import SharedRotatingHandler

PACKAGE_ROOT = Path(rotation.__file__).parents[2]
WRITER = """
import logging, sys
from pathlib import Path
from bandcamp_sync.logs.rotation import SharedRotatingHandler
name, path = sys.argv[1], Path(sys.argv[2])
handler = SharedRotatingHandler(path, max_bytes=20_000, kept=200)
for number in range(2000):
    handler.emit(logging.makeLogRecord({"msg": f"{name} {number:05d} " + "x" * 40}))
"""


def record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text})


def everything(folder: Path) -> list[str]:
    return [line for path in folder.glob("a.log*") for line in path.read_text().splitlines()]


def test_a_full_file_moves_on_and_only_so_many_are_kept(tmp_path: Path) -> None:
    handler = SharedRotatingHandler(tmp_path / "a.log", max_bytes=1000, kept=2)
    for number in range(100):
        handler.emit(record(f"{number:03d} " + "x" * 60))
    handler.close()
    assert sorted(path.name for path in tmp_path.glob("a.log*")) == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.glob("a.log*"))
    assert (tmp_path / "a.log").read_text().splitlines()[-1].startswith("099")


def test_a_file_that_another_process_moved_or_removed_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    handler = SharedRotatingHandler(path)
    handler.emit(record("one"))
    path.rename(tmp_path / "a.log.1")
    handler.emit(record("two"))
    path.unlink()
    handler.emit(record("three"))
    handler.close()
    assert path.read_text() == "three\n"
    assert (tmp_path / "a.log.1").read_text() == "one\n"


def test_several_processes_lose_and_mix_no_line_while_they_rotate(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER]
    environment = {"PYTHONPATH": str(PACKAGE_ROOT)}
    writers = [
        subprocess.Popen([*command, name, str(tmp_path / "a.log")], env=environment) for name in ("a", "b", "c", "d")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    wanted = {f"{name} {number:05d} " + "x" * 40 for name in "abcd" for number in range(2000)}
    found = everything(tmp_path)
    assert len(found) == len(wanted)
    assert set(found) == wanted
    assert len(list(tmp_path.glob("a.log.*"))) > 10
