"""The real stack under Docker Compose, with a project, folders, a port and a stand-in Bandcamp of its own."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import requests
from integration.conftest import Home, Ran
from standin import StandIn, World

ROOT = Path(__file__).resolve().parents[2]
#: What Compose takes by itself, and so do the tests, whatever COMPOSE_FILE says.
FILES = [path for name in ("docker-compose.yml", "docker-compose.override.yml") if (path := ROOT / name).exists()]
SERVICES = ("scraper", "reconciler", "worker", "dashboard")

#: Who the containers are to be. A test that runs as root proves that this is asked for and not just what it is anyway.
OWNER = (1234, 1235) if os.geteuid() == 0 else (os.getuid(), os.getgid())

Value = TypeVar("Value")


#: Looks for the login in every file that can be read below some folders, and in the environment of every process.
_SEARCH = """
import glob, os, sys
needle, hits = {needle!r}.encode(), []
files = [os.path.join(at, name) for top in ("/data", "/tmp", "/app") for at, _, names in os.walk(top) for name in names]
for path in files + glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        found = os.path.isfile(path) and needle in open(path, "rb").read()
    except OSError:
        continue
    hits += [path] if found and path != f"/proc/{{os.getpid()}}/cmdline" else []
print(len(files), hits)
"""


def docker(*words: str, check: bool = True, timeout: float = 60, **environment: str) -> Ran:
    """Run `docker …`."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR") or k.startswith("DOCKER_")}
    done = subprocess.run(
        ["docker", *words], env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=timeout
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert ran.code == 0 or not check, f"docker {' '.join(words)}: exit {ran.code}\n{ran.everything[-4000:]}"
    return ran


def inspect(name: str) -> dict[str, Any]:
    """What `docker inspect` says of one container or image."""
    (found,) = json.loads(docker("inspect", name).out)
    return dict(found)


def gateway() -> str:
    """Where this machine is, seen from a container."""
    [about] = json.loads(docker("network", "inspect", "bridge").out)
    network = about["IPAM"]["Config"][0]
    # An engine that was started for the first time does not say it before its next start; it takes the first address.
    return str(network.get("Gateway") or next(ip_network(network["Subnet"]).hosts()))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(predicate: Callable[[], Value], within_s: float, why: str) -> Value:
    """The predicate's first true answer. An answer that cannot be had yet (the dashboard starts) counts as none."""
    deadline, last = time.monotonic() + within_s, ""
    while time.monotonic() < deadline:
        try:
            if answer := predicate():
                return answer
            last = repr(answer)
        except requests.RequestException as error:
            last = repr(error)
        time.sleep(0.2)
    raise AssertionError(f"not within {within_s:g} s: {why}; the last answer was {last[:2000]}")


class Library(Home):
    """The books and the music of a stack, as the other tests look at them."""

    @property
    def music(self) -> Path:
        return self.data / "music"


class Stack:
    """One Compose project. `images`: what the names of its images begin with."""

    running: ClassVar[list["Stack"]] = []

    def __init__(self, images: str, folder: Path, standin: StandIn, settings: dict[str, str]) -> None:
        self.standin, self.images, self._folder = standin, images, folder
        self.override_file = folder / "override.json"
        self.project = f"bcs-test-{secrets.token_hex(4)}"
        self.port = free_port()
        self.library = Library(folder)
        self.data, self.music = self.library.data, self.library.music
        self.settings = {
            "DATA_DIR": str(self.data),
            "DASHBOARD_BIND": f"127.0.0.1:{self.port}",
            "PUID": str(OWNER[0]),
            "PGID": str(OWNER[1]),
            "BANDCAMP_BASE_URL": f"http://{gateway()}:{standin.port}",
            "REQUEST_INTERVAL": "10ms",
            "RETRY_BASE": "1s",
            "MIN_FREE_SPACE": "1M",
            "LEASE": "20s",
            **settings,
        }
        self._http = requests.Session()
        self._http.trust_env = False
        for place in (self.data, self.data / "config", self.music):
            place.mkdir(parents=True)
            place.chmod(0o755)
            os.chown(place, *OWNER)
        # The environment is all there is: a developer's own .env is no part of a test.
        (folder / "no.env").touch()
        self.override()

    # --- Compose -----------------------------------------------------------------------------------------------------

    def override(self, **services: dict[str, Any]) -> None:
        """Change services of the Compose file for the next `up`; what was changed before is as it was."""
        changed = {name: {"image": f"{self.images}-{name}", **services.get(name, {})} for name in SERVICES}
        self.override_file.write_text(json.dumps({"services": changed}))

    def compose(self, *words: str, check: bool = True, timeout: float = 120) -> Ran:
        """Run `docker compose …` in this project."""
        where = ("-p", self.project, "--env-file", str(self._folder / "no.env"))
        files = (word for path in (*FILES, self.override_file) for word in ("-f", str(path)))
        return docker("compose", *where, *files, *words, check=check, timeout=timeout, **self.settings)

    def up(self, *words: str, healthy: bool = False) -> None:
        """Start what does not run, from the images that there are."""
        self.compose("up", "-d", "--no-build", *(("--wait",) if healthy else ()), *words)

    def kill(self, *services: str) -> None:
        """End containers as a power cut does."""
        self.compose("kill", *services)

    def down(self) -> None:
        """Remove all of this project."""
        self.compose("down", "-v", "--remove-orphans", "-t", "2", check=False)

    def exec(self, service: str, *words: str, check: bool = True, index: int = 1, timeout: float = 120) -> Ran:
        """Run words in a service's container."""
        return self.compose("exec", "-T", "--index", str(index), service, *words, check=check, timeout=timeout)

    def python(self, service: str, code: str) -> str:
        """What a Python program prints in a service's container."""
        return self.exec(service, "python", "-c", code).out.strip()

    def search(self, service: str) -> tuple[int, str]:
        """How many files of a service's container were looked into, and in which of them the login is."""
        identity = self.standin.world.identity
        assert identity is not None
        looked, hits = self.python(service, _SEARCH.format(needle=identity.split("%09")[1][:40])).split(" ", 1)
        return int(looked), hits

    def containers(self, service: str, every: bool = False) -> list[str]:
        """The ids of a service's running containers; of those that ended, too, when `every`."""
        return self.compose("ps", "-q", *(("-a",) if every else ()), service).out.split()

    def health(self) -> dict[str, str]:
        """What Docker says of each service's health; of several containers, the last one's."""
        found = (inspect(one) for service in SERVICES for one in self.containers(service))
        return {
            one["Config"]["Labels"]["com.docker.compose.service"]: one["State"]["Health"]["Status"] for one in found
        }

    def logs(self, *services: str) -> str:
        """What the containers printed."""
        return self.compose("logs", "--no-color", *services).everything

    def describe(self) -> str:
        """How the containers are, and their last words."""
        shown = self.compose("ps", "-a", "--format", "table {{.Name}}\t{{.Status}}", check=False).everything
        names = [line.split()[0] for line in shown.splitlines()[1:] if line.strip()]
        last = (f"--- {name}\n{docker('logs', '--tail', '15', name, check=False).everything}" for name in names)
        return "\n".join([shown, *last])

    # --- the dashboard -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def api(self, path: str) -> dict[str, Any]:
        """A GET of the API."""
        return dict(self.get(path).json())

    def get(self, path: str) -> requests.Response:
        """A GET of anything that is there."""
        answer = self._http.get(self.address + path, timeout=10)
        answer.raise_for_status()
        return answer

    def post(self, path: str, text: str | None = None) -> dict[str, Any]:
        """A POST as the page makes it, with a text or without."""
        headers = {"X-CSRF-Token": self.api("/api/token")["token"]}
        if text is not None:
            headers["Content-Type"] = "text/plain"
        answer = self._http.post(self.address + path, data=text, headers=headers, timeout=10)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def units(self) -> dict[str, dict[str, Any]]:
        """Every unit by its name."""
        listed = self.api("/api/status")["units"]
        assert len({unit["name"] for unit in listed}) == len(listed), "each unit is published once"
        return {unit["name"]: unit for unit in listed}

    def workers(self, sub_state: str = "running") -> list[str]:
        """The names of the worker units in that state."""
        return [n for n, unit in self.units().items() if "worker@" in n and unit["sub_state"] == sub_state]

    # --- albums ------------------------------------------------------------------------------------------------------

    def put_cookies(self) -> None:
        """What a user does: a file that only its owner reads, there at once and whole."""
        beside = self.standin.write_cookies(self._folder / "cookies.txt")
        beside.chmod(0o600)
        os.chown(beside, *OWNER)
        beside.rename(self.library.cookies)

    def jobs(self, state: str) -> list[dict[str, Any]]:
        """The jobs in a folder of the inbox; one that moves on just now is left out."""
        found = []
        for path in (self.data / "inbox" / state).glob("*.job"):
            try:
                found.append(json.loads(path.read_text()))
            except FileNotFoundError:
                continue
        return found

    def wait_for_albums(self, count: int, within_s: float = 60) -> None:
        """Until so many purchases have a receipt."""
        wait_until(lambda: len(self.jobs("done")) >= count, within_s, f"{count} albums arrive")

    def wait_for_tracks(self, name: str, count: int = 1, within_s: float = 60) -> None:
        """Until downloads are so far that `count` of them have begun to write a track with this name."""
        staging = self.music / ".bandcampsync" / "staging"
        wait_until(lambda: len(list(staging.rglob(name))) >= count, within_s, f"{count} downloads write {name}")

    def bytes_sent(self) -> int:
        """How much of files the stand-in sent so far."""
        return sum(entry.bytes_sent for entry in self.standin.log.entries(kind="file"))


@contextmanager
def launched(images: str, folder: Path, world: World, **settings: str) -> Iterator[Stack]:
    """A stack that is not up yet, over a stand-in of its own; gone at the end, whatever happens."""
    with ExitStack() as clean_up:
        standin = clean_up.enter_context(StandIn(world, bind="0.0.0.0"))
        stack = Stack(images, folder, standin, settings)
        clean_up.callback(stack.down)
        Stack.running.append(stack)
        clean_up.callback(Stack.running.remove, stack)
        try:
            yield stack
        except BaseException as error:
            error.add_note(stack.describe())
            raise
