"""What stands outside the package agrees with it: Compose, .env.example, the Makefile."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from bandcamp_sync.health.unit import UNITS, WORKER_PREFIX
from bandcamp_sync.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
NAMES = [row[0] for row in Settings.table()]


def test_env_example_is_what_the_settings_say() -> None:
    made = subprocess.run(
        [sys.executable, "scripts/env_example.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / ".env.example").read_text() == made.stdout, "run: make -B .env.example"


@pytest.mark.parametrize("name", NAMES)
def test_compose_passes_every_setting_on(name: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / "docker-compose.yml").read_text())


SERVICES = ["scraper", "reconciler", "worker", "dashboard"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_what_it_needs_to_run(service: str) -> None:
    folder = ROOT / "services" / service
    assert f"-m services.{service}.start" in (folder / "supervisord.conf").read_text()
    assert f"../{service}/supervisord.conf" in (ROOT / "services" / "local" / "supervisord.conf").read_text()
    compile((folder / "start.py").read_text(), "start.py", "exec")


def test_every_program_is_called_as_a_unit() -> None:
    units = {name.removesuffix(".service") for name in UNITS if name.endswith(".service")}
    units.add(WORKER_PREFIX.removesuffix("@"))
    for service in SERVICES:
        conf = (ROOT / "services" / service / "supervisord.conf").read_text()
        assert set(re.findall(r"\[program:(.+)\]", conf)) <= units


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_built_in_two_stages_and_runs_as_nobody_special(service: str) -> None:
    lines = (ROOT / "services" / service / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM ")] == [
        "FROM python:3.13-slim-trixie AS build",
        "FROM python:3.13-slim-trixie",
    ]
    assert "USER 1000:1000" in lines
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    assert not any("pip " in line for line in lines[last:]), "what only builds stays in the first stage"


@pytest.mark.parametrize("service", SERVICES)
def test_image_and_compose_ask_for_health_in_one_way(service: str) -> None:
    dockerfile = (ROOT / "services" / service / "Dockerfile").read_text()
    found = re.search(r"^HEALTHCHECK .* CMD (.+)$", dockerfile, re.M)
    assert found and ["CMD", *json.loads(found[1])] == COMPOSE["services"][service]["healthcheck"]["test"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_unprivileged_and_bounded(service: str) -> None:
    given = COMPOSE["services"][service]
    assert given["read_only"] and given["init"] and given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert given["restart"] == "unless-stopped"
    assert set(given["deploy"]["resources"]["limits"]) == {"memory", "pids"}
    assert given["logging"]["options"]["max-size"]


def mounts(service: str) -> dict[str, dict[str, Any]]:
    return {mount["target"]: mount for mount in COMPOSE["services"][service]["volumes"]}


def test_each_service_sees_what_it_may_touch_and_no_more() -> None:
    assert COMPOSE["services"]["reconciler"]["network_mode"] == "none"
    assert mounts("scraper")["/data/music"]["type"] == "tmpfs"
    assert mounts("reconciler")["/data/music"]["read_only"]
    assert mounts("worker")["/data/music"]["type"] == "bind"
    assert {mounts("dashboard")[place]["type"] for place in ("/data/config", "/data/music")} == {"tmpfs"}
    for service in SERVICES:
        binds = [mount for mount in mounts(service).values() if mount["type"] == "bind"]
        assert all(mount["bind"]["create_host_path"] is False for mount in binds)
        assert "/data" in mounts(service)


def test_make_prints_its_targets() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "up", "down", "demo", "run", "test", "test-stack", "lint", "sync", "fan-id", "verify"):
        assert f"make {target} " in said


def test_the_lock_names_exact_versions_and_nothing_of_the_machine_it_was_made_on() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert all(re.match(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ;.*)?$", line) for line in packages)
    assert not re.search(r"://|file:|/tmp|/home|--(extra-)?index|--find-links", "\n".join(lines))
