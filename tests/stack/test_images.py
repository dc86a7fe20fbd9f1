"""What is in the images, and what is not."""

import pytest
from bandcamp_sync import __version__

from .stack import OWNER, SERVICES, docker, inspect

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]


def run(image: str, script: str, *options: str) -> str:
    """What a shell script prints in a container of this image."""
    return docker("run", "--rm", *options, image, "sh", "-c", script).out.strip()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_says_what_it_is_and_runs_as_nobody_special(images: str, service: str) -> None:
    config = inspect(f"{images}-{service}")["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["title"] == f"BandcampSync: {service}"
    assert labels["version"] == __version__
    assert labels["description"]
    assert config["User"] == "1000:1000"
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "/app/services/image/healthcheck.sh"]


#: Tools, caches and leftovers, wherever they may be.
_BUILDING = """
    for tool in gcc cc make git curl wget; do command -v $tool; done
    ls -d /venv/bin/pip* /venv/lib/python*/site-packages/pip /build /root/.cache /root/.npm /tmp/*
    find /var/lib/apt/lists /var/cache/apt /var/log -type f
    find /venv /app -name '*.[ch]' -o -name tests -type d"""


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_adds_nothing_to_its_base_that_only_builds(images: str, service: str) -> None:
    ours, base = (
        set(run(image, f"exec 2>/dev/null; {_BUILDING}; true", "--user", "0:0", "--entrypoint=").splitlines())
        for image in (f"{images}-{service}", "python:3.13-slim-trixie")
    )
    assert ours <= base


@pytest.mark.parametrize("service", SERVICES)
def test_only_who_talks_to_bandcamp_has_a_browser(images: str, service: str) -> None:
    asked = run(f"{images}-{service}", "command -v chromium-headless-shell; ls -d /usr/lib/chromium 2>/dev/null; true")
    assert len(asked.split()) == (2 if service in ("scraper", "worker") else 0)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_the_package_as_it_is(images: str, service: str) -> None:
    assert set(run(f"{images}-{service}", "ls services").split()) == {"image", service, "supervisord.conf"}
    assert run(f"{images}-{service}", "bandcampsync --version").split()[-1] == __version__


def test_a_container_that_is_started_as_root_becomes_puid_and_pgid(images: str) -> None:
    who = ("--user", "0:0", "-e", f"PUID={OWNER[0]}", "-e", f"PGID={OWNER[1]}")
    assert run(f"{images}-worker", "echo $(id -u) $(id -g) $(id -G)", *who) == f"{OWNER[0]} {OWNER[1]} {OWNER[1]}"
