"""The stack's processes as the system tells of them: which program each is, its memory, its open files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: What a program's command line holds.
_MARKS = {
    "services.scraper.start": "scraper",
    "services.reconciler.start": "reconciler",
    "services.worker.start": "worker",
    "services.dashboard": "dashboard",
    "bandcamp_sync.health.listener": "listener",
}
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Weight:
    """A process now. `rss`: resident bytes; `fds`: open files."""

    pid: int
    program: str
    rss: int
    fds: int


def descendants(pid: int) -> list[int]:
    """All processes that this one started, and those started, however deep."""
    parents: dict[int, list[int]] = {}
    for one in _pids():
        if (parent := _parent(one)) is not None:
            parents.setdefault(parent, []).append(one)
    found, front = [], [pid]
    while front:
        front = [child for one in front for child in parents.get(one, [])]
        found += front
    return found


def program_of(pid: int) -> str | None:
    """Which of our programs it is; None for others, as a browser."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    return next((program for mark, program in _MARKS.items() if mark in words), None)


def programs(supervisord: int) -> dict[str, list[int]]:
    """The processes of each of our programs."""
    found: dict[str, list[int]] = {}
    for pid in descendants(supervisord):
        if (program := program_of(pid)) is not None:
            found.setdefault(program, []).append(pid)
    return found


def weigh(supervisord: int) -> Iterator[Weight]:
    """Memory and open files of our programs; those that ended meanwhile are left out."""
    for program, pids in programs(supervisord).items():
        for pid in pids:
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
            except (OSError, IndexError):
                continue
            yield Weight(pid, program, pages * _PAGE_BYTES, fds)


def _pids() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            yield int(entry.name)


def _parent(pid: int) -> int | None:
    try:
        # The name in brackets may hold spaces and brackets.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None
