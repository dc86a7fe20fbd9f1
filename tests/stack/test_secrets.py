"""After a run with faults in containers, no secret is in what Docker keeps and shows: images, logs, inspect, config."""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress

import pytest
from leaks.needles import Needles, of_world
from standin import World

from .conftest import Launch
from .stack import SERVICES, Stack, docker, inspect

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]

PASSWORD, TOKEN = "the-dashboards-own-password-5d1c", "the-notifiers-own-token-77ab01"
#: What a checkout holds beside its sources, and no image may.
_PRIVATE = re.compile(
    r"(^|/)(\.env|cookies\.txt|clearance\.json|drop\.key|dashboard\.key|collection\.json|\.git|app/backups"
    r"|volumes/.+|[^/]+\.job)$"
)
#: Where packages put their files; `bandcamp_sync` itself is one that is installed.
_OF_PACKAGES = re.compile(r"(?!.*bandcamp_sync)(\./)?(bin|boot|etc|lib\w*|sbin|usr|opt|venv|var/(lib|cache))/")


@pytest.fixture
def stack(launch: Launch) -> Stack:
    """One in which much went wrong that quotes addresses."""
    settings = {"DASHBOARD_PASSWORD": PASSWORD, "NOTIFY_URLS": f"json://127.0.0.1:9/{TOKEN}"}
    stack = launch(World.build(purchases=8, preset="small"), LOG_LEVEL="DEBUG", WORKERS="2", **settings)
    standin = stack.standin
    standin.settings.popplers = "bcbits"
    faults = [
        "drop",
        "error_page",
        {"fault": "truncate", "percent": 50},
        {"fault": "status", "code": 500},
        "expired_link",
    ]
    standin.rules.add("rotate", faults=faults, match={"class": "file"}, times=1, first_each=True)
    for kind in ("page", "stat", "collection"):
        standin.rules.add("drop", match={"class": kind}, times=1, after=2)
        standin.rules.add("status", match={"class": kind}, times=1, after=4, code=502)
    stack.put_cookies()
    stack.up()
    stack.wait_for_albums(8, within_s=300)
    return stack


def test_no_secret_is_in_what_docker_shows_of_a_run(stack: Stack) -> None:
    world = stack.standin.world
    login = (stack.library.cookies.read_text().split("identity\t")[1]).split()[0]
    of_bandcamp = Needles(of_world(world, [login]))
    everything = Needles({**of_world(world, [login]), "password": PASSWORD, "token": TOKEN})
    world.log_out()
    told = stack.exec("scraper", "bandcampsync", "--debug", "scrape", "--full", check=False).everything
    assert "Traceback" in told and "not logged in" in told
    logs = stack.logs().encode() + told.encode()
    assert b"DEBUG" in logs and b"***" in logs, "there was something to cut"
    assert everything.hits(logs) == []
    assert of_bandcamp.hits(stack.compose("config").everything.encode()) == []
    for service in SERVICES:
        for container in stack.containers(service):
            found = inspect(container)
            # A setting is in the environment of who needs it; that is where Compose puts it, and nowhere else.
            environment = json.dumps(found["Config"].pop("Env"))
            assert of_bandcamp.hits(environment.encode()) == []
            assert (PASSWORD in environment) == (service == "dashboard"), service
            assert (TOKEN in environment) <= (service in ("scraper", "worker")), service
            assert everything.hits(json.dumps(found).encode()) == []
            commands = stack.exec(service, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").everything
            assert everything.hits(commands.encode()) == []
            assert everything.hits(docker("diff", container).everything.encode()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_layer_of_an_image_holds_what_is_private(images: str, service: str) -> None:
    found, names, read = [], [], 0
    for name, content in _files_in_layers(f"{images}-{service}"):
        names.append(name)
        read += len(content)
        found += [f"{name}: {hit}" for hit in Needles({}).hits(content)]
    assert any(name.endswith("bandcamp_sync/cli.py") for name in names) and read > 100_000, (
        "the layers were looked into"
    )
    assert [name for name in names if _PRIVATE.search(name)] == []
    assert found == []
    settings = inspect(f"{images}-{service}")["Config"]["Env"]
    given = {setting.partition("=")[0] for setting in settings}
    assert not given & {"DASHBOARD_PASSWORD", "NOTIFY_URLS", "BANDCAMP_USERNAME", "BANDCAMP_FAN_ID"}
    history = docker("history", "--no-trunc", f"{images}-{service}").everything
    assert "identity=" not in history and "PASSWORD" not in history


def _files_in_layers(image: str) -> Iterator[tuple[str, bytes]]:
    """The name of each file in each layer, also of those that a later layer removes; and what is in it.

    Of what Debian's and Python's packages bring the content is left out: none of it can be of this checkout.
    """
    saving = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    assert saving.stdout is not None
    with tarfile.open(fileobj=saving.stdout, mode="r|") as whole:
        for member in whole:
            layer = whole.extractfile(member) if member.isfile() else None
            if layer is None or member.size < 512 or not _is_layer(member.name):
                continue
            # What is no archive is a description of one.
            with suppress(tarfile.ReadError), tarfile.open(fileobj=layer, mode="r|*") as files:
                for one in files:
                    is_ours = one.isfile() and not _OF_PACKAGES.match(one.name)
                    content = files.extractfile(one) if is_ours else None
                    yield one.name, content.read() if content is not None else b""
    saving.wait()


def _is_layer(name: str) -> bool:
    """As older engines name them, and as newer ones do."""
    return name.endswith("layer.tar") or (name.startswith("blobs/") and not name.endswith(".json"))
