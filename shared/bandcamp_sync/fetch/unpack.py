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
from bandcamp_sync.fetch.directory import (
    TAIL_BYTES,
    Entry,
    TailTooShort,
    entry_name,
    is_folder,
    listed_name,
    read_directory,
)
from bandcamp_sync.fetch.journal import Member, Workspace
from bandcamp_sync.fetch.limits import LIMITS, ArchiveRefused, Budget, Limits, too_many


class MemberDamaged(TransferBroken):
    """What came of a member is not what its sum says. `ordinal`: its place in the archive, from 0."""

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal
        super().__init__("a track arrived damaged (its CRC does not fit)")


class NeedsWholeArchive(Exception):
    """This archive cannot be unpacked front to back (stored members of unknown length)."""


def unpack(
    chunks: Iterable[bytes], space: Workspace, first: int, names: list[Entry] | None, limits: Limits = LIMITS
) -> None:
    """Unpack members from `chunks`, which begin at member `first`, and note each whole one in the journal.

    `names`: the members that this stretch of the archive holds, None for all of it. Raises TransferBroken,
    ArchiveRefused, NeedsWholeArchive, DiskFull.
    """
    budget = Budget(limits)
    wanted, done = None if names is None else len(names), 0
    try:
        members = stream_unzip.stream_unzip(
            budget.came(chunks), chunk_size=1 << 18, allowed_encryption_mechanisms=(stream_unzip.NO_ENCRYPTION,)
        )
        while wanted is None or done < wanted:
            try:
                raw_name, _, content = next(members)
            except StopIteration:
                break
            ordinal, name = first + done, entry_name(raw_name)
            budget.entry(raw_name, ordinal)
            if names is not None and names[done].name != name:
                raise TransferBroken("what came of the archive is not what its list of content says")
            if is_folder(name) or space.journal.has(ordinal, name):
                for _ in budget.unpacked(content):
                    pass
            else:
                _write_member(space, ordinal, name, budget.unpacked(content))
            done += 1
    except stream_unzip.NotStreamUnzippable:
        raise NeedsWholeArchive from None
    except stream_unzip.TruncatedDataError:
        raise TransferBroken("the archive ended early") from None
    except stream_unzip.IntegrityError:
        raise MemberDamaged(first + done) from None
    except (stream_unzip.UnsupportedFeatureError, stream_unzip.PasswordError):
        raise NeedsWholeArchive from None
    except (stream_unzip.UnzipError, zlib.error):
        raise TransferBroken("the archive arrived damaged") from None


def unpack_file(archive: Path, space: Workspace, limits: Limits = LIMITS) -> None:
    """Unpack a whole archive that lies on disk. Raises ArchiveBroken (ArchiveRefused among them), DiskFull."""
    try:
        # Its list is read by the same limits as one that comes over the line, before zipfile reads it as a whole.
        size = archive.stat().st_size
        with archive.open("rb") as file:
            file.seek(max(0, size - limits.directory - TAIL_BYTES))
            read_directory(file.read(), size, limits)
        with zipfile.ZipFile(archive) as opened:
            budget = Budget(limits)
            budget.skip(size)
            stored = sorted(opened.infolist(), key=lambda info: info.header_offset)
            for ordinal, info in enumerate(stored):
                name = listed_name(info)
                if is_folder(name) or space.journal.has(ordinal, name, info.file_size, info.CRC):
                    continue
                with opened.open(info) as member:
                    _write_member(space, ordinal, name, budget.unpacked(_pieces(member)))
    except TailTooShort:
        raise ArchiveRefused(too_many(limits)) from None
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
