"""What of a release is on disk already: `staging/<key>/r-<release>/journal.json` beside the files it speaks of.

A whole member is in the journal only after its bytes are durable, so a journal never promises what a crash took.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json

log = logging.getLogger(__name__)

NAME = "journal.json"


class Member(BaseModel):
    """A whole file from an archive (or the bare file itself). `ordinal`: its place in the archive, from 0."""

    model_config = ConfigDict(frozen=True)

    ordinal: int
    name: str
    file: str
    size: int
    crc: int
    sha256: str


class Journal(BaseModel):
    """`total`: the size of what is downloaded, `etag`: its version, as far as the server says.

    `mark`: all that the server says of the version, weak tags and dates too; empty when it says nothing.
    """

    model_config = ConfigDict(frozen=True)

    format: str
    kind: Literal["zip", "bare", "archive"] | None = None
    total: int | None = None
    etag: str | None = None
    mark: str = ""
    members: tuple[Member, ...] = ()

    def has(self, ordinal: int, name: str, size: int | None = None, crc: int | None = None) -> Member | None:
        """The whole member of that place and name, if its size and CRC are what is wanted now."""
        for member in self.members:
            if member.ordinal == ordinal and member.name == name:
                fits = size in (None, member.size) and crc in (None, member.crc)
                return member if fits else None
        return None


class Workspace:
    """The folder in which one release is put together."""

    def __init__(self, folder: Path, format_name: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = self._read(format_name)

    @property
    def part(self) -> Path:
        """A file in the making: the bare file, or a whole archive."""
        return self.folder / "file.part"

    def _read(self, format_name: str) -> Journal:
        try:
            journal = Journal.model_validate(read_json(self.folder / NAME))
        except FileNotFoundError:
            return Journal(format=format_name)
        except (OSError, ValueError, ValidationError):
            log.warning("%s is unreadable; this release starts again", self.folder / NAME)
            self._clear()
            return Journal(format=format_name)
        if journal.format != format_name:
            self._clear()
            return Journal(format=format_name)
        # What is not on disk in its full size any more is not had.
        there = tuple(m for m in journal.members if _size(self.folder / m.file) == m.size)
        return journal.model_copy(update={"members": there})

    def note(self, **changes: object) -> None:
        """Change the journal, durably."""
        self.journal = self.journal.model_copy(update=changes)
        atomic.write_text(self.folder / NAME, self.journal.model_dump_json())

    def add(self, member: Member) -> None:
        """A member is whole and durable."""
        kept = tuple(m for m in self.journal.members if m.ordinal != member.ordinal)
        self.note(members=(*kept, member))

    def drop(self, members: Iterable[Member]) -> None:
        """These are no good after all."""
        bad = list(members)
        self.note(members=tuple(m for m in self.journal.members if m not in bad))
        for member in bad:
            with suppress(OSError):
                (self.folder / member.file).unlink()

    def start_again(self) -> None:
        """Forget everything of this release."""
        self._clear()
        self.journal = Journal(format=self.journal.format)

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
