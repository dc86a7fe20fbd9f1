"""Audio that lies about itself, or that costs far more than it weighs."""

import struct
import zlib

from unit.factories import sound


def wav(seconds: float = 0.05) -> bytes:
    """Honest music."""
    return sound(seconds)


def _synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 127 for shift in (21, 14, 7, 0))


def mp3_frames(count: int = 20) -> bytes:
    """Layer III frames of silence at 128 kbit/s and 44.1 kHz."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * count


def tag_bomb(megabytes: int = 1024) -> bytes:
    """An MP3 whose title is so many megabytes of nothing, packed a thousandfold."""
    squeeze = zlib.compressobj(9)
    packed = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeeze.flush()
    body = _synchsafe(len(packed)) + packed
    frame = b"TIT2" + _synchsafe(len(body)) + struct.pack(">H", 0x0009) + body
    return b"ID3\x04\0\0" + _synchsafe(len(frame)) + frame + mp3_frames()


def _bits(*pairs: tuple[int, int]) -> bytes:
    """(value, width) pairs as bytes, the last one filled up with zeros."""
    value = width = 0
    for number, bits in pairs:
        value, width = value << bits | number, width + bits
    spare = -width % 8
    return (value << spare).to_bytes((width + spare) // 8, "big")


def _crc(data: bytes, polynomial: int, width: int) -> int:
    crc, top = 0, 1 << (width - 1)
    for byte in data:
        crc ^= byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & ((1 << width) - 1)
    return crc


def flac(frames: int, block: int = 65535, channels: int = 8, rate: int = 44100, samples: int | None = None) -> bytes:
    """Digital silence as FLAC packs it: each frame of `block` samples takes some twenty bytes. No MD5.

    `rate` and `samples` are what the header says.
    """
    said = frames * block if samples is None else samples
    info = _bits(
        (block, 16), (block, 16), (0, 24), (0, 24), (rate, 20), (channels - 1, 3), (15, 5), (said, 36)
    ) + bytes(16)
    subframe = _bits((0, 1), (0, 6), (0, 1), (0, 16))
    head = b"fLaC" + bytes([0x80]) + len(info).to_bytes(3, "big") + info
    made = bytearray(head)
    for number in range(frames):
        header = b"\xff\xf8" + _bits((7, 4), (0, 4), (channels - 1, 4), (4, 3), (0, 1)) + _utf8(number)
        header += (block - 1).to_bytes(2, "big")
        header += bytes([_crc(header, 0x07, 8)])
        frame = header + subframe * channels
        made += frame + _crc(frame, 0x8005, 16).to_bytes(2, "big")
    return bytes(made)


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else b"\xf4\x8f\xbf\xbf"


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def mp4(samples: int, codec: bytes = b"sowt", chunks: int = 8) -> bytes:
    """An MP4 of a few hundred bytes whose tables speak of so many samples."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = struct.pack(">5I", 0, 0, 0, 1000, 1000) + struct.pack(">IH10x", 0x10000, 0x100) + matrix + bytes(24)
    tkhd = struct.pack(">5I", 7, 0, 0, 1, 0) + struct.pack(">I8x4H", 1000, 0, 0, 0x100, 0) + matrix + bytes(8)
    entry = bytes(6) + struct.pack(">H8x4HI", 1, 2, 16, 0, 0, 44100 << 16)
    tables = (
        _box(b"stsd", struct.pack(">II", 0, 1) + _box(codec, entry)),
        _box(b"stts", struct.pack(">4I", 0, 1, samples, 1)),
        _box(b"stsc", struct.pack(">5I", 0, 1, 1, max(1, samples // chunks), 1)),
        _box(b"stsz", struct.pack(">3I", 0, 1, samples)),
        _box(b"stco", struct.pack(">II", 0, chunks) + struct.pack(f">{chunks}I", *range(100, 100 + chunks))),
    )
    data = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1) + _box(b"url ", struct.pack(">I", 1))))
    minf = _box(b"minf", _box(b"smhd", bytes(8)) + data + _box(b"stbl", b"".join(tables)))
    mdhd = _box(b"mdhd", struct.pack(">5I2H", 0, 0, 0, 44100, 44100, 0x55C4, 0))
    hdlr = _box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun") + b"x\0")
    trak = _box(b"trak", _box(b"tkhd", tkhd) + _box(b"mdia", mdhd + hdlr + minf))
    moov = _box(b"moov", _box(b"mvhd", mvhd + struct.pack(">I", 2)) + trak)
    return _box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom") + moov + _box(b"mdat", bytes(64))


def png(width: int, height: int) -> bytes:
    """A picture of this size, all black, packed a thousandfold; only its first megabyte of pixels is there."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(min(1 << 20, height * (width * 3 + 1))), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
