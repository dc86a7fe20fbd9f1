"""What tells one version of a file from the next, without reading it."""

from pathlib import Path


def file_mark(path: Path) -> tuple[int, int, int] | None:
    """What tells one version of a file from the next; None when it is not there (or may not be seen)."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def changed_ns(path: Path) -> int:
    """When it was put there as it is: a file that is moved or copied may bring an older time along. 0: it is not there.

    In nanoseconds since 1970.
    """
    try:
        status = path.stat()
    except OSError:
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)
