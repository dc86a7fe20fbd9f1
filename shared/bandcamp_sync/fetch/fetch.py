"""Fetch one release: from a link to whole, decoded files in a workspace, through every fault that a line can have.

What is whole stays whole: after a break (of the line, of this process, of the machine) an archive goes on at its first
missing member, a bare file at its next byte. A server that ignores ranges, or has another file now, costs a new start.
"""

import logging
import os
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import requests

from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import (
    ArchiveBroken,
    BadAudio,
    Challenged,
    ItemTrouble,
    LinkStale,
    RateLimited,
    Reason,
    RedirectRefused,
    TransferBroken,
)
from bandcamp_sync.fetch.directory import TAIL_BYTES, Entry, TailTooShort, read_directory
from bandcamp_sync.fetch.ending import MOST_OF_END, PassingEnd, missing_runs, read_directory_of
from bandcamp_sync.fetch.journal import Member, Workspace
from bandcamp_sync.fetch.judge import (
    CutOff,
    NotReadyYet,
    RangeRefused,
    ShownExpired,
    body,
    judge,
    reauthentication,
    served_range,
)
from bandcamp_sync.fetch.limits import LIMITS, ArchiveRefused, is_encrypted, too_many
from bandcamp_sync.fetch.unpack import MemberDamaged, NeedsWholeArchive, guarded, unpack, unpack_file
from bandcamp_sync.fetch.version import checks_itself, is_same, mark, strong_tag
from bandcamp_sync.library.apart import examine
from bandcamp_sync.library.audio_kind import is_audio, sniff
from bandcamp_sync.library.names import file_name
from bandcamp_sync.machine import local_cause

log = logging.getLogger(__name__)

#: Tries without any progress before the attempt is given up.
_TRIES = 5
#: How long an encoder that answers 503 is waited for.
_ENCODER_PATIENCE_S = 30.0
#: Beyond a member's end: the longest data descriptor, and the next header's mark that proves its length.
_OVERLAP = 64


@dataclass(frozen=True)
class Link:
    """A file's address now. `announced`: its size by the download page, in bytes, rounded; None when not said."""

    url: str
    announced: int | None = None

    def __repr__(self) -> str:
        return "Link(***)"


