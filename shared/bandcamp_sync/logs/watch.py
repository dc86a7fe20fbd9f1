"""Whether anything was written to a folder of logs: looked up once for all who follow, however many they are."""

import os
import time
from pathlib import Path
from threading import Lock

_Files = tuple[tuple[str, int, int, int], ...]


class Watch:
    """The files of a folder by name, inode, size and time. Safe to use from several threads.

    `lasts_s`: those who ask within so many seconds are given the same answer.
    """

    def __init__(self, folder: Path, lasts_s: float = 0.2) -> None:
        self._folder, self._lasts_s, self._lock = folder, lasts_s, Lock()
        self._looked = float("-inf")
        self._files: _Files | None = None
        self._mark = 0

    def mark(self) -> int:
        """A number that has grown when a file was written, added, moved or removed; as of a moment ago."""
        with self._lock:
            if time.monotonic() - self._looked >= self._lasts_s:
                files = self._listed()
                if files is None or files != self._files:
                    self._files, self._mark = files, self._mark + 1
                self._looked = time.monotonic()
            return self._mark

    def _listed(self) -> _Files | None:
        """None when that cannot be told, which is no proof of rest."""
        try:
            with os.scandir(self._folder) as entries:
                found = [(entry.name, entry.stat()) for entry in entries]
        except OSError:
            return None
        return tuple(sorted((name, of.st_ino, of.st_size, of.st_mtime_ns) for name, of in found))
