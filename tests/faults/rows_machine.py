"""Trouble of this machine: disks, permissions, open files, clock. None of it may count as a purchase's attempt."""

import os
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faults.household import Household
from faults.row import Row

_BALLAST = "ballast"
_DISK_BYTES = 48 << 20
_ROOM = r"make room"
_WRITE = r"cannot be written"
_SET = "the clock was set"


def _small_music_disk(home: Household) -> None:
    assert home.mounts is not None
    home.mounts.small_disk(home.music, _DISK_BYTES)
    _fill(home.seen(home.root) / "music", leave=900_000)


def _small_data_disk(home: Household) -> None:
    assert home.mounts is not None
    home.mounts.small_disk(home.data, _DISK_BYTES)
    home.renew_cookies()


def _fill(disk: Path, leave: int) -> None:
    """Leave so many bytes of a disk free."""
    with (disk / _BALLAST).open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(file.tell() - leave)


def _make_room_on_music(home: Household) -> None:
    home.until_said(_ROOM)
    home.for_seconds(3)
    (home.seen(home.music) / _BALLAST).unlink()


def _fill_and_clear_data(home: Household) -> None:
    home.until_under_way()
    _fill(home.seen(home.data), leave=0)
    home.until_said(_ROOM)
    home.for_seconds(3)
    (home.seen(home.data) / _BALLAST).unlink()


def _read_only(folder: str) -> Callable[[Household], None]:
    def happens(home: Household) -> None:
        assert home.mounts is not None
        home.until_under_way()
        home.mounts.read_only(home.root / folder)
        home.until_said(_WRITE)
        home.for_seconds(3)
        home.mounts.undo(home.root / folder)

    return happens


def _as_a_normal_user(home: Household) -> None:
    home.obey_permissions = os.geteuid() == 0


def _no_permission(home: Household) -> None:
    home.until_under_way()
    mode = home.music.stat().st_mode
    home.music.chmod(0)
    home.until_said(_WRITE)
    home.for_seconds(3)
    home.music.chmod(mode)


def _few_files(home: Household) -> None:
    home.until_under_way()
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    pids = [member.process.pid for member in home.members.values()]
    for pid in pids:
        # What is open stays open; nothing more can be opened.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, usual[1]))
    home.until_said("too many open files")
    home.for_seconds(3)
    for pid in pids:
        with suppress(ProcessLookupError):  # one that ended is told of as such
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)


def _own_clock(home: Household) -> None:
    home.clock = home.root / "clock"
    home.shift_clock(0)


def _own_clock_ahead(home: Household) -> None:
    home.clock = home.root / "clock"
    home.shift_clock(3)


def _jump(hours: float) -> Callable[[Household], None]:
    def happens(home: Household) -> None:
        home.until_under_way()
        home.shift_clock(hours)

    return happens


ROWS = (
    Row("the clock jumps three hours forward", before=_own_clock, happens=_jump(3), rate=150_000, told=_SET),
    Row("the clock jumps back by three hours", before=_own_clock_ahead, happens=_jump(0), rate=150_000, told=_SET),
    Row("the music disk is full", before=_small_music_disk, happens=_make_room_on_music, mounts=True, told=_ROOM,
        settings={"MIN_FREE_SPACE": "1"}, times_needed=1.6),
    Row("the data disk is full", before=_small_data_disk, happens=_fill_and_clear_data, mounts=True, told=_ROOM,
        rate=150_000, times_needed=1.6),
    Row("the music folder is read-only", happens=_read_only("music"), mounts=True, told=_WRITE, rate=150_000,
        times_needed=1.6),
    Row("the data folder is read-only", happens=_read_only("data"), mounts=True, told=_WRITE, rate=150_000,
        times_needed=1.6),
    Row("no permission on the music folder", before=_as_a_normal_user, happens=_no_permission, told=_WRITE,
        rate=150_000, times_needed=1.6),
    Row("too many open files", happens=_few_files, told="too many open files", rate=150_000, times_needed=1.6),
)  # fmt: skip
