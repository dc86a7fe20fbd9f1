"""A small picture from a large one, by FFmpeg inside this process. Made for bytes that nobody vouches for."""

import logging
from fractions import Fraction

import av
import av.logging

from bandcamp_sync.pictures import PNG, picture_size

log = logging.getLogger(__name__)

# FFmpeg prints to the terminal by itself unless it is told not to.
av.logging.set_level(None)

#: Pixels a side: what Bandcamp itself calls its small size (suffix `_9`).
SIDE = 210
MAX_BYTES = 16 << 20
_MAX_PIXELS = 25_000_000
#: Each scan of a progressive JPEG costs a pass over all its pixels, however few bytes it has.
_SCAN, _MAX_SCANS = b"\xff\xda", 100
_QUALITY = 4  # FFmpeg's scale from 2, the best, to 31; about ten kilobytes


def small_jpeg(content: bytes) -> bytes | None:
    """A JPEG of at most `SIDE` pixels a side from a JPEG or PNG; None for what cannot be one, or is far too large."""
    size = picture_size(content)
    if size is None or size[0] * size[1] > _MAX_PIXELS or len(content) > MAX_BYTES:
        return None
    if content.count(_SCAN) > _MAX_SCANS and not content.startswith(PNG):
        return None
    try:
        frame = _decoded(content)
        return None if frame is None else _encoded(frame)
    except Exception as error:  # PyAV raises many kinds, and whatever is wrong with it, there is no picture
        log.debug("a picture of %d×%d does not decode (%s)", *size, type(error).__name__)
        return None


def _decoded(content: bytes) -> av.VideoFrame | None:
    # Straight to the decoder: a demuxer is not needed, and would be one more that reads strangers' bytes.
    name = "png" if content.startswith(PNG) else "mjpeg"
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    # The header was asked already, but a picture may hold more than one. (FFmpeg counts a margin in.)
    decoder.options = {"max_pixels": str(_MAX_PIXELS + _MAX_PIXELS // 4), "err_detect": "crccheck+buffer+explode"}
    frames = [*decoder.decode(av.Packet(content)), *decoder.decode(None)]
    return frames[0] if frames else None


def _encoded(frame: av.VideoFrame) -> bytes:
    scale = min(1.0, SIDE / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(width, height, "yuvj420p", interpolation="AREA")
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 1), 1
    encoder.qmin = encoder.qmax = _QUALITY
    small.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
