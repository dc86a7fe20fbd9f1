"""A look at all jobs that stays quick with twenty thousand of them: a file is read again only when it has changed.

Files of a state come and go by rename alone, so a folder whose time has not changed holds what it held. Of a receipt
only the sum is kept, and no history: who lists the books needs neither hashes nor what has been.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.spool.job import Job, ReceiptFile, State
from bandcamp_sync.spool.spool import SUFFIX, Spool

#: A folder that changed so lately may change again within one tick of its clock, so it is listed once more.
_FRESH_S = 2.0


@dataclass
class _Folder:
    mark: tuple[int, int] | None = None
    jobs: dict[str, tuple[tuple[int, int, int], Job]] = field(default_factory=dict)


class Glance:
    """Reads, and never moves, renames or quarantines. Safe to use from several threads."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._folders = {state: _Folder() for state in State}
        self._lock = Lock()
        self._joined: dict[str, tuple[State, Job]] = {}
        self.version = 0

    def jobs(self) -> dict[str, tuple[State, Job]]:
        """Every readable job by key; one that moves meanwhile is seen in one of its places, done winning.

        `version` grows whenever the answer differs from the last one. Treat the answer as read-only.
        """
        with self._lock:
            changed = [self._refresh(state) for state in State]
            # RACE: a job can return to `pending` after that was looked at, so it is looked at again.
            changed.append(self._refresh(State.PENDING))
            if any(changed):
                self._joined = self._join()
                self.version += 1
            return self._joined

    def _join(self) -> dict[str, tuple[State, Job]]:
        joined: dict[str, tuple[State, Job]] = {}
        for state in (State.FAILED, State.IN_PROGRESS, State.PENDING, State.DONE):
            joined.update({key: (state, job) for key, (_, job) in self._folders[state].jobs.items()})
        return joined

    def _refresh(self, state: State) -> bool:
        path, known = self._spool.folder(state), self._folders[state]
        try:
            stat = path.stat()
            mark = (stat.st_mtime_ns, stat.st_ino)
            if known.mark == mark:
                return False
            entries = list(os.scandir(path))
        except OSError:
            changed = bool(known.jobs)
            self._folders[state] = _Folder()
            return changed
        jobs = {}
        for entry in entries:
            key = entry.name.removesuffix(SUFFIX)
            if not entry.name.endswith(SUFFIX) or not is_key(key):
                continue
            read = self._read(entry, known.jobs.get(key))
            if read is not None:
                jobs[key] = read
        settled = time.time() - stat.st_mtime > _FRESH_S
        changed = {k: m for k, (m, _) in jobs.items()} != {k: m for k, (m, _) in known.jobs.items()}
        self._folders[state] = _Folder(mark if settled else None, jobs)
        return changed

    def _read(
        self, entry: os.DirEntry[str], known: tuple[tuple[int, int, int], Job] | None
    ) -> tuple[tuple[int, int, int], Job] | None:
        try:
            stat = entry.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if known is not None and known[0] == mark:
                return known
            return mark, _slim(Job.model_validate_json(read_bytes(Path(entry.path))))
        except (OSError, ValidationError):
            return None


def _slim(job: Job) -> Job:
    """The job without its history, and with its receipt's files summed up."""
    changes: dict[str, Any] = {"history": ()} if job.history else {}
    if job.receipt is not None:
        whole = (ReceiptFile(path="all", size=job.receipt.size, sha256=""),)
        changes["receipt"] = job.receipt.model_copy(update={"files": whole})
    return job.model_copy(update=changes) if changes else job
