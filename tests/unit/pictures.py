"""Pictures of one colour, and what they look like once they are decoded."""

import struct
import zlib

import av
from bandcamp_sync.pictures import PNG

Colour = tuple[int, int, int]


def png(width: int, height: int, colour: Colour = (200, 30, 90)) -> bytes:
    """A PNG with an alpha channel."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = (b"\0" + bytes((*colour, 255)) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg_colours(content: bytes) -> list[Colour]:
    """Every pixel of a JPEG, row by row."""
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frame = [*decoder.decode(av.Packet(content)), *decoder.decode(None)][0].reformat(format="rgb24")
    plane, pixels = frame.planes[0], bytes(frame.planes[0])
    rows = (pixels[plane.line_size * y :][: frame.width * 3] for y in range(frame.height))
    return [(row[at], row[at + 1], row[at + 2]) for row in rows for at in range(0, len(row), 3)]
