"""Archives written byte by byte, so that each field of a zip can say what it should not."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

_UTF_8 = 0x800
LINK = 0o120777 << 16
FIFO = 0o010644 << 16
DEVICE = 0o020644 << 16


@dataclass(frozen=True)
class Entry:
    """A file in an archive. What is None is what it should be; `local_*` is said in its own header alone."""

    name: str | bytes
    data: bytes = b""
    deflated: bool = False
    method: int | None = None
    flags: int | None = None
    attributes: int = 0o100644 << 16
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    comment: bytes = b""
    extra: bytes = b""
    local_name: str | bytes | None = None
    local_method: int | None = None
    local_size: int | None = None
    packed: bytes | None = None
    at: int | None = None  # where the directory says that it is; then it has no bytes of its own

    @property
    def raw_name(self) -> bytes:
        return _raw(self.name)

    @property
    def content(self) -> bytes:
        """Its bytes in the archive."""
        if self.packed is not None:
            return self.packed
        if not self.deflated:
            return self.data
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        return squeeze.compress(self.data) + squeeze.flush()


def build(entries: Iterable[Entry], comment: bytes = b"", count: int | None = None) -> bytes:
    """An archive of these. `count`: how many entries its end speaks of, where that is a lie."""
    body, directory = bytearray(), bytearray()
    listed = list(entries)
    for entry in listed:
        at = entry.at
        if at is None:
            at = len(body)
            body += _header(entry) + entry.content
        directory += _listed(entry, at)
    number = min(len(listed) if count is None else count, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, number, number, len(directory), len(body), len(comment))
    return bytes(body + directory + end + comment)


def _fields(entry: Entry) -> tuple[int, int, int, int, int]:
    """(flags, method, crc, packed size, size)."""
    flags = _UTF_8 if entry.flags is None else entry.flags
    method = (8 if entry.deflated or entry.packed is not None else 0) if entry.method is None else entry.method
    crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
    packed = len(entry.content) if entry.packed_size is None else entry.packed_size
    return flags, method, crc, packed, len(entry.data) if entry.size is None else entry.size


def _header(entry: Entry) -> bytes:
    flags, method, crc, packed, size = _fields(entry)
    method = method if entry.local_method is None else entry.local_method
    size = size if entry.local_size is None else entry.local_size
    name = entry.raw_name if entry.local_name is None else _raw(entry.local_name)
    fixed = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", 20, flags, method, 0, 0x21, crc, packed, size, len(name), len(entry.extra)
    )
    return fixed + name + entry.extra


def _listed(entry: Entry, at: int) -> bytes:
    flags, method, crc, packed, size = _fields(entry)
    name, told = entry.raw_name, entry.comment
    fixed = struct.pack(
        "<4s4B4H3L5H2L",
        *(b"PK\x01\x02", 20, 3, 20, 0, flags, method, 0, 0x21, crc, packed, size),
        *(len(name), len(entry.extra), len(told), 0, 0, entry.attributes, at),
    )
    return fixed + name + entry.extra + told


def _raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass")


def zeros(name: str, size: int) -> Entry:
    """`size` (a multiple of 16 MiB) zeros, packed a thousandfold, without making them all."""
    block = 16 << 20
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = squeeze.compress(bytes(block)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(size // block):
        crc = zlib.crc32(bytes(block), crc)
    ended = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return Entry(name, packed=once * (size // block) + ended, size=size, crc=crc)


def overlapping(name: str, kernel: bytes, times: int) -> bytes:
    """One local file that the directory lists `times` times."""
    one = Entry(name, kernel, deflated=True)
    return build([one, *(replace(one, name=f"{n:05d} {name}", at=0) for n in range(times))])


def quoted(name: str, kernel: bytes, times: int) -> bytes:
    """Files that lie in each other: each one's data is all later headers, quoted, and the same kernel at their end."""
    core = Entry(name, kernel, deflated=True)
    parts: list[tuple[Entry, bytes]] = [(core, _header(core))]
    packed, plain = core.content, kernel
    for number in range(times):
        header = parts[0][1]
        stored = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header
        packed, plain = stored + packed, header + plain
        outer = Entry(f"{number:05d} {name}", plain, packed=packed)
        parts.insert(0, (outer, _header(outer)))
    body = (
        b"".join(
            header
            + (
                b""
                if n == len(parts) - 1
                else struct.pack("<BHH", 0, len(parts[n + 1][1]), len(parts[n + 1][1]) ^ 0xFFFF)
            )
            for n, (_, header) in enumerate(parts)
        )
        + core.content
    )
    directory, at = bytearray(), 0
    for entry, header in parts:
        directory += _listed(entry, at)
        at += len(header) + 5
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(parts), len(parts), len(directory), len(body), 0)
    return bytes(body + directory + end)
