"""A zip's own list of its content, read from its last bytes alone. Pure.

The directory says what an archive should hold and where each member begins; with it, a broken download goes on at the
first member that is missing, and a complete one is known to be complete.
"""

import io
import struct
import zipfile
from dataclasses import dataclass

from bandcamp_sync.errors import ArchiveBroken
from bandcamp_sync.fetch.limits import LIMITS, Limits, check_directory

#: Enough of an archive's end for the directory of a few hundred tracks.
TAIL_BYTES = 1 << 16
#: The flag that says that a name is UTF-8.
_UTF_8 = 0x800


@dataclass(frozen=True)
class Entry:
    """A member by the directory. `start`: the offset of its local header; `end`: where the next thing begins."""

    ordinal: int
    name: str
    size: int
    crc: int
    start: int
    end: int
    is_folder: bool


class _Tail(io.RawIOBase):
    """A file of which only the end is here."""

    def __init__(self, tail: bytes, total: int) -> None:
        self._tail, self._from, self._total, self._at = tail, total - len(tail), total, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._total}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._at < self._from:
            raise TailTooShort(self._total - self._at)
        start = self._at - self._from
        found = self._tail[start:] if size < 0 else self._tail[start : start + size]
        self._at += len(found)
        return found


class TailTooShort(Exception):
    """The directory begins earlier. `wanted`: how many of the last bytes are needed."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        super().__init__(wanted)


def read_directory(tail: bytes, total: int, limits: Limits = LIMITS) -> list[Entry]:
    """The members of an archive of `total` bytes that ends with `tail`, in the order in which they are stored.

    Raises TailTooShort, ArchiveRefused, or ArchiveBroken when that is no end of a zip.
    """
    try:
        with zipfile.ZipFile(_Tail(tail, total)) as archive:
            stored = sorted(archive.infolist(), key=lambda info: info.header_offset)
            directory_start = archive.start_dir
        check_directory(stored, directory_start, limits)
        starts = [info.header_offset for info in stored] + [directory_start]
        names = [listed_name(info) for info in stored]
        return [
            Entry(n, names[n], info.file_size, info.CRC, info.header_offset, starts[n + 1], is_folder(names[n]))
            for n, info in enumerate(stored)
        ]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError, struct.error) as error:
        raise ArchiveBroken(f"the archive's list of content cannot be read ({type(error).__name__})") from None


def entry_name(raw: bytes) -> str:
    """A member's name: UTF-8, as Bandcamp writes it, else the zip format's old code page."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def listed_name(info: zipfile.ZipInfo) -> str:
    """The name in the directory, read as that in the member's own header is (`zipfile` reads them in two ways)."""
    return entry_name(info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437"))


def is_folder(name: str) -> bool:
    """Whether a member of this name is a folder."""
    return name.endswith("/")
