"""A private view of the file system for one household: small disks, read-only folders, an own /etc/hosts.

`python mounts.py` is the holder: it leaves the machine's mount namespace for one of its own (for a normal user with a
user namespace around it), and mounts there what it is told to, one JSON list a line. Nothing of it is seen outside,
and all of it is gone when the holder ends. Other processes join it with `join`.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DETACH = 2


class Unable(Exception):
    """This machine, or this user, does not allow what a row needs. The text says what."""


class Mounts:
    """The holder, as its household sees it. Use as a context manager. Raises Unable where it is not permitted."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Mounts":
        try:
            self._answer()
        except Unable:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Whose namespaces to join."""
        return self._process.pid

    def seen(self, path: Path) -> Path:
        """`path` of the private view, as a process outside finds it."""
        return Path(f"/proc/{self.pid}/root{path}")

    def small_disk(self, path: Path, size_bytes: int) -> None:
        """A disk of that size at `path`."""
        self._tell("tmpfs", str(path), str(size_bytes))

    def read_only(self, path: Path) -> None:
        """From now on `path` and what is below it cannot be written, as after a disk's fault."""
        self._tell("read_only", str(path))

    def cover(self, path: Path, source: Path) -> None:
        """Show `source` where `path` is."""
        self._tell("bind", str(source), str(path))

    def undo(self, path: Path) -> None:
        """Take back what was done last at `path`."""
        self._tell("undo", str(path))

    def _tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if answer != "ok":
            raise Unable(f"mounting is not permitted here ({answer or 'the holder ended'})")


def join(pid: int) -> None:
    """Enter the namespaces of a holder. For a process that has one thread yet. Raises OSError."""
    for name in ("user", "mnt"):
        if Path(f"/proc/self/ns/{name}").readlink() == Path(f"/proc/{pid}/ns/{name}").readlink():
            continue
        descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _checked(_LIBC.setns(descriptor, 0))
        finally:
            os.close(descriptor)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = (text.encode() or None for text in (source, target, kind))
    _checked(_LIBC.mount(*texts, ctypes.c_ulong(flags), options.encode() or None))


def _leave() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        _checked(_LIBC.unshare(_NEW_MOUNTS))
    else:
        _checked(_LIBC.unshare(_NEW_MOUNTS | _NEW_USER))
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)


def _do(words: list[str]) -> None:
    match words:
        case ["tmpfs", path, size]:
            _mount("tmpfs", path, "tmpfs", 0, f"size={size},mode=0755")
        case ["read_only", path]:
            # A mount of its own on top: one that has files open for writing cannot be made read-only.
            _mount(path, path, "", _BIND | _RECURSIVE)
            _mount("", path, "", _REMOUNT | _BIND | _READ_ONLY)
        case ["bind", source, path]:
            _mount(source, path, "", _BIND)
        case ["undo", path]:
            _checked(_LIBC.umount2(path.encode(), _DETACH))
        case _:
            raise OSError(0, f"no such word: {words}")


def _hold() -> None:
    try:
        _leave()
    except OSError as error:
        print(error.strerror, flush=True)
        return
    print("ok", flush=True)
    for line in sys.stdin:
        try:
            _do(json.loads(line))
        except OSError as error:
            print(error.strerror, flush=True)
        else:
            print("ok", flush=True)


if __name__ == "__main__":
    _hold()
