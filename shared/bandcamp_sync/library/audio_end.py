"""Whether an audio file has the end that its own structure announces.

Decoders forgive a missing end: a WAV simply gets shorter, an MP3 loses its last frames. The containers say
how long they are, so this follows their headers and compares with the size of the file. (FLAC needs no help:
the decoder has its number of samples.)
"""

import struct
from collections.abc import Callable
from typing import BinaryIO

from bandcamp_sync.library.mp3_frames import mp3_problem
from bandcamp_sync.library.ogg_pages import ogg_problem

_OPEN_ENDED = (0, 0xFFFFFFFF)


def missing_end(stream: BinaryIO, kind: str) -> str | None:
    """What is missing, in words, or None when the end is there or nothing announces it.

    `stream` is a whole file, `kind` what `sniff` calls it. Raises OSError when it cannot be read.
    """
    size = stream.seek(0, 2)
    check = _CHECKS.get(kind)
    return check(stream, size) if check else None


def _chunks_end(stream: BinaryIO, size: int, order: str) -> str | None:
    """RIFF and IFF: chunks of four letters, a size and that many bytes, padded to an even number."""
    stream.seek(4)
    whole = _number(stream, order)
    if whole not in _OPEN_ENDED and whole + 8 > size + 1:
        return f"it has {size} of {whole + 8} bytes"
    position = 12
    while position + 8 <= size:
        stream.seek(position)
        name, length = stream.read(4), _number(stream, order)
        if length in _OPEN_ENDED and name in (b"data", b"SSND"):
            return None
        if position + 8 + length > size:
            return f"its chunk {name!r} has {size - position - 8} of {length} bytes"
        position += 8 + length + length % 2
    return None


def _wav_end(stream: BinaryIO, size: int) -> str | None:
    stream.seek(0)
    # RF64 keeps its sizes elsewhere, and is what files over 4 GB are; FFmpeg reads these.
    return None if stream.read(4) == b"RF64" else _chunks_end(stream, size, "<")


def _aiff_end(stream: BinaryIO, size: int) -> str | None:
    return _chunks_end(stream, size, ">")


def _m4a_end(stream: BinaryIO, size: int) -> str | None:
    """MP4: boxes with a size and a name; size 1 is followed by a long size, size 0 reaches to the end."""
    position, names = 0, set()
    while position < size:
        stream.seek(position)
        header = stream.read(16)
        if len(header) < 8:
            return f"it ends inside a box at byte {position}"
        length, name = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        names.add(name)
        if length == 0:
            break
        if length < 8 or position + length > size:
            return f"its box {name!r} has {size - position} of {length} bytes"
        position += length
    return None if b"moov" in names else "its table of contents (moov) is missing"


def _number(stream: BinaryIO, order: str) -> int:
    raw = stream.read(4)
    return int(struct.unpack(f"{order}I", raw)[0]) if len(raw) == 4 else 0


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "aiff": _aiff_end,
    "m4a": _m4a_end,
    "mp3": mp3_problem,
    "ogg": ogg_problem,
    "wav": _wav_end,
}
