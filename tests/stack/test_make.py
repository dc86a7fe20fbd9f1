"""The door that users come in by: `make up` in a fresh checkout."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bandcamp_sync import __version__
from integration.albums import assert_whole
from integration.conftest import Ran
from standin import World

from .conftest import Launch
from .stack import FILES, OWNER, ROOT, SERVICES, Stack, docker, inspect

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Checkout:
    """A copy of this checkout, without `.env`, `.venv` and whatever else is nobody else's."""

    root: Path
    stack: Stack

    def make(self, *words: str) -> Ran:
        """Run make there."""
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR") or k.startswith("DOCKER_")}
        files = [*(path.name for path in FILES), str(self.stack.override_file)]
        here = {"COMPOSE_PROJECT_NAME": self.stack.project, "COMPOSE_FILE": os.pathsep.join(files)}
        done = subprocess.run(
            ["make", *words],
            cwd=self.root,
            env={**kept, **self.stack.settings, **here},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def checkout(images: str, launch: Launch, tmp_path: Path) -> Iterator[Checkout]:
    stack = launch(World.build(purchases=3, preset="small"))
    stack.images = f"{images}-made"
    stack.override()
    shutil.rmtree(stack.data)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    root = tmp_path / "checkout"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    yield Checkout(root, stack)
    stack.down()
    docker("image", "rm", *(f"{stack.images}-{service}" for service in SERVICES), check=False)


def test_make_up_in_a_fresh_checkout_leads_to_albums(checkout: Checkout) -> None:
    stack = checkout.stack
    assert not (checkout.root / ".env").exists()
    up = checkout.make("up")
    assert up.code == 0, up.everything[-3000:]
    assert stack.health() == dict.fromkeys(SERVICES, "healthy"), "it waits until all is well"
    assert f"The stack is up: {stack.address} " in up.out
    assert f"{stack.library.cookies} (then: chmod 600 {stack.library.cookies})" in up.out
    for folder in (stack.data, stack.data / "config", stack.music):
        assert (folder.stat().st_uid, folder.stat().st_gid) == OWNER
    label = inspect(f"{stack.images}-worker")["Config"]["Labels"]["org.opencontainers.image.version"]
    assert label == __version__

    shown = checkout.make("ps")
    assert shown.code == 0 and shown.out.count("(healthy)") == 4
    refused = checkout.make("scrape")
    assert "Error 3" in refused.err, "not logged in"
    assert "bandcampsync: no cookies yet: " in refused.err and "/config/cookies.txt" in refused.err

    stack.put_cookies()
    stack.wait_for_albums(3)
    assert_whole(stack.library, stack.standin)
    again = checkout.make("up")
    assert again.code == 0 and "Albums arrive by themselves" in again.out
    assert "3 of 3 albums are whole" in checkout.make("verify").out
    status = checkout.make("status")
    assert status.code == 0 and "= 3 purchases" in status.out

    down = checkout.make("down")
    assert down.code == 0, down.everything
    assert not [name for service in SERVICES for name in stack.containers(service, every=True)]
    assert_whole(stack.library, stack.standin)