class Fetcher:
    """One release on its way. `resolve` gives a fresh link; `notice(done, total, came)` hears of bytes that came."""

    def __init__(
        self,
        bandcamp: Bandcamp,
        space: Workspace,
        resolve: Callable[[], Link],
        clock: Clock,
        notice: Callable[[int, int | None, int], None],
    ) -> None:
        self.bandcamp, self.space, self._resolve, self._clock, self._notice = (
            bandcamp,
            space,
            resolve,
            clock,
            notice,
        )
        self._settings_link = f"{bandcamp.base}/settings"
        self._came = self._done_before = 0
        self._fruitless = self._refusals = 0
        self._waited_s, self._cleared = 0.0, False
        self._most, self._unfit = LIMITS.most_bytes(None), 0
        self._damaged: set[int] = set()

    def fetch(self) -> list[Member]:
        """The release's files, whole and decoded, in the order of the archive.

        Raises ItemTrouble when it cannot be had now, BandcampTrouble, LocalTrouble, Stopped, LeaseLost.
        """
        link = self._resolve()
        while True:
            before = self._whole()
            try:
                self._once(link)
                self._check_audio()
                return sorted(self.space.journal.members, key=lambda m: m.ordinal)
            except RedirectRefused as error:
                raise ItemTrouble(Reason.OTHER, str(error)) from None
            except NotReadyYet:
                self._wait_for_encoder()
            except (RateLimited, Challenged) as error:
                self._after_refusal(error)
            except (TransferBroken, LinkStale, ArchiveBroken, BadAudio) as error:
                link = self._after_setback(error, link, self._whole() > before)
            except requests.RequestException as error:
                if (cause := local_cause(error)) is not None:
                    raise cause from None
                link = self._after_setback(TransferBroken("the file server cannot be reached"), link, False)

    def _wait_for_encoder(self) -> None:
        pause_s = min(2.0 ** (self._waited_s // 4), 8.0)
        self._waited_s += pause_s
        if self._waited_s > _ENCODER_PATIENCE_S:
            raise NotReadyYet
        self._clock.sleep(pause_s)

    def _after_refusal(self, error: RateLimited | Challenged) -> None:
        """Trouble that is not the item's: the wait for a limit is at the gate, for everyone; a challenge is passed."""
        self._refusals += 1
        if self._refusals >= _TRIES or (isinstance(error, Challenged) and self._cleared):
            raise error
        if isinstance(error, Challenged):
            self._cleared = True
            self.bandcamp.transport.clear_challenge()

    def _after_setback(self, trouble: ItemTrouble, link: Link, progressed: bool) -> Link:
        """Wait a little; the link to go on with. Raises the trouble when trying again has not helped."""
        if isinstance(trouble, ArchiveRefused):
            self.space.start_again()
            progressed = False  # what was unpacked of it is gone again
        damage = (BadAudio, ArchiveBroken, MemberDamaged)
        self._unfit += isinstance(trouble, damage)
        again = self._fruitless > 0
        self._fruitless = 0 if progressed else self._fruitless + 1
        if isinstance(trouble, ShownExpired) and again:
            raise reauthentication(trouble.settings_link)
        limit = 3 if isinstance(trouble, damage) else _TRIES
        # The same track damaged twice was damaged before it was sent.
        is_same = isinstance(trouble, MemberDamaged) and trouble.ordinal in self._damaged
        if isinstance(trouble, MemberDamaged):
            self._damaged.add(trouble.ordinal)
        # Counted apart: what comes in pieces and is bad each time is no progress, however much of it comes.
        unfit = self._unfit >= (2 if isinstance(trouble, ArchiveRefused) else 4)
        if self._fruitless >= limit or unfit or is_same or (isinstance(trouble, CutOff) and again):
            raise trouble
        log.warning("%s; going on", trouble.sentence)
        self._clock.sleep(min(0.25 * 2**self._fruitless, 8.0) * random.uniform(0.8, 1.2))
        return self._resolve() if isinstance(trouble, LinkStale) else link

    # --- one request's worth --------------------------------------------------------------------------------------

    def _once(self, link: Link) -> None:
        self._most = LIMITS.most_bytes(link.announced)
        try:
            try:
                self._next_step(link)
            except NeedsWholeArchive:
                log.info("this archive does not unpack while it streams; fetching it whole")
                self.space.start_again()
                self.space.note(kind="archive")
                self._go_on_part(link)
        except RangeRefused:
            # Of the whole file, which was all that was asked for.
            raise TransferBroken("the file server gives another part than was asked for") from None

    def _next_step(self, link: Link) -> None:
        journal = self.space.journal
        if journal.kind == "zip" and journal.members and journal.total:
            try:
                self._go_on_zip(link, journal.total)
                return
            except RangeRefused:
                self.space.note(total=None)
        elif journal.kind in ("bare", "archive"):
            if journal.kind == "bare" and journal.members:
                return
            try:
                self._go_on_part(link)
                return
            except RangeRefused:
                self.space.start_again()
        self._from_start(link)

    def _from_start(self, link: Link) -> None:
        with self.bandcamp.open_file(link.url) as response:
            judge(response, self._settings_link)
            _, total = served_range(response)
            self._came, self._done_before = 0, 0
            chunks = self._watched(body(response), total)
            head = next(chunks, b"")
            kind = sniff(head)
            if kind is None:
                raise LinkStale("what came is neither an archive nor audio")
            if kind != "zip":
                self.space.start_again()
                self.space.note(kind="bare", total=total, etag=strong_tag(response), mark=mark(response))
                self._write_part(_chain(head, chunks), 0, total)
                self._take_bare(link)
                return
            if is_encrypted(head):
                raise ArchiveRefused("the archive is encrypted")
            if self.space.journal.kind != "zip":
                self.space.note(kind="zip")
            self.space.note(total=total, etag=strong_tag(response))
            tail = PassingEnd()
            try:
                unpack(tail.watched(_chain(head, chunks)), self.space, 0, None)
            except TransferBroken:
                # A Content-Length that lies shows as an early end although every byte came.
                if not self._is_whole(tail.bytes, tail.size):
                    raise
            self._settle(read_directory_of(tail.bytes, tail.size))

    def _go_on_zip(self, link: Link, total: int) -> None:
        """Fetch what an archive's directory has and the journal has not."""
        entries = self._fetch_directory(link, total)
        for run in missing_runs(entries, self.space.journal.members):
            end = min(run[-1].end + _OVERLAP, total) - 1
            with self.bandcamp.open_file(link.url, f"{run[0].start}-{end}", self.space.journal.etag) as response:
                judge(response, self._settings_link)
                first, whole = served_range(response)
                if first != run[0].start or whole != total:
                    raise RangeRefused
                self._came, self._done_before = 0, run[0].start
                unpack(self._watched(body(response), total), self.space, run[0].ordinal, run)
        self._settle(entries)

    def _fetch_directory(self, link: Link, total: int) -> list[Entry]:
        wanted = TAIL_BYTES
        for _ in range(3):
            start = max(0, total - wanted)
            with self.bandcamp.open_file(link.url, f"{start}-{total - 1}", self.space.journal.etag) as response:
                judge(response, self._settings_link)
                first, whole = served_range(response)
                if first == start and whole not in (None, total) and is_same(response, self.space.journal.etag):
                    # The same file by its strong tag: its Content-Length had lied.
                    self.space.note(total=whole)
                    raise TransferBroken("the file has another size than was said")
                if first != start or whole != total or response.status_code != 206:
                    raise RangeRefused
                tail = _at_most(body(response), total - start)
            try:
                return read_directory(tail, total)
            except TailTooShort as error:
                wanted = error.wanted
                if wanted > MOST_OF_END:
                    raise ArchiveRefused(too_many()) from None
            except ArchiveRefused:
                raise
            except ArchiveBroken:
                raise RangeRefused from None
        raise RangeRefused

    def _settle(self, entries: list[Entry]) -> None:
        """The journal must hold exactly what the directory lists. Raises TransferBroken otherwise."""
        wanted = {e.ordinal: e for e in entries if not e.is_folder}
        strangers = [
            m
            for m in self.space.journal.members
            if m.ordinal not in wanted
            or (m.name, m.size, m.crc) != (wanted[m.ordinal].name, wanted[m.ordinal].size, wanted[m.ordinal].crc)
        ]
        if strangers:
            self.space.drop(strangers)
        if missing_runs(entries, self.space.journal.members):
            raise TransferBroken("the archive arrived incomplete")
        if not wanted:
            raise ArchiveBroken("the archive is empty")

    def _is_whole(self, tail: bytes, size: int) -> bool:
        try:
            return not missing_runs(read_directory_of(tail, size), self.space.journal.members)
        except (TransferBroken, ArchiveBroken):
            return False

    # --- bare files and whole archives ----------------------------------------------------------------------------

    def _go_on_part(self, link: Link) -> None:
        part, journal = self.space.part, self.space.journal
        have = part.stat().st_size if part.exists() else 0
        if have and journal.kind == "bare" and not journal.mark and not checks_itself(part):
            # Nothing would ever tell that the rest is another file's: neither the server nor the music does.
            have = 0
        if journal.total is None or have != journal.total:
            wanted_range = f"{have}-" if have else None
            with self.bandcamp.open_file(link.url, wanted_range, journal.etag) as response:
                judge(response, self._settings_link)
                first, total = served_range(response)
                changed = journal.total is not None and total not in (None, journal.total)
                if first not in (0, have) or (first and (changed or mark(response) != journal.mark)):
                    raise RangeRefused
                if first == 0:
                    self.space.note(total=total, etag=strong_tag(response), mark=mark(response))
                self._came, self._done_before = 0, first
                self._write_part(self._watched(body(response), total), first, total)
        if self.space.journal.kind == "archive":
            self._take_archive()
        else:
            self._take_bare(link)

    def _write_part(self, chunks: Iterable[bytes], start: int, total: int | None) -> None:
        with guarded(self.space.folder), self.space.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            try:
                for chunk in chunks:
                    file.write(chunk)
            finally:
                file.flush()
                os.fsync(file.fileno())
            size = file.tell()
        if total is not None and size != total:
            raise TransferBroken("the download ended early")

    def _take_bare(self, link: Link) -> None:
        part = self.space.part
        with part.open("rb") as file:
            kind = sniff(file.read(64))
        if kind is None or kind == "zip":
            self.space.start_again()
            raise LinkStale("what came is no audio file")
        digest, crc, size = sha256(), 0, 0
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                crc, size = zlib.crc32(piece, crc), size + len(piece)
        if self.space.journal.total is None and link.announced and size < link.announced / 2:
            # Nobody said how long the file is, and it is suspiciously short; twice the same size is believed.
            seen = self.space.folder / "short"
            if not seen.exists() or seen.read_text() != str(size):
                seen.write_text(str(size))
                part.unlink()
                raise TransferBroken("the download is far smaller than announced")
        target = self.space.folder / f"m0000.{kind}"
        part.rename(target)
        name = f"{target.stem}.{kind}"
        self.space.add(Member(ordinal=0, name=name, file=target.name, size=size, crc=crc, sha256=digest.hexdigest()))

    def _take_archive(self) -> None:
        try:
            unpack_file(self.space.part, self.space)
        except ArchiveBroken:
            self.space.start_again()
            raise
        with suppress(OSError):
            self.space.part.unlink()

    # --- small things ---------------------------------------------------------------------------------------------

    def _check_audio(self) -> None:
        """Decode every audio file to its end; what does not decode is dropped and fetched again."""
        audio = {self.space.folder / m.file: m for m in self.space.journal.members if is_audio(file_name(m.name))}
        problems = examine(list(audio), self._clock)
        bad = [(audio[path], BadAudio(file_name(audio[path].name), problem)) for path, problem in problems.items()]
        if bad:
            self.space.drop([member for member, _ in bad])
            if self.space.journal.kind != "zip":
                self.space.start_again()
            raise bad[0][1]
        if not audio:
            self.space.start_again()
            raise ArchiveBroken("the archive holds no audio")

    def _whole(self) -> int:
        """Progress: bytes that are on disk for good."""
        part = self.space.part
        return sum(m.size for m in self.space.journal.members) + (part.stat().st_size if part.exists() else 0)

    def _watched(self, chunks: Iterable[bytes], total: int | None) -> Iterator[bytes]:
        for chunk in chunks:
            self._clock.check()
            self._came += len(chunk)
            if max(self._done_before + self._came, total or 0) > self._most:
                raise ArchiveRefused("the download is far larger than its page announced")
            self._notice(self._done_before + self._came, total, len(chunk))
            yield chunk


def _at_most(chunks: Iterable[bytes], size: int) -> bytes:
    """All of them joined, when they are not longer than was asked for. Raises RangeRefused."""
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) > size:
            raise RangeRefused
    return bytes(found)


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
