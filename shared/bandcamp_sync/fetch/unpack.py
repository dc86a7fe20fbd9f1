"""Unpacking while the archive streams in: each byte is written to disk once, into the file that it belongs to."""

import errno
import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import stream_unzip

from bandcamp_sync.errors import ArchiveBroken, DiskFull, TransferBroken
from bandcamp_sync.fetch.directory import Entry
from bandcamp_sync.fetch.journal import Member, Workspace

_MAX_MEMBERS = 5000
#: Music hardly compresses; what unpacks to far more than came is a bomb.
_MAX_RATIO = 20
_ROOM = 64 << 20


class NeedsWholeArchive(Exception):
    """This archive cannot be unpacked front to back (stored members of unknown length)."""


def unpack(chunks: Iterable[bytes], space: Workspace, first: int, names: list[Entry] | None, limit: int | None) -> None:
    """Unpack members from `chunks`, which begin at member `first`, and note each whole one in the journal.

    `names`: the members that this stretch of the archive holds, None for all of it. `limit`: the archive's size in
    bytes, where it is known. Raises TransferBroken, ArchiveBroken, NeedsWholeArchive, DiskFull.
    """
    budget = _Budget(limit)
    wanted = None if names is None else len(names)
    try:
        members = stream_unzip.stream_unzip(
            chunks, chunk_size=1 << 18, allowed_encryption_mechanisms=(stream_unzip.NO_ENCRYPTION,)
        )
        done = 0
        while wanted is None or done < wanted:
            try:
                raw_name, _, content = next(members)
            except StopIteration:
                break
            ordinal, name = first + done, entry_name(raw_name)
            if ordinal >= _MAX_MEMBERS:
                raise ArchiveBroken(f"the archive holds more than {_MAX_MEMBERS} files")
            known = None if names is None else names[done]
            if known is not None and known.name != name and known.name.encode("utf-8", "replace") != raw_name:
                name = known.name
            if name.endswith("/") or space.journal.has(ordinal, name):
                for piece in content:
                    budget.take(len(piece))
            else:
                _write_member(space, ordinal, name, budget.watched(content))
            done += 1
    except stream_unzip.NotStreamUnzippable:
        raise NeedsWholeArchive from None
    except stream_unzip.TruncatedDataError:
        raise TransferBroken("the archive ended early") from None
    except stream_unzip.IntegrityError:
        raise TransferBroken("a track arrived damaged (its CRC does not fit)") from None
    except (stream_unzip.UnsupportedFeatureError, stream_unzip.PasswordError):
        raise NeedsWholeArchive from None
    except (stream_unzip.UnzipError, zlib.error):
        raise TransferBroken("the archive arrived damaged") from None


def unpack_file(archive: Path, space: Workspace) -> None:
    """Unpack a whole archive that lies on disk. Raises ArchiveBroken, DiskFull."""
    try:
        with zipfile.ZipFile(archive) as opened:
            budget = _Budget(archive.stat().st_size)
            stored = sorted(opened.infolist(), key=lambda info: info.header_offset)
            if len(stored) > _MAX_MEMBERS:
                raise ArchiveBroken(f"the archive holds more than {_MAX_MEMBERS} files")
            for ordinal, info in enumerate(stored):
                if info.is_dir() or space.journal.has(ordinal, info.filename, info.file_size, info.CRC):
                    continue
                with opened.open(info) as member:
                    _write_member(space, ordinal, info.filename, budget.watched(_pieces(member)))
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        IndexError,
    ) as error:
        raise ArchiveBroken(f"the archive is damaged ({type(error).__name__})") from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ArchiveBroken("the archive is damaged (it lacks its beginning)") from None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(1 << 18):
        yield piece


def _write_member(space: Workspace, ordinal: int, name: str, pieces: Iterable[bytes]) -> None:
    suffix = re.sub(r"[^A-Za-z0-9.]", "", Path(name).suffix)[:8]
    path = space.folder / f"m{ordinal:04d}{suffix}"
    digest, crc, size = hashlib.sha256(), 0, 0
    with guarded(space.folder), path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    space.add(Member(ordinal=ordinal, name=name, file=path.name, size=size, crc=crc, sha256=digest.hexdigest()))


class _Budget:
    """How much may still be unpacked."""

    def __init__(self, archive_size: int | None) -> None:
        self._left = None if archive_size is None else archive_size * _MAX_RATIO + _ROOM

    def take(self, size: int) -> None:
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise ArchiveBroken(f"the archive unpacks to more than {_MAX_RATIO} times its size")

    def watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.take(len(piece))
            yield piece


class guarded:
    """Turns "no space left" into DiskFull, so that every writer of large files says it the same way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            stat = os.statvfs(self._folder)
            raise DiskFull(self._folder, stat.f_bavail * stat.f_frsize, 0) from None


def entry_name(raw: bytes) -> str:
    """A member's name: UTF-8, as Bandcamp writes it, else the zip format's old code page."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")
