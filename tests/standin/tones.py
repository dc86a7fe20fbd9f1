"""Short tones, encoded for real in every format that Bandcamp sells.

A pool of tones is shared by all tracks, so that a collection of any size costs a few hundred
small encodings at most. They are kept on disk between runs; the bytes depend on nothing but the
tone, its length, the format and the encoder's version.
"""

import array
import io
import math
import os
import random
import tempfile
import threading
from pathlib import Path

import av
from av.audio.stream import AudioStream

RATE = 44100
POOL = 40  # different tones; a track's tone is its id modulo this
_BLOCK = RATE // 4  # samples in the block that is repeated; beyond deflate's window

#: format: (encoder, container, options of the encoder, bit rate)
_ENCODERS: dict[str, tuple[str, str, dict[str, str], int | None]] = {
    "flac": ("flac", "flac", {}, None),
    "mp3-v0": ("libmp3lame", "mp3", {"q": "0", "compression_level": "7"}, None),
    "mp3-320": ("libmp3lame", "mp3", {"compression_level": "7"}, 320_000),
    "mp3-128": ("libmp3lame", "mp3", {"compression_level": "7"}, 128_000),
    "aac-hi": ("aac", "ipod", {}, 256_000),
    "alac": ("alac", "ipod", {}, None),
    "vorbis": ("vorbis", "ogg", {"strict": "experimental"}, None),
    "wav": ("pcm_s16le", "wav", {}, None),
    "aiff-lossless": ("pcm_s16be", "aiff", {}, None),
}

_locks = [threading.Lock() for _ in range(16)]


def cache_folder() -> Path:
    """Where encoded tones and covers are kept: $STANDIN_CACHE, or a folder of this user's."""
    chosen = os.environ.get("STANDIN_CACHE")
    folder = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"standin-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def store(path: Path, data: bytes) -> None:
    """Write `data` so that another process never reads half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    part.write_bytes(data)
    part.replace(path)


def tone(tone_id: int, seconds: float, fmt: str) -> bytes:
    """The untagged audio file of one tone, from the cache where it has been made before."""
    millis = round(seconds * 1000)
    path = cache_folder() / f"tone-av{av.__version__}-v3-{tone_id % POOL}-{millis}.{fmt}"
    with _locks[hash((tone_id % POOL, millis, fmt)) % len(_locks)]:
        if path.exists():
            return path.read_bytes()
        data = _encode(_samples(tone_id % POOL, millis), fmt)
        store(path, data)
        return data


def _samples(tone_id: int, millis: int) -> bytes:
    """Interleaved stereo samples: two notes and a little noise, so that lossless files have a size.

    The noise matters: without it a lossless file would be nearly empty and a damaged byte would
    hit a header as often as the sound.
    """
    dice = random.Random(tone_id)
    low = 110.0 * 2 ** (tone_id % 24 / 12)
    high = low * (1.5 if tone_id % 2 else 1.25)
    hiss = dice.randbytes(_BLOCK)
    block = array.array("h")
    for index in range(_BLOCK):
        turn = 2 * math.pi * index / RATE
        noise = hiss[index] - 128
        block.append(int(6000 * math.sin(low * turn)) + noise)
        block.append(int(5000 * math.sin(high * turn)) - noise)
    wanted = RATE * millis // 1000 * 4
    data = block.tobytes()
    return (data * (wanted // len(data) + 1))[:wanted]


def _encode(samples: bytes, fmt: str) -> bytes:
    codec, container, options, bit_rate = _ENCODERS[fmt]
    target = io.BytesIO()
    # `bitexact` keeps dates, version strings and Ogg's random serial number out of the file.
    with av.open(target, "w", format=container, options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream(codec, rate=RATE, options=options)
        assert isinstance(stream, AudioStream)
        stream.layout = "stereo"
        if fmt == "mp3-v0":
            stream.codec_context.qscale = True
        if fmt == "alac":
            stream.codec_context.format = av.AudioFormat("s16p")
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame(format="s16", layout="stereo", samples=len(samples) // 4)
        frame.sample_rate = RATE
        frame.planes[0].update(samples)
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=RATE)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return target.getvalue()
