"""How files of the data folder are read, whatever somebody put into their place.

A FIFO makes a plain `open` wait for ever, a folder or a link to itself fails with errors of their own, and JSON can be
nested so deeply that Python gives up with an error that is no ValueError. Here all of these are one OSError or one
ValueError, at once.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

#: No file of the books is larger: a collection of 20,000 purchases has some 15 MB.
MAX_BYTES = 256 * 1024 * 1024


class NotAFile(OSError):
    """What has this name is no regular file. `strerror` says what it is, as `it is a folder`."""


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """A regular file's content. Raises NotAFile, FileNotFoundError or another OSError, and never waits."""
    try:
        # Without O_NONBLOCK the opening of a FIFO waits for a writer.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink() and error.strerror and not isinstance(error, PermissionError):
            raise NotAFile(error.errno, f"it is a link that leads nowhere ({error.strerror})", str(path)) from None
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotAFile(0, what_it_is(status.st_mode), str(path))
        if status.st_size > limit:
            raise NotAFile(0, f"it is larger than {limit >> 20} MiB", str(path))
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(fd)


def read_text(path: Path) -> str:
    """`read_bytes` as UTF-8, without a byte order mark. Raises UnicodeDecodeError (a ValueError) as well."""
    return read_bytes(path).decode().removeprefix("\ufeff")


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises what `read_bytes` raises, and ValueError for what is no JSON."""
    return parse_json(read_bytes(path))


def parse_json(text: bytes | str) -> Any:
    """`json.loads`, where brackets without end are a ValueError too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def what_it_is(mode: int) -> str:
    """Why something of this mode (as `stat` tells it) is no file to read."""
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))
    kind = next((name for is_kind, name in kinds if is_kind(mode)), "a device")
    return f"it is {kind}, and a file belongs there"
