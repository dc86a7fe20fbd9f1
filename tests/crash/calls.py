"""Which system calls change files, by the numbers of each processor, and the filter that stops at these alone.

The filter is seccomp's: a small program that the kernel runs at each call. What it does not name runs at full speed.
"""

import ctypes
import os
import platform
from dataclasses import dataclass

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@dataclass(frozen=True)
class Call:
    """One system call. `kind`: what it is counted as. `numbers`: on x86_64 and aarch64, None where there is none.

    Where its paths are: `fds`, arguments that are open files; `paths`, arguments that are text, each with the argument
    that says relative to which folder (None: the present one). `length`: the argument that says how many bytes.
    `flags`: the argument with the flags of an opening.
    """

    name: str
    kind: str
    numbers: tuple[int | None, int | None]
    fds: tuple[int, ...] = ()
    paths: tuple[tuple[int | None, int], ...] = ()
    length: int | None = None
    flags: int | None = None


CALLS = (
    Call("write", "write", (1, 64), fds=(0,), length=2),
    Call("pwrite64", "write", (18, 68), fds=(0,), length=2),
    Call("writev", "write", (20, 66), fds=(0,)),
    Call("pwritev", "write", (296, 70), fds=(0,)),
    Call("pwritev2", "write", (328, 287), fds=(0,)),
    Call("sendfile", "write", (40, 71), fds=(0,), length=3),
    Call("copy_file_range", "write", (326, 285), fds=(2,), length=4),
    Call("fallocate", "truncate", (285, 47), fds=(0,)),
    Call("truncate", "truncate", (76, 45), paths=((None, 0),)),
    Call("ftruncate", "truncate", (77, 46), fds=(0,)),
    Call("fsync", "fsync", (74, 82), fds=(0,)),
    Call("fdatasync", "fsync", (75, 83), fds=(0,)),
    Call("open", "open", (2, None), paths=((None, 0),), flags=1),
    Call("creat", "open", (85, None), paths=((None, 0),)),
    Call("openat", "open", (257, 56), paths=((0, 1),), flags=2),
    Call("rename", "rename", (82, None), paths=((None, 0), (None, 1))),
    Call("renameat", "rename", (264, 38), paths=((0, 1), (2, 3))),
    Call("renameat2", "rename", (316, 276), paths=((0, 1), (2, 3))),
    Call("link", "link", (86, None), paths=((None, 1),)),
    Call("linkat", "link", (265, 37), paths=((2, 3),)),
    Call("symlink", "link", (88, None), paths=((None, 1),)),
    Call("symlinkat", "link", (266, 36), paths=((1, 2),)),
    Call("mkdir", "mkdir", (83, None), paths=((None, 0),)),
    Call("mkdirat", "mkdir", (258, 34), paths=((0, 1),)),
    Call("unlink", "unlink", (87, None), paths=((None, 0),)),
    Call("unlinkat", "unlink", (263, 35), paths=((0, 1),)),
    Call("rmdir", "unlink", (84, None), paths=((None, 0),)),
    Call("utimensat", "touch", (280, 88), paths=((0, 1),)),
    Call("utime", "touch", (132, None), paths=((None, 0),)),
    Call("utimes", "touch", (235, None), paths=((None, 0),)),
    Call("chmod", "chmod", (90, None), paths=((None, 0),)),
    Call("fchmod", "chmod", (91, 52), fds=(0,)),
    Call("fchmodat", "chmod", (268, 53), paths=((0, 1),)),
)
KINDS = tuple(dict.fromkeys(call.kind for call in CALLS))


def machine() -> str | None:
    """This processor, if its numbers are known here."""
    name = platform.machine()
    return name if name in _MACHINES and ctypes.sizeof(ctypes.c_void_p) == 8 else None


def by_number() -> dict[int, Call]:
    """The calls by their number on this processor."""
    column = list(_MACHINES).index(machine() or "x86_64")
    return {number: call for call in CALLS if (number := call.numbers[column]) is not None}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2


def install_filter() -> None:
    """From now on each of the calls stops this process and its children for their tracer. Raises OSError."""
    rows = _rows()
    code = (_Instruction * len(rows))(*(_Instruction(*row) for row in rows))
    program = _Program(len(rows), code)
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ((_PR_SET_NO_NEW_PRIVS, 1, None), (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program)))
    for option, value, pointer in steps:
        if libc.prctl(option, ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _rows() -> list[tuple[int, int, int, int]]:
    """The filter, as (code, jump if true, jump if false, value)."""
    rows = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _MACHINES[machine() or "x86_64"]), (_RETURN, 0, 0, _ALLOW)]
    rows.append((_LOAD, 0, 0, 0))
    for number, call in by_number().items():
        if call.flags is None:
            rows += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _TRACE)]
        else:
            # The opening of a file to read it is no step: only what makes or empties one is.
            rows += [
                (_EQUAL, 0, 4, number),
                (_LOAD, 0, 0, 16 + 8 * call.flags),
                (_ANY_BIT, 0, 1, os.O_CREAT | os.O_TRUNC),
                (_RETURN, 0, 0, _TRACE),
                (_RETURN, 0, 0, _ALLOW),
            ]
    return [*rows, (_RETURN, 0, 0, _ALLOW)]
