"""What stands outside the package agrees with it: Compose, .env.example, the Makefile."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bandcamp_sync.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = [row[0] for row in Settings.table()]


def test_env_example_is_what_the_settings_say() -> None:
    made = subprocess.run(
        [sys.executable, "scripts/env_example.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / ".env.example").read_text() == made.stdout, "run: make -B .env.example"


@pytest.mark.parametrize("name", NAMES)
def test_compose_passes_every_setting_on(name: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("service", ["scraper", "reconciler", "worker", "dashboard"])
def test_every_service_has_what_it_needs_to_run(service: str) -> None:
    folder = ROOT / "services" / service
    assert f"services.{service}.start" in (folder / "supervisord.conf").read_text()
    assert "USER 1000" in (folder / "Dockerfile").read_text()
    assert f"services.{service}.start" in (ROOT / "services" / "local" / "supervisord.conf").read_text()
    compile((folder / "start.py").read_text(), "start.py", "exec")


def test_make_prints_its_targets() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "up", "down", "demo", "run", "test", "test-stack", "lint", "sync", "fan-id", "verify"):
        assert f"make {target} " in said


def test_the_lock_names_exact_versions_and_nothing_of_the_machine_it_was_made_on() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert all(re.match(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ;.*)?$", line) for line in packages)
    assert not re.search(r"://|file:|/tmp|/home|--(extra-)?index|--find-links", "\n".join(lines))
