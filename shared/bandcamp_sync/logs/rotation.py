"""A log file that several processes append to and rotate, on one host or in several containers.

Each line is one append, so lines never mix. Whoever finds the file full takes the lock beside it and looks
again: the others notice by the inode that the file was moved, and open the new one. A line may still land in
the file that was just moved; it is out of place there, not lost.
"""

import logging
import logging.handlers
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from filelock import FileLock, Timeout

from bandcamp_sync.files.quarantine import put_aside

MAX_FILE_BYTES = 10_000_000
KEPT_FILES = 5
_LOCK_WAIT_S = 2.0


class SharedRotatingHandler(logging.handlers.RotatingFileHandler):
    """Appends to `path`; at `max_bytes` the file becomes `path.1`, up to `path.<kept>`."""

    def __init__(self, path: Path, max_bytes: int = MAX_FILE_BYTES, kept: int = KEPT_FILES) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8", errors="backslashreplace")
        self._lock_path = path.with_name(f".{path.name}.lock")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, to the file that has the name now."""
        try:
            self._follow()
            super().emit(record)
        except Exception:
            self.handleError(record)

    def doRollover(self) -> None:
        """Rotate, unless another process just did. Without the lock the file grows a little longer."""
        try:
            with FileLock(self._lock_path, timeout=_LOCK_WAIT_S):
                self._follow()
                if Path(self.baseFilename).stat().st_size > self.maxBytes // 2:
                    super().doRollover()
        except (Timeout, OSError):
            return

    def _open(self) -> TextIOWrapper:
        """Open the file to append to it; what is no file is put aside, as the opening of a FIFO would wait for ever."""
        path = Path(self.baseFilename)
        if os.path.lexists(path) and not path.is_file() and not path.is_char_device():
            kept = put_aside(path)
            # Not by the log: it is just being opened.
            print(f"{path} was no file; it is kept in {kept}", file=sys.stderr)  # noqa: T201
        return super()._open()

    def _follow(self) -> None:
        """Open the file anew when it is not the one with this name any more."""
        stream = self.stream
        if stream is not None and self._is_current(stream):
            return
        if stream is not None:
            stream.close()
        self.stream = self._open()

    def _is_current(self, stream: TextIOWrapper) -> bool:
        here = os.fstat(stream.fileno())
        try:
            named = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return False
        return (here.st_dev, here.st_ino) == (named.st_dev, named.st_ino)
