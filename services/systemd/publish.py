"""`python -m services.systemd.publish DATA_DIR`: asks systemd how our units are, and writes it to `health/host.json`.

It runs every twenty seconds, so it imports no package and reads no settings.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bandcamp_sync.health.publish import publish
from bandcamp_sync.health.systemd import ASKED, PROPERTIES, host_units
from bandcamp_sync.health.timers import read_timers
from bandcamp_sync.health.unit import RETRY_TIMER, SCRAPE_TIMER

SOURCE = "host"
_TIME_LIMIT_S = 10.0


class NoAnswer(Exception):
    """systemd's user manager does not answer; says why in one line."""


def main(words: list[str]) -> int:
    """Publish once; the exit code."""
    if len(words) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    data = Path(words[0])
    try:
        shown = _systemctl("show", "--timestamp=unix", f"--property={','.join(PROPERTIES)}", *ASKED)
        timers = _systemctl("list-timers", "--all", "--output=json")
        told = read_timers(data / "state" / "timers")
        due = {name: told[name] for name in (SCRAPE_TIMER, RETRY_TIMER) if name in told}
        units = host_units(shown, timers, due)
        publish(data / "health", SOURCE, units, datetime.now(UTC), f"systemd on {os.uname().nodename}")
    except (NoAnswer, OSError) as error:
        sys.stderr.write(f"bandcampsync: the units cannot be published: {error}\n")
        return 1 if isinstance(error, NoAnswer) else 5
    return 0


def _systemctl(*words: str) -> str:
    command = ["systemctl", "--user", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)
    except FileNotFoundError:
        raise NoAnswer("there is no systemctl here") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"systemctl does not answer within {_TIME_LIMIT_S:.0f} s") from None
    if done.returncode != 0:
        raise NoAnswer(" ".join(done.stderr.split()) or f"systemctl ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
