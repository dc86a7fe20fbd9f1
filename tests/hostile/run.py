"""A purchase for each hostile archive, an honest one beside them, and a real `sync` of it all."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from integration.conftest import COMMAND, Home, Ran, Serve
from standin import StandIn, World

from hostile.cases import Case

#: Of the worker itself, in bytes. A quiet one has some 110 MB, and none of the archives may add a bomb to that.
MOST_MEMORY = 320 << 20


def served(serve: Serve, cases: Mapping[str, Case]) -> tuple[StandIn, dict[str, str]]:
    """A stand-in with a purchase for each case, and which case each key is; two more purchases are honest."""
    standin = serve(World.build(purchases=len(cases) + 2, preset="small", seconds=(0.5, 0.5)))
    keys = [purchase.key for purchase in standin.world.purchases]
    named = dict(zip(keys[1:-1], cases, strict=True))
    for key, name in named.items():
        standin.serve_instead(key, cases[name].make())
    return standin, named


def watched(home: Home, *arguments: str, timeout: float = 280, **changes: str) -> tuple[Ran, int]:
    """Run the command; what it said, and the most memory that its own process had, in bytes."""
    out, err = home.root / "out.txt", home.root / "err.txt"
    most, until = 0, time.monotonic() + timeout
    with out.open("wb") as told, err.open("wb") as warned:
        process = subprocess.Popen([*COMMAND, *arguments], env=home.environment(**changes), stdout=told, stderr=warned)
        try:
            while process.poll() is None:
                assert time.monotonic() < until, "it does not end"
                most = max(most, _high_water(process.pid))
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
    return Ran(process.returncode, out.read_text(), err.read_text()), most


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def everything_under(root: Path) -> list[Path]:
    """Every path, links not followed."""
    return [Path(folder) / name for folder, folders, names in os.walk(root) for name in (*folders, *names)]
