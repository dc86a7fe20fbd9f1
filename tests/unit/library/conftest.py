"""One second of noise in every format that Bandcamp sells, made with FFmpeg."""

import random
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

RATE = 44100

# name: codec, container, sample format, options of the container, options of the codec
_SOUNDS: dict[str, tuple[str, str, str, dict[str, str], dict[str, str]]] = {
    "sixteen.flac": ("flac", "flac", "s16", {}, {}),
    "twentyfour.flac": ("flac", "flac", "s32", {}, {}),
    "constant.mp3": ("libmp3lame", "mp3", "s16p", {}, {"b": "320000"}),
    "variable.mp3": ("libmp3lame", "mp3", "fltp", {}, {"global_quality": "0", "flags": "+qscale"}),
    "unannounced.mp3": ("libmp3lame", "mp3", "s16p", {"write_xing": "0"}, {"b": "192000"}),
    "aac.m4a": ("aac", "ipod", "fltp", {"movflags": "faststart"}, {"b": "256000"}),
    "aac-late-index.m4a": ("aac", "ipod", "fltp", {}, {"b": "256000"}),
    "alac.m4a": ("alac", "ipod", "s16p", {"movflags": "faststart"}, {}),
    "vorbis.ogg": ("vorbis", "ogg", "fltp", {}, {"strict": "experimental"}),
    "sixteen.wav": ("pcm_s16le", "wav", "s16", {}, {}),
    "twentyfour.wav": ("pcm_s24le", "wav", "s32", {}, {}),
    "sixteen.aiff": ("pcm_s16be", "aiff", "s16", {}, {}),
}


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of each sound, by its name."""
    folder = tmp_path_factory.mktemp("sounds")
    for name in _SOUNDS:
        _make(folder / name)
    return {name: (folder / name).read_bytes() for name in _SOUNDS}


def _make(path: Path) -> None:
    codec, container, sample_format, container_options, codec_options = _SOUNDS[path.name]
    with av.open(str(path), "w", format=container, options=container_options) as output:
        stream = output.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.AudioStream)
        context = stream.codec_context
        context.options, context.format, context.layout = codec_options, sample_format, "stereo"
        context.open()
        resampler = av.AudioResampler(context.format, "stereo", RATE, context.frame_size or 4096)
        frames = [*resampler.resample(_noise()), *resampler.resample(None)]
        for frame in (*frames, None):
            output.mux(stream.encode(frame))


def _noise() -> av.AudioFrame:
    dice = random.Random(7)
    frame = av.AudioFrame("s32", "stereo", RATE)
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    values = struct.pack(f"<{2 * RATE}i", *(dice.randint(-(2**27), 2**27) for _ in range(2 * RATE)))
    frame.planes[0].update(values + bytes(frame.planes[0].buffer_size - len(values)))
    return frame
