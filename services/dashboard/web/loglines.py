"""What is asked of the logs, and how it is answered: their end, a stream that follows them, one of them whole."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandcamp_sync.logs.family import Line, Position, log_files, parse_position, position_text
from bandcamp_sync.logs.follow import Follower
from bandcamp_sync.logs.line import Wanted, wanted
from bandcamp_sync.logs.tail import Tail, in_time_order, tail
from bandcamp_sync.logs.whole import every_line
from flask import abort
from werkzeug.datastructures import Headers

from services.dashboard.web.streams import LOOK_EVERY_S, Streams

MAX_LINES = 5000
#: The logs that there are sooner or later; one that nobody has written to yet has no lines.
SERVICES = ("scraper", "reconciler", "worker", "dashboard")
#: How often a reader is told how far it has read while no line comes that it wants.
_TELL_POSITION_S = 5.0
_CHUNK_CHARS = 64 * 1024


@dataclass(frozen=True)
class Asked:
    """`file`: the service whose log is asked for, None for all; of it the `wanted` lines."""

    folder: Path
    file: str | None
    wanted: Wanted

    def files(self) -> dict[str, Path]:
        """The logs that are asked for, of those that there are."""
        return {name: path for name, path in log_files(self.folder).items() if self.file in (None, name)}


def asked_for(folder: Path, args: Mapping[str, str]) -> Asked:
    """What a request's `file` (`worker`, or `worker.log`), `level` and `q` ask for.

    Aborts with 400 for an unknown level.
    """
    file = args.get("file", "").removesuffix(".log") or None
    try:
        return Asked(folder, file, wanted(args.get("level", ""), args.get("q", "")))
    except ValueError as error:
        abort(400, str(error))


def count_of_lines(given: str | None, default: int) -> int:
    """How many lines are asked for. Aborts with 400 for anything but 1 to 5000."""
    if not given:
        return default
    if not given.isdecimal() or not given.isascii() or not 1 <= int(given) <= MAX_LINES:
        abort(400, f"lines is a number from 1 to {MAX_LINES}")
    return int(given)


def known_file(asked: Asked) -> Asked:
    """The same. Aborts with 404 when a log is asked for that there is not, nor will be."""
    if asked.file is not None and asked.file not in (*SERVICES, *asked.files()):
        there_are = ", ".join(log_files(asked.folder)) or "none"
        abort(404, f"there is no log of that name; there are: {there_are}")
    return asked


# --- the end of the logs --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """The last lines of several logs: together in the order of time, and each log's own."""

    lines: list[Line]
    tails: dict[str, Tail]
    position: Position

    @property
    def searched(self) -> int:
        """How many bytes were looked at."""
        return sum(own.searched for own in self.tails.values())

    @property
    def complete(self) -> bool:
        """Whether it was looked until there were enough lines, or no more files."""
        return all(own.complete for own in self.tails.values())


def ending(asked: Asked, lines: int, since: Position | None = None) -> Ending:
    """The last lines of what is asked for; after `since`, where that is given, up to so many of each log."""
    now_s = int(time.time())
    tails = {name: tail(name, path, lines, asked.wanted, since) for name, path in asked.files().items()}
    merged = in_time_order(own.lines for own in tails.values())
    places = {name: own.end for name, own in tails.items() if own.end is not None}
    return Ending(merged if since else merged[-lines:], tails, Position(places, now_s))


def answer(asked: Asked, lines: int) -> dict[str, Any]:
    """What `/api/logs` answers. A last line that has no end yet is told as it is."""
    found = ending(asked, lines)
    halves = [own.half for own in found.tails.values() if own.half is not None]
    named = {} if asked.file is None else {asked.file: list[str]()}
    files = named | {
        name: [*(line.text for line in own.lines), *([own.half] if own.half is not None else [])][-lines:]
        for name, own in found.tails.items()
    }
    return {
        "logs": "\n".join([*(line.text for line in found.lines), *halves][-lines:]),
        "files": files,
        "searched": found.searched,
        "complete": found.complete,
        "last_event_id": position_text(found.position),
    }


# --- following ------------------------------------------------------------------------------------------------------


def feed(streams: Streams, asked: Asked, last_id: str, lines: int | None) -> Iterator[str]:
    """The events of `/api/logs/stream`, an empty text when there are none.

    `line` is one line. Each event's id is the position behind it: whoever gives it back in `last_id` gets what came
    since, and `gap` says of how many bytes nothing is told. Without a position that can be read: from now on, after
    `tail`, the last `lines` lines, where a number is given.
    """
    since = parse_position(last_id)
    found = ending(asked, MAX_LINES if since is not None else lines or 0, since)
    yield from _beginning(found, since, lines)
    told, told_at = found.position.places, time.monotonic()
    with Follower(asked.folder, found.position, asked.wanted, asked.file) as follower:
        while not streams.is_closing():
            came = follower.news(streams.logs)
            is_due = time.monotonic() - told_at > _TELL_POSITION_S
            if came:
                yield _events(came, told)
            elif is_due and follower.position.places != told:
                yield _event("position", {}, follower.position)
            else:
                if is_due:
                    told_at = time.monotonic()
                yield ""
                time.sleep(LOOK_EVERY_S)
                continue
            told, told_at = follower.position.places, time.monotonic()


def _beginning(found: Ending, since: Position | None, lines: int | None) -> Iterator[str]:
    if since is not None:
        missed = sum(own.left for own in found.tails.values())
        if missed:
            yield _event("gap", {"bytes": missed}, since)
        yield _events(found.lines, since.places)
    elif lines is not None:
        told = [{"file": line.service, "line": line.text} for line in found.lines]
        about = {"searched": found.searched, "complete": found.complete}
        yield _event("tail", {"lines": told, **about}, found.position)
    # An id without an event: a reader that is cut off before the first line goes on from here.
    yield f"id: {position_text(found.position)}\n\n"


def _events(lines: Iterable[Line], places: Mapping[str, Any]) -> str:
    reached, texts = dict(places), []
    now_s = int(time.time())
    for line in in_time_order(_by_service(lines)):
        reached[line.service] = line.place
        texts.append(_event("line", {"file": line.service, "line": line.text}, Position(reached, now_s)))
    return "".join(texts)


def _by_service(lines: Iterable[Line]) -> Iterable[list[Line]]:
    apart: dict[str, list[Line]] = {}
    for line in lines:
        apart.setdefault(line.service, []).append(line)
    return apart.values()


def _event(name: str, told: Mapping[str, Any], position: Position) -> str:
    return f"event: {name}\ndata: {json.dumps(told)}\nid: {position_text(position)}\n\n"


# --- a whole log ----------------------------------------------------------------------------------------------------


def attachment(service: str) -> Headers:
    """The headers with which a browser keeps a log as a file."""
    headers = Headers()
    headers.set("Content-Disposition", "attachment", filename=f"{service}.log")
    return headers


def whole_log(path: Path, only: Wanted) -> Iterator[str]:
    """A log's wanted lines, the oldest first, with those of the files that it was rotated into; in parts."""
    part, size = [], 0
    for text in every_line(path, only):
        part.append(text)
        size += len(text) + 1
        if size >= _CHUNK_CHARS:
            yield "\n".join([*part, ""])
            part, size = [], 0
    yield "\n".join([*part, ""])
