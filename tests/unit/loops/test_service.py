import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bandcamp_sync.errors import Stopped
from bandcamp_sync.loops.alive import BeatingClock

ROOT = Path(__file__).resolve().parents[3]


def start(service: str, folder: Path, **more: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "DATA_DIR": str(folder), **more}
    command = [sys.executable, "-m", f"services.{service}.start"]
    return subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("service", ["scraper", "reconciler", "worker"])
def test_a_service_starts_says_so_shows_life_and_ends_within_seconds(service: str, tmp_path: Path) -> None:
    alive = tmp_path / "alive" / service
    process = start(service, tmp_path / "data", ALIVE_FILE=str(alive))
    deadline = time.monotonic() + 30
    while not alive.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive.exists()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 0
    assert time.monotonic() - began < 5
    assert f"the {service} is up" in said
    assert f"the {service} ends" in (tmp_path / "data" / "logs" / f"{service}.log").read_text()


def test_wrong_settings_end_it_with_one_line_that_names_them(tmp_path: Path) -> None:
    process = start("worker", tmp_path, WORKERS="many")
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 2
    assert "WORKERS='many'" in said
    assert "Traceback" not in said


def test_a_data_folder_that_cannot_be_written_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = start("worker", tmp_path / "file" / "data")
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 5
    assert "Traceback" not in said


@pytest.mark.parametrize("use", [BeatingClock.now, BeatingClock.monotonic, BeatingClock.check])
def test_a_clock_in_use_touches_its_file(use: Callable[[BeatingClock], object], tmp_path: Path) -> None:
    clock = BeatingClock(tmp_path / "alive" / "x")
    use(clock)
    assert (tmp_path / "alive" / "x").exists()
    clock.stop()
    with pytest.raises(Stopped):
        clock.check()
    with pytest.raises(Stopped):
        clock.sleep(60)
