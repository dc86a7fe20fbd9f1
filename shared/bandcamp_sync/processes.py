"""Which process is which: a number alone comes back to life as somebody else, in a container at every restart."""

import os
import resource
import socket
from functools import lru_cache
from hashlib import sha256
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


def stamp() -> str:
    """This process, in letters, digits and dashes that fit into a file's name: `<place>-<pid>-<start>`.

    Two containers may call themselves alike and see different processes, so the place is this boot, by this name, as
    it is seen from this very set of processes (the kernel's pid namespace).
    """
    return _stamp(os.getpid())


def is_stamp_gone(stamp: str) -> bool:
    """Whether a `stamp` is of a process that was seen from here, and is gone. False when unsure."""
    place, _, rest = stamp.partition("-")
    pid, _, start = rest.partition("-")
    if place != _place() or place == _UNKNOWN or not start.isdigit():
        return False
    return is_gone(f"{this_boot()}:{pid}:{start}")


def leave_no_core() -> None:
    """Should this process crash, no image of its memory, in which cookies are, is written to any disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_UNKNOWN = "unknown"


@lru_cache(maxsize=1)
def _stamp(pid: int) -> str:
    return f"{_place()}-{pid}-{started(pid) or ''}"


@lru_cache(maxsize=1)
def _place() -> str:
    try:
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return _UNKNOWN
    boot = this_boot()
    return _UNKNOWN if boot.endswith("-unknown") else sha256(f"{boot} {processes}".encode()).hexdigest()[:12]
