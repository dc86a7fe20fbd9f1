"""A backup's form: a tar.gz of the books behind a `Manifest`, read back with nothing taken on trust.

In it are collection.json, inbox/, control/paused, state/ and config/ (secrets included). Music, logs, debug and health
are not, nor what is worthless later: progress, locks, dot files.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bandcamp_sync.collection.item import Moment
from bandcamp_sync.errors import NotABackup
from bandcamp_sync.spool.job import State

MANIFEST = "bandcampsync-backup.json"
SCHEMA = 1
#: Bytes, unpacked, of all and of one file. The books of twenty thousand purchases are a tenth of the first.
LIMIT, FILE_LIMIT = 2_000_000_000, 128_000_000

QUARANTINE = "quarantine"
#: What is replaced whole. Of config/ a file is replaced only by one of its name.
WHOLE = ("state", "inbox", "collection.json", "control/paused")


class Manifest(BaseModel):
    """The archive's first member. `jobs`: how many by the state that they are archived in."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    version: str
    created_at: Moment
    jobs: dict[State, int]


def members(source: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file in the archive, to its very end. Raises NotABackup."""
    # Not by `tarfile`: that takes an archive that was cut off between two members for a whole one, and reads headers
    # of any size into memory.
    try:
        with gzip.GzipFile(fileobj=source) as stream:
            left = LIMIT
            while not _is_blank(header := _exactly(stream, tarfile.BLOCKSIZE)):
                member = _header(header)
                padded = -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                left -= padded + tarfile.BLOCKSIZE
                if left < 0:
                    raise NotABackup(f"it unpacks to more than {LIMIT / 1e9:.0f} GB")
                content = _exactly(stream, padded)[: member.size]
                if member.isreg():
                    yield member.name, content
            # Only at its end does gzip compare its checksum.
            while rest := stream.read(1 << 16):
                left -= len(rest)
                if left < 0 or not _is_blank(rest):
                    raise NotABackup("something follows its end")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NotABackup("it is damaged, cut off, or no tar.gz at all") from error


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _is_blank(block: bytes) -> bool:
    return block == bytes(len(block))


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise NotABackup("it is no tar archive inside") from error
    if member.name != MANIFEST and not _belongs(member.name, member.isdir()):
        raise NotABackup(f"{member.name[:100]!r} does not belong in it")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise NotABackup(f"{member.name[:100]!r} is neither a file nor a folder")
    if not 0 <= member.size <= (0 if member.isdir() else FILE_LIMIT):
        raise NotABackup(f"{member.name[:100]!r} has a size that cannot be right")
    return member


def _belongs(name: str, is_folder: bool) -> bool:
    parts = name.split("/")
    # `..`, an absolute name and our own dot files all begin with a dot or with nothing.
    if any(not part or part.startswith(".") for part in parts):
        return False
    match parts:
        case ["state" | "config", *rest]:
            return is_folder or bool(rest)
        case ["inbox", place, *rest] if place in (*State, QUARANTINE):
            return is_folder or len(rest) == 1 or (len(rest) > 1 and QUARANTINE in (place, rest[0]))
        case ["inbox" | "control"]:
            return is_folder
        case _:
            return name in WHOLE and not is_folder


def read_manifest(name: str, content: bytes) -> Manifest:
    """The archive's first member. Raises NotABackup."""
    if name != MANIFEST:
        raise NotABackup("it does not begin with a backup's list of contents")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise NotABackup("its list of contents cannot be read") from error
    if manifest.schema_version != SCHEMA:
        raise NotABackup(f"it was made by another version ({manifest.version[:20]!r})")
    return manifest
