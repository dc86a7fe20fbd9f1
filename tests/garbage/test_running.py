"""Garbage appears while everything runs: no process ends, and when it is over all is as it was."""

import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.conftest import Home

from garbage.home import RECORDS, Filled
from garbage.spoiling import FILES, FOLDERS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("reconciler", "scraper", "worker", "dashboard")
SPOILT = 60


@contextmanager
def running(home: Home) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """The four services over a home."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    home.env["DASHBOARD_BIND"] = f"127.0.0.1:{free_port()}"
    env = home.environment(
        PYTHONPATH=paths, DASHBOARD_BIND=home.env["DASHBOARD_BIND"], SCRAPE_INTERVAL="1m", LEASE="5s"
    )
    processes = {}
    try:
        for name in SERVICES:
            with (home.root / f"{name}.out").open("wb") as out:
                command = [sys.executable, "-m", f"services.{name}.start"]
                processes[name] = subprocess.Popen(command, env=env, cwd=ROOT, stdout=out, stderr=out)
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(home: Home) -> bool:
    try:
        with urllib.request.urlopen(f"http://{home.env['DASHBOARD_BIND']}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def test_garbage_at_random_ends_no_process(filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    filled.standin.log.clear()
    seed = int(os.environ.get("GARBAGE_SEED") or random.randrange(1 << 32))
    print(f"GARBAGE_SEED={seed}")
    chance = random.Random(seed)
    with filled.copy(room) as home:
        told = [home.root / f"{name}.out" for name in SERVICES]
        with running(home) as processes:
            for path in told[:-1]:
                until(lambda path=path: b" is up" in path.read_bytes(), path.stem)  # type: ignore[misc]
            until(lambda: answers(home), "the dashboard answers")
            for _ in range(SPOILT):
                folders = chance.random() < 0.15
                names = [name for name in present(home, folders) if is_fair(name)]
                what = chance.choice(sorted(FOLDERS if folders else FILES))
                try:
                    (FOLDERS if folders else FILES)[what](home.root / chance.choice(names))
                except OSError:
                    continue  # it was just being renamed or put aside
                time.sleep(chance.random() * 0.6)
            ended = {name: process.poll() for name, process in processes.items() if process.poll() is not None}
            assert not ended, "".join(path.read_text(errors="replace")[-2000:] for path in told)
        assert not [path for path in told if "Traceback" in path.read_text(errors="replace")]
        end = filled.forked.run(
            home.environment(), [["scrape"], ["reconcile"], ["work", "--drain"], ["pages"], ["status"]]
        )
        assert filled.complaints(home, end) == []
        assert filled.unlike(home) == []


def present(home: Home, folders: bool) -> list[str]:
    """What there is now, but for what was spoilt and lies there still: who opens a pipe waits for its other end."""
    return [
        path.relative_to(home.root).as_posix()
        for path in sorted(home.data.rglob("*"))
        if "quarantine" not in path.parts and not path.is_symlink() and (path.is_dir() if folders else path.is_file())
    ]


def is_fair(name: str) -> bool:
    """Not what a person alone can mend, or means: the login, and what is written by hand."""
    by_hand = name in ("data/config", "data/config/cookies.txt", "data/control/paused")
    return not by_hand and not (RECORDS.fullmatch(name) and name.startswith("data/config"))
