"""The last lines of a huge log: time and memory against a small log's, and against `tail`."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINES = 200
SIZES = (1_000_000, 1_000_000_000)
ROUNDS = 20
_LINE = (
    "2026-11-23T12:00:00.000Z INFO  bandcamp_sync.stages.work - p500000001 12.5 of 48.0 MB at 1.2 MB/s, line {:09d}\n"
)

# In a process of its own, whose peak is this work's alone.
_TAIL = """
import sys, time, tracemalloc
from pathlib import Path
from bandcamp_sync.logs.tail import in_time_order, tail
paths, lines, rounds = {"worker": Path(sys.argv[1])}, int(sys.argv[2]), int(sys.argv[3])
times = []
for _ in range(rounds):
    began = time.perf_counter()
    in_time_order(tail(name, path, lines).lines for name, path in paths.items())
    times.append(time.perf_counter() - began)
tracemalloc.start()
in_time_order(tail(name, path, lines).lines for name, path in paths.items())
print(sorted(times)[rounds // 2], tracemalloc.get_traced_memory()[1])
"""


def report(folder: Path) -> None:
    """Measure and print."""
    print(f"\n{'the last 200 lines of a log':32}{'ms':>9}{'peak kB':>9}{'tail -n 200, ms':>17}")
    seconds, peaks = [], []
    for size in SIZES:
        path = folder / "huge.log"
        write_log(path, size)
        own, peak = _ours(path)
        seconds.append(own)
        peaks.append(peak)
        print(f"{f'{size / 1e6:,.0f} MB':32}{own * 1000:9.2f}{peak / 1000:9.0f}{_tails(path) * 1000:17.2f}")
        path.unlink()
    print(f"{'ratio':32}{seconds[1] / seconds[0]:9.2f}{peaks[1] / peaks[0]:9.2f}")


def write_log(path: Path, size: int) -> None:
    """A log of `size` bytes."""
    block = "".join(_LINE.format(number) for number in range(10_000)).encode()
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
        file.write(block[: size % len(block)].rpartition(b"\n")[0] + b"\n")


def _ours(path: Path) -> tuple[float, int]:
    command = [sys.executable, "-c", _TAIL, str(path), str(LINES), str(ROUNDS)]
    environ = {"PYTHONPATH": str(ROOT / "shared")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak)


def _tails(path: Path) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(["tail", "-n", str(LINES), str(path)], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return sorted(times)[ROUNDS // 2]
