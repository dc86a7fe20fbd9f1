"""A clock that jumps: the whole process sees the machine's time, shifted by the seconds that a small file holds.

To be put in place before anything else is imported, as modules take `datetime` by name. What a real jump of the
machine's clock would change is changed: `time.time`, `datetime.now`, and the times of the files that are written from
then on. `time.monotonic` never jumps, as on a real machine.
"""

import datetime as datetimes
import mmap
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

_real_time, _real_utime = time.time, os.utime


def write_shift(path: Path, seconds: float) -> None:
    """Let every process that reads `path` live so many seconds in the future (negative: in the past)."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack("d", seconds))


def shift_clock(path: Path) -> None:
    """Shift this process's clock by what `path` holds at each moment, for good."""
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def now() -> float:
        return _real_time() + float(struct.unpack("d", shared[:8])[0])

    time.time = now
    _shift_datetime()
    _shift_files(now)


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _RealDatetime)


_RealDatetime = datetimes.datetime


def _shift_datetime() -> None:
    class Shifted(_RealDatetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
            return _RealDatetime.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return _RealDatetime.fromtimestamp(time.time(), datetimes.UTC).replace(tzinfo=None)

    datetimes.datetime = Shifted  # type: ignore[misc]


def _shift_files(now: Any) -> None:
    """The kernel dates files by the machine's clock; here what is written is dated by ours."""

    def utime(path: Any, times: Any = None, **options: Any) -> None:
        if times is None and "ns" not in options:
            times = (now(), now())
        _real_utime(path, times, **options)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # The product writes a file beside its place and renames it there; a rename of anything else keeps its time.
        if event in ("os.rename", "os.link") and os.fsdecode(arguments[0]).endswith(".tmp"):
            _real_utime(arguments[0], (now(), now()))

    os.utime = utime
    sys.addaudithook(hook)
