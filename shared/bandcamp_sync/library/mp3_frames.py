"""How long an MP3 says that it is: by LAME's first frame, else by following its frames to the end."""

import struct
from typing import BinaryIO

_XING_FRAMES, _XING_BYTES = 1, 2
_SEARCH_BYTES = 65536
# kbit/s of layer III by header value, for MPEG 1 and for MPEG 2 and 2.5; 0 is the free format.
_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = (44100, 48000, 32000)


def mp3_problem(stream: BinaryIO, size: int) -> str | None:
    """What is missing at the end of an MP3 of `size` bytes, or None. A cut exactly between two frames of a
    file without LAME's frame cannot be seen.
    """
    start = _first_frame(stream)
    if start is None:
        return None
    stream.seek(start)
    announced = _announced_bytes(stream.read(512))
    if announced is not None:
        return f"it has {size - start} of {announced} bytes" if start + announced > size else None
    return _unfinished_frame(stream, start, size)


def frame_bytes(header: bytes) -> int | None:
    """The length of the layer III frame that begins with these four bytes; None where none can begin."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or not 0 < rate < 15 or sampling == 3:
        return None
    padding = header[2] >> 1 & 1
    if version == 3:
        return 144000 * _RATES_1[rate] // _SAMPLE_RATES[sampling] + padding
    sample_rate = _SAMPLE_RATES[sampling] // (2 if version == 2 else 4)
    return 72000 * _RATES_2[rate] // sample_rate + padding


def id3_bytes(head: bytes) -> int:
    """The length of the ID3v2 tag that begins with these ten bytes, 0 for none; its size has seven bits in
    each byte.
    """
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _first_frame(stream: BinaryIO) -> int | None:
    """Where the first frame begins that another one follows, or that has LAME's words in it."""
    stream.seek(0)
    start = id3_bytes(stream.read(10))
    stream.seek(start)
    head = stream.read(_SEARCH_BYTES)
    for at in range(len(head) - 4):
        length = frame_bytes(head[at : at + 4])
        if length and (frame_bytes(head[at + length : at + length + 4]) or _announced_bytes(head[at : at + 512])):
            return start + at
    return None


def _announced_bytes(frame: bytes) -> int | None:
    """The bytes from the start of this frame to the end of the audio, by LAME's Xing or Info frame."""
    found = [at for name in (b"Xing", b"Info") if 4 <= (at := frame.find(name)) <= 36]
    if not found or len(frame) < found[0] + 16:
        return None
    flags, first, second = struct.unpack(">III", frame[found[0] + 4 : found[0] + 16])
    length = int(second if flags & _XING_FRAMES else first)
    return length if flags & _XING_BYTES and length else None


def _unfinished_frame(stream: BinaryIO, start: int, size: int) -> str | None:
    position = start
    while position < size:
        stream.seek(position)
        length = frame_bytes(stream.read(4))
        if length is None:
            return None  # a tag at the end, or something that only the decoder can judge
        if position + length > size:
            return f"its last frame has {size - position} of {length} bytes"
        position += length
    return None
