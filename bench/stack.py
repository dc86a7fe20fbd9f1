"""What the running stack weighs: each image over its base, and each container's memory and processor time at rest.

Run `make measure` while nothing is synced. Memory and processor time are the kernel's own sums for the container (its
control group), without the file cache that can be dropped; over a minute, unless SECONDS is given.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE = "python:3.13-slim-trixie"
SERVICES = ("scraper", "reconciler", "worker", "dashboard")
MB = 1_000_000

# Control groups of version 2, else of version 1: nanoseconds of processor time, bytes in use, bytes of droppable cache.
_LOOK = """
cd /sys/fs/cgroup
field() { sed -n "s/^$1 //p" "$2"; }
if [ -e cpu.stat ]; then
    echo $(( $(field usage_usec cpu.stat) * 1000 )) $(cat memory.current) $(field inactive_file memory.stat)
else
    echo $(cat cpuacct/cpuacct.usage) $(cat memory/memory.usage_in_bytes) \\
        $(field total_inactive_file memory/memory.stat)
fi
"""


def ask(*words: str) -> str:
    """What a command prints; ends everything with its own words when it fails."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words[:4])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def size(image: str) -> int:
    """An image's bytes on disk, unpacked."""
    return int(ask("docker", "image", "inspect", "--format", "{{.Size}}", image))


def look(service: str) -> tuple[float, float]:
    """Processor seconds used so far, and bytes in use."""
    told = ask("docker", "compose", "exec", "-T", service, "sh", "-c", _LOOK).split()
    return int(told[0]) / 1e9, int(told[1]) - int(told[2])


def main() -> None:
    """Measure and print a table."""
    seconds = float(os.environ.get("SECONDS", "60"))
    base = size(BASE)
    before = {service: look(service) for service in SERVICES}
    began = time.monotonic()
    time.sleep(seconds)
    print("| container | image | over the base | memory at rest | processor at rest |")
    print("|---|---|---|---|---|")
    for service in SERVICES:
        used_s, held = look(service)
        share = (used_s - before[service][0]) / (time.monotonic() - began)
        image = size(ask("docker", "compose", "images", "--quiet", service).splitlines()[0])
        print(
            f"| {service} | {image / MB:.0f} MB | {(image - base) / MB:.0f} MB | {held / MB:.0f} MB "
            f"| {share:.1%} of a core |"
        )
    print(f"\nBase {BASE}: {base / MB:.0f} MB. Over {seconds:.0f} s.")


if __name__ == "__main__":
    main()
