"""The event listener under a real supervisord, with the stack's own common configuration."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.health.published import read_units

ROOT = Path(__file__).resolve().parents[2]

_CONF = """
[include]
files={common}

[program:bandcamp-sync-worker]
command={python} -c "import time; time.sleep(1000)"
process_name=bandcamp-sync-worker@%(process_num)d
numprocs=2
numprocs_start=1
startsecs=1
autorestart=true

[program:bandcamp-sync]
command={python} -c "import sys; sys.exit({code})"
autorestart=unexpected
exitcodes=2
startsecs=1
startretries=1
"""


class Supervised:
    """A supervisord over small programs, and what it publishes."""

    def __init__(self, root: Path, name: str, data: Path, code: int = 5) -> None:
        self.data, self.run, self.name = data, root / name, name
        self.run.mkdir(parents=True)
        conf = self.run / "supervisord.conf"
        conf.write_text(_CONF.format(common=ROOT / "services" / "supervisord.conf", python=sys.executable, code=code))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "DATA_DIR": str(data),
            "BCS_RUN": str(self.run),
            "BCS_ROOT": str(ROOT),
            "BCS_PYTHON": sys.executable,
            "BCS_OUTPUT": str(self.run / "output.log"),
            "BCS_NAME": "worker",
            "BCS_SOURCE": "container",
        }
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def units(self) -> dict[str, dict[str, Any]]:
        return {unit["name"]: unit for unit in read_units(self.data / "health", Clock().now())}

    def until(self, wanted: Callable[[dict[str, dict[str, Any]]], object], within_s: float = 20) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            units = self.units()
            if wanted(units):
                return units
            time.sleep(0.1)
        raise AssertionError(json.dumps(self.units(), indent=1))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(name: str, **changes: Any) -> Supervised:
        started.append(Supervised(tmp_path, name, tmp_path / "data", **changes))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def runs(name: str) -> Callable[[dict[str, dict[str, Any]]], bool]:
    return lambda units: units.get(name, {}).get("sub_state") == "running"


W1, W2, W3 = (f"bandcamp-sync-worker@{number}.service" for number in (1, 2, 3))


def test_a_killed_program_comes_back_and_is_counted(supervise: Callable[..., Supervised]) -> None:
    one = supervise("first")
    before = one.until(runs(W2))[W2]
    assert (before["restarts"], before["last_result"], before["source"]) == (0, None, "container")
    os.kill(before["main_pid"], signal.SIGKILL)
    after = one.until(lambda units: units[W2]["restarts"] == 1 and units[W2]["sub_state"] == "running")[W2]
    assert after["main_pid"] not in (None, before["main_pid"])
    assert after["last_result"] == "signal"


def test_a_program_that_cannot_live_has_failed_and_the_health_check_sees_it(
    supervise: Callable[..., Supervised],
) -> None:
    one = supervise("first")
    unit = one.until(lambda units: units.get("bandcamp-sync.service", {}).get("active_state") == "failed")
    assert unit["bandcamp-sync.service"]["last_result"] == "exit-code"
    assert unit["bandcamp-sync.timer"]["active_state"] == "inactive"
    assert check(one.run) == "given up: bandcamp-sync"


def test_wrong_settings_are_not_tried_again(supervise: Callable[..., Supervised]) -> None:
    one = supervise("first", code=2)
    unit = one.until(lambda units: units.get("bandcamp-sync.service", {}).get("active_state") == "failed", 8)
    assert unit["bandcamp-sync.service"]["restarts"] <= 1
    time.sleep(3)
    assert one.units()["bandcamp-sync.service"]["restarts"] <= 1
    assert check(one.run) == "given up: bandcamp-sync"


def test_the_health_check_tells_life_from_silence(tmp_path: Path) -> None:
    assert check(tmp_path) == "no sign of life"
    sign = tmp_path / "alive" / "worker-1"
    sign.parent.mkdir()
    sign.touch()
    assert check(tmp_path) == ""
    old = time.time() - 600
    os.utime(sign, (old, old))
    assert check(tmp_path) == "no sign of life lately: worker-1"


def check(run: Path) -> str:
    """What the health check complains of; empty when all is well."""
    command = ["sh", str(ROOT / "services" / "image" / "healthcheck.sh")]
    done = subprocess.run(
        command, env={**os.environ, "BCS_RUN": str(run)}, capture_output=True, text=True, check=False, timeout=20
    )
    assert (done.returncode == 0) == (not done.stdout), done
    return done.stdout.strip()


def test_a_listener_that_died_counts_on(supervise: Callable[..., Supervised]) -> None:
    one = supervise("first")
    os.kill(one.until(runs(W1))[W1]["main_pid"], signal.SIGKILL)
    one.until(lambda units: units[W1]["restarts"] == 1)
    found = subprocess.run(["pgrep", "-f", f"health.listener.*{one.run}"], capture_output=True, text=True, check=True)
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    published = one.data / "health" / "worker-1.json"
    published.unlink()
    assert one.until(runs(W1))[W1]["restarts"] == 1


def test_two_containers_workers_have_four_names_and_who_leaves_leaves_nothing(
    supervise: Callable[..., Supervised],
) -> None:
    first = supervise("first")
    first.until(runs(W2))
    second = supervise("second")
    units = second.until(runs("bandcamp-sync-worker@4.service"))
    assert {W1, W2, W3} <= set(units)
    second.stop()
    left = first.until(lambda units: W3 not in units)
    assert left[W1]["active_state"] == "active"
    first.stop()
    units = first.units()
    assert {units[name]["active_state"] for name in (W1, W2)} == {"inactive"}


def test_numbers_of_a_killed_container_are_taken_over(supervise: Callable[..., Supervised]) -> None:
    first, second = supervise("first"), supervise("second")
    second.until(lambda units: len([u for u in units.values() if u["sub_state"] == "running"]) == 4)
    first.kill()
    second.kill()
    third = supervise("third")
    pids = {unit["main_pid"] for unit in third.until(runs(W2)).values()}
    units = third.until(lambda units: W3 not in units and runs(W1)(units))
    assert {W1, W2} <= set(units) and pids
