"""What a delivery costs, against the plain way: fetch the archive to disk, then unpack it.

Both run in this one run, against the same stand-in, on the same files. The plain way checks nothing; ours checks
CRCs and decodes every track. Printed: seconds, and bytes passed to write() over bytes placed. Run `make bench`.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "shared")]

from standin import StandIn, World  # noqa: E402
from standin.items import file_url  # noqa: E402

ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock, bytes passed to write(), bytes that lie in the music folder."""

    seconds: float
    written: int
    placed: int


def main() -> None:
    """Measure and print."""
    world = World.build(purchases=3, preset="small", seconds=(180.0, 240.0))
    with StandIn(world) as standin, tempfile.TemporaryDirectory() as scratch:
        urls = [file_url(world, standin.url, purchase, "flac") for purchase in world.purchases]
        cookies = {"identity": str(world.identity)}
        for url in urls:  # the stand-in builds its files at the first request
            requests.get(url, cookies=cookies, timeout=600)
        plain = [_plain(Path(scratch) / f"plain{n}", urls, str(world.identity)) for n in range(ROUNDS)]
        ours = [_ours(Path(scratch) / f"ours{n}", standin) for n in range(ROUNDS)]
    best_plain, best_ours = min(plain, key=_seconds), min(ours, key=_seconds)
    print(f"{'':28}{'seconds':>9}{'MB placed':>11}{'written/placed':>16}")
    for name, cost in (("archive to disk, then unzip", best_plain), ("bandcampsync work", best_ours)):
        print(f"{name:28}{cost.seconds:9.2f}{cost.placed / 1e6:11.1f}{cost.written / cost.placed:16.2f}")
    print(f"ratio of seconds (ours includes start-up, pages, CRC and decoding): {_ratio(best_ours, best_plain):.2f}")


def _seconds(cost: Cost) -> float:
    return cost.seconds


def _ratio(ours: Cost, plain: Cost) -> float:
    return ours.seconds / plain.seconds


_PLAIN = """
import sys, zipfile, requests, pathlib, os, shutil
folder, identity, *urls = sys.argv[1:]
for n, url in enumerate(urls):
    archive = pathlib.Path(folder) / f"{n}.zip"
    with requests.get(url, cookies={"identity": identity}, stream=True, timeout=600) as r, archive.open("wb") as out:
        for chunk in r.iter_content(1 << 16):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    target = pathlib.Path(folder) / str(n)
    target.mkdir()
    if zipfile.is_zipfile(archive):
        zipfile.ZipFile(archive).extractall(target)
        archive.unlink()
    else:
        shutil.move(archive, target / "track.flac")
"""


def _plain(folder: Path, urls: list[str], identity: str) -> Cost:
    folder.mkdir()
    return _measured([sys.executable, "-c", _IO + _PLAIN, str(folder), identity, *urls], dict(os.environ), folder)


_IO = (
    "import atexit, pathlib, os\n"
    "atexit.register(lambda: pathlib.Path(os.environ['IO_REPORT'])"
    ".write_text(pathlib.Path('/proc/self/io').read_text()))\n"
)


def _ours(folder: Path, standin: StandIn) -> Cost:
    cookies = folder / "data" / "config" / "cookies.txt"
    cookies.parent.mkdir(parents=True)
    standin.write_cookies(cookies)
    cookies.chmod(0o600)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "shared"),
        "BANDCAMP_BASE_URL": standin.url,
        "DATA_DIR": str(folder / "data"),
        "MUSIC_DIR": str(folder / "music"),
        "REQUEST_INTERVAL": "0",
    }
    for stage in ("scrape", "reconcile"):
        subprocess.run([sys.executable, "-m", "bandcamp_sync", stage], env=env, check=True, capture_output=True)
    script = _IO + "from bandcamp_sync.cli import main\nmain(['work', '--drain'])\n"
    return _measured([sys.executable, "-c", script], env, folder / "music")


def _measured(command: list[str], env: dict[str, str], placed: Path) -> Cost:
    with tempfile.NamedTemporaryFile(suffix=".io") as report:
        started = time.perf_counter()
        subprocess.run(command, env={**env, "IO_REPORT": report.name}, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        counters = dict(line.split(": ") for line in Path(report.name).read_text().splitlines())
    size = sum(path.stat().st_size for path in placed.rglob("*") if path.is_file())
    return Cost(seconds, int(counters["wchar"]), size)


if __name__ == "__main__":
    main()
