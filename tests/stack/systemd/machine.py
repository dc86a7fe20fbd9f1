"""A machine with systemd in a container: a user who lingers, a checkout in a folder with spaces, and install.sh."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from integration.conftest import Ran
from standin import StandIn

from ..stack import ROOT, docker, gateway

BASE = "python:3.11-slim-bookworm"
IMAGE = "bcs-systemd-test"
HOME = "/home/lena"
CHECKOUT = f"{HOME}/my tools/bandcamp sync"
DATA = f"{HOME}/my data"
Value = TypeVar("Value")

_LONG_LIVED = ("ActiveEnterTimestampMonotonic", "MainPID")


def build_image() -> None:
    """The machine's image. Its base must be here, or a registry must answer."""
    if docker("image", "inspect", BASE, check=False).code and docker("pull", BASE, check=False, timeout=300).code:
        pytest.fail(f"the base image {BASE} is not here and cannot be pulled; these tests need it", pytrace=False)
    docker("build", "-q", "-t", IMAGE, "-f", str(ROOT / "tests/stack/systemd/Dockerfile"), str(ROOT), timeout=900)


@dataclass
class Machine:
    """One running container. Commands run as its user, in the checkout."""

    name: str
    standin: StandIn

    def ran(self, command: str, user: str = "lena", timeout: float = 120, stdin: bytes | None = None) -> Ran:
        """What came of a shell command."""
        words = ["docker", "exec", "-i", "-u", user, "-e", "XDG_RUNTIME_DIR=/run/user/1000", self.name, "sh", "-c"]
        done = subprocess.run(
            [*words, f"cd '{CHECKOUT}' 2>/dev/null; {command}"],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def run(self, command: str, user: str = "lena", timeout: float = 120, stdin: bytes | None = None) -> str:
        """What a shell command says that must work."""
        ran = self.ran(command, user, timeout, stdin)
        assert ran.code == 0, f"{command}: exit {ran.code}\n{ran.everything[-4000:]}"
        return ran.out

    # --- the host ----------------------------------------------------------------------------------------------------

    def install(self, *words: str) -> str:
        """Run install.sh."""
        return self.run(f"./install.sh {' '.join(words)}", timeout=600)

    def configure(self, **settings: str) -> None:
        """Write `.env`."""
        told = {
            "BANDCAMP_BASE_URL": f"http://{gateway()}:{self.standin.port}",
            "DATA_DIR": f'"{DATA}"',
            "REQUEST_INTERVAL": "50ms",
            "RETRY_BASE": "5s",
            "MIN_FREE_SPACE": "100M  # a comment",
            **settings,
        }
        self.run("cat > .env", stdin="".join(f"{name}={value}\n" for name, value in told.items()).encode())

    def log_in(self, folder: Path) -> None:
        """Put working cookies where the user would."""
        text = self.standin.write_cookies(folder / "cookies.txt").read_bytes()
        self.run(
            f"umask 077; cat > '{DATA}/config/.new'; mv '{DATA}/config/.new' '{DATA}/config/cookies.txt'", stdin=text
        )

    def systemd(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run(f"systemctl --user show '{unit}' --property={name} --value").strip()

    def loaded(self) -> dict[str, tuple[str, str]]:
        """Every unit of ours that systemd knows: its active and sub state."""
        text = self.run("systemctl --user list-units --all --full --plain --no-legend 'bandcamp-*'")
        rows = [line.split() for line in text.splitlines()]
        return {row[0]: (row[2], row[3]) for row in rows}

    def installed(self) -> str:
        """Everything that an installation made or started, down to the times: what a second one must not change."""
        files = self.run("find ~/.config -printf '%p %l %T@\\n' | sort")
        units = sorted(name for name in self.loaded() if name.endswith((".timer", ".path")) or "worker" in name)
        shown = ",".join(_LONG_LIVED)
        names = " ".join([*units, "bandcamp-dashboard.service"])
        return files + self.run(f"systemctl --user show {names} --property={shown},Id,UnitFileState")

    def read(self, path: str) -> Any:
        """A JSON file of the data folder; None when there is none."""
        ran = self.ran(f"cat '{DATA}/{path}'")
        return json.loads(ran.out) if ran.code == 0 else None

    def albums(self) -> int:
        """How many albums lie in the music folder."""
        return len(self.run(f"find '{DATA}/music' -mindepth 2 -type d -not -path '*/.*'").splitlines())

    # --- its dashboard -----------------------------------------------------------------------------------------------

    def api(self, path: str) -> Any:
        """An answer of the dashboard's API."""
        return json.loads(self.run(f"curl -sf 'http://127.0.0.1:5000/api/{path}'"))

    def post(self, path: str, text: bytes = b"") -> int:
        """Ask the dashboard for something, as its page does, with a text or without; the status code."""
        jar = "-b /tmp/jar -c /tmp/jar"
        token = json.loads(self.run(f"curl -sf {jar} http://127.0.0.1:5000/api/token"))["token"]
        ask = f"curl -s {jar} -o /dev/null -w '%{{http_code}}' -X POST -H 'X-CSRF-Token: {token}'"
        body = "-H 'Content-Type: text/plain' --data-binary @-"
        return int(self.run(f"{ask} {body} http://127.0.0.1:5000/api/{path}", stdin=text))

    def unit(self, name: str) -> dict[str, Any]:
        """A unit as the API shows it; empty when it does not."""
        ran = self.ran("curl -s http://127.0.0.1:5000/api/status")
        units = json.loads(ran.out)["units"] if ran.code == 0 else []
        return next((unit for unit in units if unit["name"] == name), {})

    def wait_for_unit(self, name: str, state: str, within_s: float) -> dict[str, Any]:
        """Until the API shows a unit in this state."""
        return self.until(
            lambda: unit if (unit := self.unit(name)).get("active_state") == state else {}, within_s, f"{name} {state}"
        )

    def until(self, predicate: Callable[[], Value], within_s: float, why: str) -> Value:
        """The predicate's first true answer; tells how the units were when there is none."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if answer := predicate():
                return answer
            time.sleep(0.3)
        raise AssertionError(f"not within {within_s:g} s: {why}\n{self.describe()}")

    def listings(self) -> int:
        """How often Bandcamp was asked for purchases."""
        return len(self.standin.log.entries(kind="collection"))

    def describe(self) -> str:
        """What helps when a test fails."""
        return self.ran("systemctl --user list-units --all 'bandcamp-*'; journalctl --user -n 60 --no-pager").everything


@contextmanager
def machine(standin: StandIn) -> Iterator[Machine]:
    """A machine that is up, with the working tree in the user's home; gone afterwards."""
    one = Machine(f"bcs-systemd-{secrets.token_hex(4)}", standin)
    docker(*_RUN, "--name", one.name, IMAGE)
    try:
        one.until(lambda: one.ran("systemctl --user is-system-running").code == 0, 60, "a user manager")
        one.run(f"mkdir -p '{CHECKOUT}' && chown lena: '{CHECKOUT}' '{CHECKOUT}/..'", user="root")
        one.run("tar x", stdin=_working_tree())
        yield one
    finally:
        docker("rm", "-f", "-v", one.name, check=False)


#: systemd as the first process needs the control groups and a few folders on memory.
_RUN = (
    *("run", "-d", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--cgroupns", "host"),
    *("-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec"),
    *("-e", "container=docker"),
)


def _working_tree() -> bytes:
    """The files that git knows or would, as a tar archive; never this machine's .venv or data."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    names = b"\0".join(name for name in listed.stdout.split(b"\0") if name and (ROOT / name.decode()).exists())
    packed = subprocess.run(["tar", "--null", "-T", "-", "-c"], cwd=ROOT, input=names, capture_output=True, check=True)
    return packed.stdout
