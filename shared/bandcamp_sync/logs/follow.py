"""Follows logs as they grow, across rotation, as `tail -F` does, and from any place that somebody had read up to."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bandcamp_sync.logs.family import Line, OpenLog, Place, Position, log_files, next_file, opened_family
from bandcamp_sync.logs.line import EVERYTHING, MAX_LINE_BYTES, Wanted
from bandcamp_sync.logs.watch import Watch

_BLOCK_BYTES = 64 * 1024
#: What one look reads of one log at most, so that a flood in one does not keep the others, or memory, waiting.
_LOOK_BYTES = 1024 * 1024


class Follower:
    """The lines of every log in a folder that come behind a position. Close it, or use it as a context manager.

    A log that is not in the position is read from its start. `only`: of this service alone.
    """

    def __init__(self, folder: Path, position: Position, wanted: Wanted = EVERYTHING, only: str | None = None) -> None:
        self._folder, self._wanted, self._only = folder, wanted, only
        self._logs: dict[str, _Followed] = {}
        self._unopened = dict(position.places)
        self._calm: int | None = None
        self._open()

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for log in self._logs.values():
            log.close()
        self._logs = {}

    def look(self) -> list[Line]:
        """The wanted lines that came since the last look, log by log; of a flood the first part."""
        self._open()
        return [line for log in self._logs.values() for line in log.lines(self._wanted)]

    def news(self, watch: Watch) -> list[Line]:
        """The same as `look`, but that no log is touched while `watch`, of the same folder, tells of no change since a
        look that found nothing to read."""
        mark = watch.mark()
        if mark == self._calm:
            return []
        before = self._reached()
        came = self.look()
        # What is read may hold no line that is wanted, or no whole one, and still there may be more behind it.
        self._calm = mark if self._reached() == before else None
        return came

    def _reached(self) -> list[tuple[object, ...]]:
        return [log.reached() for log in self._logs.values()]

    @property
    def position(self) -> Position:
        """Up to where it has read: behind the last line, wanted or not."""
        places = {name: log.place() for name, log in self._logs.items()}
        known = {name: place for name, place in places.items() if place is not None}
        return Position({**self._unopened, **known}, int(time.time()))

    def _open(self) -> None:
        for name, path in log_files(self._folder).items():
            if name not in self._logs and self._only in (None, name):
                self._logs[name] = _Followed(name, path, self._unopened.pop(name, None))


class _Followed:
    """One log. A file is read to its end before the one that came after it is opened."""

    def __init__(self, name: str, path: Path, place: Place | None) -> None:
        self._name, self._path = name, path
        self._log: OpenLog | None = None
        self._former: tuple[OpenLog, int] | None = None
        self._read_to = self._whole_to = 0  # offsets: of what was read, and behind the last line that has an end
        self._rest = b""
        with suppress(OSError):
            self._begin(place)

    def close(self) -> None:
        for log in (self._log, self._former[0] if self._former else None):
            if log is not None:
                log.close()
        self._log = self._former = None

    def place(self) -> Place | None:
        return self._log.place(self._whole_to) if self._log is not None else None

    def reached(self) -> tuple[object, ...]:
        """What differs when something was read, or is still to be read of a file that was moved."""
        return (self._log and self._log.identity, self._read_to, self._former is not None)

    def lines(self, wanted: Wanted) -> Iterator[Line]:
        """The wanted ones that came. A log that cannot be read now is looked at again."""
        with suppress(OSError):
            if self._log is None:
                self._begin(None)
            yield from self._late(wanted)
            yield from self._news(wanted)

    def _begin(self, place: Place | None) -> None:
        with opened_family(self._path) as family:
            held = [log for log in family if place is not None and log.holds(place)]
            if held and place is not None:
                self._log = held[0].again()
                self._at(place.offset)
            elif family:
                self._log = family[0].again()
                self._at(0)

    def _at(self, offset: int) -> None:
        self._read_to = self._whole_to = offset
        self._rest = b""

    def _news(self, wanted: Wanted) -> Iterator[Line]:
        left = _LOOK_BYTES
        while self._log is not None and left > 0:
            if self._log.size() < self._read_to:
                self._log.forget()
                self._at(0)  # it was cut short in place: everything in it is new
            # Whether it was moved is asked first, so that what came before the move is read below.
            newer = next_file(self._path, self._log)
            came = self._log.read(self._read_to, _BLOCK_BYTES)
            left -= len(came)
            if came:
                yield from self._take(self._log, came, wanted)
                if newer is not None:
                    newer.close()
            elif newer is not None:
                yield from self._go_on(newer, wanted)
            else:
                return

    def _take(self, log: OpenLog, came: bytes, wanted: Wanted) -> Iterator[Line]:
        """The whole lines that `came` ends; what is left waits for its end."""
        *whole, rest = came.split(b"\n")
        look = bool(whole) and wanted.may_lie_in(self._rest + came)
        for raw in whole:
            self._whole_to = self._read_to = self._read_to + len(raw) + 1
            line, self._rest = self._rest + raw, b""
            if look and (text := wanted.shown(line)) is not None:
                yield Line(self._name, text, log.place(self._whole_to))
        self._read_to += len(rest)
        self._rest = (self._rest + rest)[: MAX_LINE_BYTES + 1]

    def _go_on(self, newer: OpenLog, wanted: Wanted) -> Iterator[Line]:
        """The file has come to its end, and so has a last line that had none."""
        rest, former = self._rest, self._former
        if former is not None:
            former[0].close()
        self._former = (self._log, self._read_to) if self._log is not None else None
        self._log = newer
        self._at(0)
        if rest and (text := wanted.shown(rest)) is not None:
            yield Line(self._name, text, newer.place(0))

    def _late(self, wanted: Wanted) -> Iterator[Line]:
        """RACE: a line may land in a file just after it was moved (see `rotation`); it is given a look's time."""
        if self._former is None or self._log is None:
            return
        (log, offset), self._former = self._former, None
        came = log.read(offset, _LOOK_BYTES)
        log.close()
        for raw in came.splitlines():
            if (text := wanted.shown(raw)) is not None:
                yield Line(self._name, text, self._log.place(self._whole_to))
