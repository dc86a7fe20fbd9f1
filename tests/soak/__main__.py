"""`python tests/soak 10m 7`: how long, and the seed; without a seed, another one each time."""

import random
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Run as a folder, Python puts this folder first on the path, where a file of ours could shadow another's module.
sys.path[:1] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "shared")]

from soak.run import soak  # noqa: E402

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def main(arguments: list[str]) -> int:
    """The exit code: 0 passed, 1 failed, 2 wrong usage."""
    duration = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", arguments[0] if arguments else "10m")
    seed = arguments[1] if len(arguments) > 1 and arguments[1] else str(random.randrange(10**6))
    if duration is None or not seed.isdecimal():
        print("make soak FOR=10m SEED=7: FOR is a duration, as 90s, 10m or 2h; SEED is a whole number", file=sys.stderr)
        return 2
    return soak(float(duration[1]) * _UNITS[duration[2]], int(seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
