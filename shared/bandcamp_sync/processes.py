"""Which process is which: a number alone comes back to life as somebody else, in a container at every restart."""

import os
import socket
from pathlib import Path


def this_boot() -> str:
    """Names this host (or container) as long as its kernel runs; ends in `-unknown` where that cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        boot = "unknown"
    return f"{socket.gethostname()}-{boot}"


def started(pid: int) -> str | None:
    """When a process of this host began, in the kernel's ticks; None when there is none or no way to know."""
    try:
        # The second field is a name in parentheses that may hold anything; what follows its last one is plain.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return None


def identity(pid: int) -> str:
    """A name that no other process of this boot ever has: `<boot>:<pid>:<start>`."""
    return f"{this_boot()}:{pid}:{started(pid) or ''}"


def is_gone(name: str) -> bool:
    """Whether a process, by its `identity`, was one of this very boot of this host, and is gone. False when unsure."""
    place, _, rest = name.partition(":")
    pid, _, start = rest.partition(":")
    if place != this_boot() or place.endswith("-unknown") or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return bool(start) and started(int(pid)) not in (start, None)
