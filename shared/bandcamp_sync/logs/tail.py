"""The last lines of log files, and several files' lines in the order of time.

Memory is bounded by the lines asked for: a file is read in blocks from its end, and no line is kept beyond 4
KiB.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

MAX_LINE_BYTES = 4096
_BLOCK_BYTES = 64 * 1024
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z")


def tail(path: Path, lines: int) -> list[str]:
    """The last `lines` lines of `path`, oldest first, without their ends; none when there is no such file.

    Bytes that are not UTF-8 are replaced; of a line only the first 4 KiB are given. Raises OSError when the
    file cannot be read.
    """
    if lines <= 0:
        return []
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return []
    with stream:
        end = stream.seek(0, 2)
        stream.seek(_start_of_last(stream, end, lines))
        return _lines_until(stream, end)


def merged_tail(paths: Mapping[str, Path], lines: int) -> tuple[list[str], dict[str, list[str]]]:
    """The last `lines` lines of all files together, in the order of their timestamps, and each file's own
    tail.

    A line without a timestamp stays behind the one before it in its file.
    """
    files = {name: tail(path, lines) for name, path in paths.items()}
    timed = [entry for own in files.values() for entry in _with_times(own)]
    ordered = [line for _, line in sorted(timed, key=lambda entry: entry[0])]
    return ordered[-lines:] if lines > 0 else [], files


def _start_of_last(stream: BinaryIO, end: int, lines: int) -> int:
    """Where the last `lines` lines begin, in bytes from the start."""
    wanted, position = lines, end
    if end and _read_at(stream, end - 1, 1) == b"\n":
        wanted += 1  # the end of the last line begins no line
    while position > 0:
        size = min(_BLOCK_BYTES, position)
        position -= size
        block = _read_at(stream, position, size)
        count = block.count(b"\n")
        if count >= wanted:
            return position + _nth_from_end(block, wanted) + 1
        wanted -= count
    return 0


def _nth_from_end(block: bytes, count: int) -> int:
    at = len(block)
    for _ in range(count):
        at = block.rindex(b"\n", 0, at)
    return at


def _read_at(stream: BinaryIO, position: int, size: int) -> bytes:
    stream.seek(position)
    return stream.read(size)


def _lines_until(stream: BinaryIO, end: int) -> list[str]:
    found = []
    while stream.tell() < end:
        line = stream.readline(MAX_LINE_BYTES + 1)
        if not line:
            break
        cut = len(line) > MAX_LINE_BYTES and not line.endswith(b"\n")
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(_BLOCK_BYTES)
        found.append(_text(line[:MAX_LINE_BYTES] if cut else line))
    return found


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _with_times(lines: list[str]) -> list[tuple[str, str]]:
    timed, time = [], ""
    for line in lines:
        match = _TIME.match(line)
        time = match[1] if match else time
        timed.append((time, line))
    return timed
