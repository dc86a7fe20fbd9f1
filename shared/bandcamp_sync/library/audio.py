"""Decodes audio files to their end, and says what is wrong with those that do not.

FFmpeg (by PyAV, inside this process) decodes every frame strictly; nothing is kept but counters and a
checksum. FLAC has an MD5 of its samples in its header, which FFmpeg does not look at, so it is computed here:
one wrong bit is found.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio_end import missing_end
from bandcamp_sync.library.audio_kind import is_audio, sniff

__all__ = ["Decoded", "decode", "is_audio", "sniff"]

# FFmpeg prints to the terminal by itself unless it is told not to.
av.logging.set_level(None)

# The demuxer is named, as FFmpeg's own guess takes a text for a playlist and opens what that names.
_DEMUXERS = {"aiff": "aiff", "flac": "flac", "m4a": "mov", "mp3": "mp3", "ogg": "ogg", "wav": "wav"}
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
#: PyAV 18 stumbles over tags in no known coding unless it is told not to; PyAV 19 cannot be told.
_OPENED: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
_HEAD_BYTES = 256 * 1024
_BLOCK_BYTES = 1024 * 1024
_LOSSLESS = ("flac", "alac", "pcm")
# How much shorter than announced is still whole, in seconds: encoders count their own padding in or not.
_LOSSY_SLACK_S, _LOSSLESS_SLACK_S = 0.25, 0.001


@dataclass(frozen=True)
class Decoded:
    """What a file turned out to hold."""

    duration_s: float
    codec: str  # FFmpeg's name: flac, alac, aac, mp3, vorbis, pcm_s16le, …
    sample_rate: int  # hertz
    channels: int


def decode(path: Path) -> Decoded:
    """Decode all audio in `path`. Raises BadAudio when it is not whole, OSError when it cannot be read.

    Found in every format: a file that is cut, empty or something else. Found in FLAC and Ogg: any changed
    byte of audio. In the others a changed byte is found only where it breaks the coding; in WAV and AIFF,
    which have none, never.
    """
    kind = _checked_kind(path)
    try:
        with av.open(f"file:{path}", format=_DEMUXERS[kind], **_OPENED) as container:
            return _decode_stream(container, path.name)
    except av.error.FFmpegError as error:
        # Decoders answer bad data with any errno ("operation not permitted"), so the file itself is asked.
        _read_through(path)
        raise BadAudio(path.name, _words(error)) from None
    except (BadAudio, OSError, MemoryError):
        raise
    except Exception as error:  # PyAV raises what it likes where a file is odder than it thinks possible
        raise BadAudio(path.name, f"it cannot be decoded ({type(error).__name__})") from None


def _read_through(path: Path) -> None:
    """Raises OSError when it is the disk that fails and not what lies on it."""
    with path.open("rb") as stream:
        while stream.read(_BLOCK_BYTES):
            pass


def _checked_kind(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        kind = sniff(head)
        if kind is None or kind not in _DEMUXERS:
            raise BadAudio(path.name, "it is empty" if not head else "it is no audio file of a known kind")
        problem = missing_end(stream, kind)
    if problem:
        raise BadAudio(path.name, problem)
    return kind


def _decode_stream(container: InputContainer, name: str) -> Decoded:
    if not container.streams.audio:
        raise BadAudio(name, "there is no audio in it")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None:  # PyAV's types say that there always is one
        raise BadAudio(name, "it is packed in a way that is not known")
    context.options = dict(_STRICT)
    checksum = _FlacChecksum(context.extradata) if context.codec.canonical_name == "flac" else None
    samples = 0
    for frame in container.decode(stream):
        samples += frame.samples
        if checksum is not None:
            checksum.add(frame)
    if not samples or not stream.rate:
        raise BadAudio(name, "there is no audio in it")
    _check_length(stream, samples, name)
    if checksum is not None and not checksum.agrees():
        raise BadAudio(name, "its samples are not the ones that were encoded (MD5)")
    return Decoded(samples / stream.rate, context.codec.canonical_name, stream.rate, context.channels)


def _check_length(stream: AudioStream, samples: int, name: str) -> None:
    """Against the length that the container announces, where it does."""
    if stream.duration is None or stream.time_base is None:
        return
    announced = float(stream.duration * stream.time_base)
    lossless = stream.codec_context.codec.canonical_name.startswith(_LOSSLESS)
    decoded = samples / stream.rate
    if decoded + (_LOSSLESS_SLACK_S if lossless else _LOSSY_SLACK_S) < announced:
        raise BadAudio(name, f"it has {decoded:.2f} of {announced:.2f} seconds")


class _FlacChecksum:
    """The MD5 that FLAC keeps of its samples: interleaved, little-endian, in whole bytes (RFC 9639, 8.2)."""

    def __init__(self, stream_info: bytes | None) -> None:
        info = stream_info or bytes(34)
        self._wanted = info[18:34]
        self._bits = ((info[12] & 1) << 4 | info[13] >> 4) + 1
        self._sum = hashlib.md5(usedforsecurity=False)

    def add(self, frame: AudioFrame) -> None:
        """Count one decoded frame in; FFmpeg gives 16 bits as they are, and more in the upper end of 32."""
        size = frame.samples * len(frame.layout.channels) * frame.format.bytes
        raw = memoryview(frame.planes[0])[:size]
        self._sum.update(_three_bytes(raw) if self._bits == 24 else raw)

    def agrees(self) -> bool:
        """True also where the file keeps no sum, or has a depth that fills no whole bytes."""
        if not any(self._wanted) or self._bits not in (16, 24, 32):
            return True
        return self._sum.digest() == self._wanted


def _three_bytes(raw: memoryview) -> bytes:
    packed = bytearray(len(raw) // 4 * 3)
    for byte in range(3):
        packed[byte::3] = raw[byte + 1 :: 4]
    return bytes(packed)


def _words(error: av.error.FFmpegError) -> str:
    return (error.strerror or type(error).__name__).lower()
