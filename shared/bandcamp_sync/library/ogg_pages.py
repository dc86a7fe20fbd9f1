"""Walks an Ogg file page by page and compares each page's checksum (RFC 3533)."""

import struct
import zlib
from typing import BinaryIO

_HEADER_BYTES = 27
_LAST = 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_problem(stream: BinaryIO, size: int) -> str | None:
    """What is wrong with an Ogg file of `size` bytes, or None: every page is whole and right, the last is
    marked so.
    """
    position, last = 0, False
    while position < size:
        stream.seek(position)
        page = _page(stream)
        if page is None and last:
            return None  # what another program put behind the end is no audio
        if page is None:
            return f"the page at byte {position} is cut off or is no page"
        if not _is_intact(page):
            return f"the page at byte {position} has changed (CRC)"
        last = bool(page[5] & _LAST)
        position += len(page)
    return None if last else "its last page is not marked as the last"


def _page(stream: BinaryIO) -> bytes | None:
    header = stream.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"OggS"):
        return None
    lengths = stream.read(header[26])
    body = stream.read(sum(lengths))
    whole = len(lengths) == header[26] and len(body) == sum(lengths)
    return header + lengths + body if whole else None


def _is_intact(page: bytes) -> bool:
    wanted = struct.unpack("<I", page[22:26])[0]
    blank = page[:22] + bytes(4) + page[26:]
    # Ogg's CRC is zlib's with the bits the other way round, and without its inversion before and after.
    backwards = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{backwards:032b}"[::-1], 2) == int(wanted)
