"""Looks into a stopped thread of another process: its registers, and the files that its arguments name."""

import ctypes
import os
import re
import struct
from pathlib import Path

from crash.calls import machine

_GETREGSET, _SETREGSET = 0x4204, 0x4205
AT_FDCWD = -100


class Registers:
    """A stopped thread's registers, as x86_64 and aarch64 lay them out."""

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._buffer = ctypes.create_string_buffer(512)
        self._vector = _Vector(ctypes.cast(self._buffer, ctypes.c_void_p), 512)
        ptrace(_GETREGSET, thread, ctypes.c_void_p(1), ctypes.byref(self._vector))
        if machine() == "aarch64":
            self._number, self._arguments = 8, (0, 1, 2, 3, 4, 5)
        else:
            self._number, self._arguments = 15, (14, 13, 12, 7, 9, 8)

    @property
    def number(self) -> int:
        """The system call's."""
        return self._at(self._number)

    def argument(self, place: int) -> int:
        """An argument of the call."""
        return self._at(self._arguments[place])

    def put(self, place: int, value: int) -> None:
        """Change an argument before the call runs."""
        struct.pack_into("=q", self._buffer, 8 * self._arguments[place], value)
        ptrace(_SETREGSET, self._thread, ctypes.c_void_p(1), ctypes.byref(self._vector))

    def _at(self, place: int) -> int:
        (value,) = struct.unpack_from("=q", self._buffer, 8 * place)
        return int(value)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    return libc


LIBC = _libc()


def ptrace(request: int, thread: int, address: ctypes.c_void_p | None, data: object) -> None:
    if LIBC.ptrace(request, thread, address, ctypes.cast(data, ctypes.c_void_p) if data is not None else None) == -1:  # type: ignore[arg-type]
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def of_fd(thread: int, fd: int) -> str | None:
    """The name of an open file; None where it has none."""
    try:
        return re.sub(r" \(deleted\)$", "", str(Path(f"/proc/{thread}/fd/{fd & 0xFFFFFFFF}").readlink()))
    except OSError:
        return None


def of_path(thread: int, folder: int, address: int) -> str | None:
    """The name at an address in its memory, from the root; `folder`: the open folder that it starts at."""
    try:
        with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - this runs at every step
            memory.seek(address)
            text = os.fsdecode(memory.read(4096).partition(b"\0")[0])
        if text.startswith("/"):
            return os.path.normpath(text)
        here = ctypes.c_int(folder).value
        base = Path(f"/proc/{thread}/cwd" if here == AT_FDCWD else f"/proc/{thread}/fd/{here}").readlink()
        return os.path.normpath(f"{base}/{text}")
    except (OSError, ValueError, OverflowError):
        return None
