"""Starts one service as `services/<name>/start.py` does, after changing what its process can see or do.

`python launch.py NAME [--mounts PID] [--clock FILE] [--obey-permissions]`
"""

import argparse
import ctypes
import os
import runpy
import struct
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# The folder of this file must not shadow anything, and the project's own folders are not installed.
sys.path[0] = str(_HERE.parent)

from faults import mounts, shifted  # noqa: E402

#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root write and read where permissions say no.
_OVERRIDES = 1 << 1 | 1 << 2
_VERSION_3 = 0x20080522


def obey_permissions() -> None:
    """Give up root's power over permissions, so that a folder's mode counts as it does for a normal user."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("Ii", _VERSION_3, 0))
    sets = ctypes.create_string_buffer(24)
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    words = list(struct.unpack("6I", sets.raw))
    for place in range(3):  # effective, permitted, inheritable
        words[place] &= ~_OVERRIDES
    if libc.capset(header, ctypes.create_string_buffer(struct.pack("6I", *words))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--mounts", type=int)
    parser.add_argument("--clock", type=Path)
    parser.add_argument("--obey-permissions", action="store_true")
    asked = parser.parse_args()
    if asked.mounts is not None:
        mounts.join(asked.mounts)
    if asked.obey_permissions:
        obey_permissions()
    if asked.clock is not None:
        shifted.shift_clock(asked.clock)
    sys.argv = [asked.name]
    runpy.run_module(f"services.{asked.name}.start", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
