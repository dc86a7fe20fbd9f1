"""Fuzz for longer than the tests do: `.venv/bin/python tests/fuzz --minutes 10 [target ...]`.

What broke is saved among the seeds; mend it, and give the file a telling name.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "shared")]

from fuzz.harness import Broke, inputs, keep, run  # noqa: E402
from fuzz.targets import TARGETS  # noqa: E402

_SLICE_S = 5.0


def main() -> int:
    """Go round the targets until the time is over; the number of different ways in which they broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(TARGETS))
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    unknown = set(given.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    names = given.targets or list(TARGETS)
    until = time.monotonic() + given.minutes * 60
    tried, broke = dict.fromkeys(names, 0), dict[tuple[str, str], Path]()
    streams = {name: inputs(name, given.seed) for name in names}
    print(f"seed {given.seed}", flush=True)
    while time.monotonic() < until:
        for name in names:
            over = min(until, time.monotonic() + _SLICE_S)
            while time.monotonic() < over:
                data = next(streams[name])
                tried[name] += 1
                try:
                    run(TARGETS[name], data)
                except Broke as error:
                    kind = (name, str(error).split(": ")[0])
                    if kind not in broke:
                        broke[kind] = keep(name, data)
                        print(f"{name}: {error}\n  kept in {broke[kind]}", flush=True)
    for name in names:
        print(f"{name:<14} {tried[name]:>8} inputs, {sum(kind[0] == name for kind in broke)} ways to break it")
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main())
