"""The last lines of logs that somebody wants to see, and several logs' lines in the order of time.

A log is read from its end in blocks, on into the files that it was rotated into, until there are enough lines, or a
bound is reached. Memory is bounded by the lines asked for, as no line is kept beyond 4 KiB.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bandcamp_sync.logs.family import Line, OpenLog, Place, Position, opened_family
from bandcamp_sync.logs.line import EVERYTHING, MAX_LINE_BYTES, Wanted

#: How far one search goes back in one log.
MAX_SEARCHED_BYTES = 32 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024
_MAX_HALF_BYTES = 64 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?=Z)")


@dataclass(frozen=True)
class Tail:
    """The end of one log. `lines`: oldest first. `half`: the last line while it has no end yet, where it is wanted.

    `searched`: the bytes looked at; `complete`: whether no more lines were asked for than were found, or the whole log
    was looked at; `left`: the bytes that were not looked at; `end`: the place behind the last line that has an end,
    None when there is no such log.
    """

    lines: list[Line]
    half: str | None = None
    searched: int = 0
    complete: bool = True
    left: int = 0
    end: Place | None = None


def tail(
    service: str,
    path: Path,
    lines: int,
    wanted: Wanted = EVERYTHING,
    since: Position | None = None,
    most: int = MAX_SEARCHED_BYTES,
) -> Tail:
    """The last `lines` lines of the log at `path` that are wanted; of a missing one, none.

    `since`: only what came after it. A place that is in no file any more (it was rotated away, or the log was removed)
    means the files that were written to since then. `most`: how many bytes to look at. Raises OSError when a file
    cannot be read.
    """
    with opened_family(path) as family:
        if not family:
            return Tail([])
        end = _end_of_whole_lines(family[0])
        half = wanted.shown(family[0].read(end, MAX_LINE_BYTES + 1)) if end < family[0].size() else None
        ranges = _ranges(service, family, end, since)
        found, searched, complete = _search(service, ranges, lines, wanted, most)
        left = sum(upper - lower for _, lower, upper in ranges) - searched
        return Tail(found, half, searched, complete, left, family[0].place(end))


def ends(files: Mapping[str, Path], now_s: int) -> Position:
    """Where the logs end now: who follows from there sees what comes from now on."""
    places = {name: tail(name, path, 0).end for name, path in files.items()}
    return Position({name: place for name, place in places.items() if place is not None}, now_s)


def in_time_order(logs: Iterable[Iterable[Line]]) -> list[Line]:
    """The lines of several logs in the order of their times; each log's own lines stay in their order.

    A line without a time stays behind the one before it in its log, and so does one that comes too late.
    """
    timed: list[tuple[str, Line]] = []
    for log in logs:
        time = ""
        for line in log:
            match = _TIME.match(line.text)
            time = max(time, match[0]) if match else time
            timed.append((time, line))
    return [line for _, line in sorted(timed, key=lambda entry: entry[0])]


_Range = tuple[OpenLog, int, int]


def _ranges(service: str, family: list[OpenLog], end: int, since: Position | None) -> list[_Range]:
    """What is to be looked at: files, and from where to where in each, the newest first."""
    whole = [(log, 0, end if log is family[0] else log.size()) for log in family]
    if since is None:
        return whole
    place = since.places.get(service)
    for number, (log, _, upper) in enumerate(whole):
        if place is not None and log.holds(place):
            return [*whole[:number], (log, min(place.offset, upper), upper)]
    return [entry for entry in whole if entry[0].modified_s >= since.at_s]


def _search(service: str, ranges: list[_Range], lines: int, wanted: Wanted, most: int) -> tuple[list[Line], int, bool]:
    """The lines found, the oldest first; how many bytes were looked at; whether the bound was not what ended it."""
    found: list[Line] = []
    searched = 0
    for log, lower, upper in ranges if lines > 0 else []:
        floor = max(lower, upper - (most - searched))
        for start, block, end in _pieces(log, lower, upper, floor):
            if wanted.may_lie_in(block):
                for at, raw, behind in _backwards(start, block, end):
                    text = wanted.shown(raw)
                    if text is not None:
                        found.append(Line(service, text, log.place(behind)))
                        if len(found) == lines:
                            return found[::-1], searched + upper - at, True
        searched += upper - floor
        if floor > lower:
            return found[::-1], searched, False
    return found[::-1], searched, True


def _pieces(log: OpenLog, lower: int, upper: int, floor: int) -> Iterator[tuple[int, bytes, int]]:
    """Pieces of whole lines between two offsets, the last piece first: where each starts, the bytes, where it ends.

    Of a line longer than a block only the beginning is in its piece. Nothing before `floor` is read.
    """
    position = end = upper
    rest = b""  # what was read of the line that ends at `end`
    while position > floor:
        size = min(_BLOCK_BYTES, position - floor)
        position -= size
        block = log.read(position, size)
        begins = position + block.find(b"\n") + 1
        if position == lower:
            yield lower, block + rest, end
        elif position < begins < end:
            yield begins, block[begins - position :] + rest, end
            end, rest = begins, block[: begins - position]
        else:
            rest = (block + rest)[: MAX_LINE_BYTES + 1]


def _backwards(start: int, piece: bytes, end: int) -> Iterator[tuple[int, bytes, int]]:
    """The lines of a piece, the last first: where each starts, its bytes, and where it ends."""
    upper, behind = len(piece), end
    while upper > 0:
        at = piece.rfind(b"\n", 0, upper - 1) + 1
        yield start + at, piece[at:upper], behind
        upper, behind = at, start + at


def _end_of_whole_lines(log: OpenLog) -> int:
    """Behind the last end of a line; where there is none far and wide, the end of the file."""
    size = log.size()
    start = max(0, size - _MAX_HALF_BYTES)
    at = log.read(start, size - start).rfind(b"\n")
    return start + at + 1 if at >= 0 or start == 0 else size
