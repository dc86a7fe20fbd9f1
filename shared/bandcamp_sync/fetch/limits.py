"""How much an archive may ask of this machine before it is taken for an attack. Pure.

Archives come from artists' uploads through Bandcamp, so each is a stranger's. The limits refuse what no album can be
and nothing that an album may be:

- A directory of 2,000 entries and 1 MiB: albums have a few hundred tracks at most.
- 20 times what came, over all, and 1,100 times for one entry (deflate cannot do more for an honest one), but 512 MiB
  without any question: music hardly compresses, yet fifty minutes of digital silence as a WAV do, a thousandfold.
- Twice the size that the download page announced and 1 GiB more (the page rounds, and covers are not in its figure);
  100 GiB where nothing is announced. That is of bytes on the line, so no server can fill the disk by never ending.
- No links, devices, sockets; no encryption; no entries that share bytes (one local file listed a thousand times).

A refused archive is asked for once more, as a bit that flipped on its way can look like any of these; then the purchase
fails with the sentence of `ArchiveRefused`. What has been unpacked of it is removed.
"""

import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bandcamp_sync.errors import ArchiveBroken

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 9, zipfile.ZIP_BZIP2)  # 9 is deflate64
_ENCRYPTED = 1
_UNIX = 3
_LOCAL_HEADER_BYTES = 30


class ArchiveRefused(ArchiveBroken):
    """An archive that must not be unpacked, however well it arrived."""


@dataclass(frozen=True)
class Limits:
    """See above. Sizes in bytes."""

    entries: int = 2000
    directory: int = 1 << 20
    ratio: int = 20
    entry_ratio: int = 1100
    floor: int = 512 << 20
    announced_times: int = 2
    announced_room: int = 1 << 30
    unannounced: int = 100 << 30

    def most_bytes(self, announced: int | None) -> int:
        """How many bytes a download may have that the page announced with this size."""
        return self.unannounced if announced is None else announced * self.announced_times + self.announced_room


LIMITS = Limits()


class Budget:
    """What one archive may still have: `came` counts what goes in, `unpacked` and `entry` what comes out."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._came = self._unpacked = self._entries = self._names = 0

    def came(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The archive's own bytes, counted."""
        for chunk in chunks:
            self._came += len(chunk)
            yield chunk

    def skip(self, size: int) -> None:
        """So many bytes of the archive lie here already."""
        self._came += size

    def entry(self, name: bytes | str, ordinal: int) -> None:
        """One more entry. Raises ArchiveRefused."""
        self._names += len(name)
        if ordinal >= self._limits.entries or self._names > self._limits.directory:
            raise ArchiveRefused(too_many(self._limits))

    def unpacked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The content of one entry, counted. Raises ArchiveRefused."""
        size, before = 0, self._came
        for piece in pieces:
            size += len(piece)
            self._unpacked += len(piece)
            # What came for this entry may have been read a chunk ahead; the floor covers that.
            if size > self._limits.floor + (self._came - before) * self._limits.entry_ratio:
                raise ArchiveRefused("one file of the archive unpacks to far more than any music does")
            if self._unpacked > self._limits.floor + self._came * self._limits.ratio:
                raise ArchiveRefused(f"the archive unpacks to more than {self._limits.ratio} times its size")
            yield piece


def is_encrypted(head: bytes) -> bool:
    """Whether an archive that begins so has a first file that is encrypted, by that file's own flags."""
    return head[:4] == b"PK\x03\x04" and len(head) > 7 and bool(int.from_bytes(head[6:8], "little") & _ENCRYPTED)


def too_many(limits: Limits = LIMITS) -> str:
    """The sentence for an archive with too long a list of content."""
    return f"the archive holds more than {limits.entries} files, or names too long for any"


def check_directory(stored: Sequence[zipfile.ZipInfo], end: int, limits: Limits = LIMITS) -> None:
    """Raise ArchiveRefused for what no album's archive lists. `stored`: in the order of their places; `end`: where
    the last one must have ended.
    """
    if len(stored) > limits.entries:
        raise ArchiveRefused(too_many(limits))
    starts = [*(info.header_offset for info in stored), end][1:]
    for info, following in zip(stored, starts, strict=True):
        if not info.orig_filename or "\0" in info.orig_filename:
            raise ArchiveRefused("a file of the archive has no name that all programs read alike")
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveRefused("the archive is encrypted")
        if info.compress_type not in _METHODS:
            raise ArchiveRefused(f"the archive is packed in a way that is not known (method {info.compress_type})")
        if info.create_system == _UNIX and not _is_plain(info.external_attr >> 16):
            raise ArchiveRefused("the archive holds a link or another special file")
        if info.header_offset < 0 or info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > following:
            raise ArchiveRefused("files of the archive overlap")
        if info.file_size > limits.floor + info.compress_size * limits.entry_ratio:
            raise ArchiveRefused("one file of the archive unpacks to far more than any music does")
    unpacked, packed = sum(i.file_size for i in stored), sum(i.compress_size for i in stored)
    if unpacked > limits.floor + packed * limits.ratio:
        raise ArchiveRefused(f"the archive unpacks to more than {limits.ratio} times its size")


def _is_plain(mode: int) -> bool:
    return stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
