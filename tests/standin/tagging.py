"""True tags for the tones: what a music player would show for a real purchase."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mutagen.aiff
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.mp4
import mutagen.oggvorbis
import mutagen.wave

# Mutagen says that it is typed, and its functions are not; as Any they can be called.
id3: Any = mutagen.id3
aiff: Any = mutagen.aiff
flac: Any = mutagen.flac
mp3: Any = mutagen.mp3
mp4: Any = mutagen.mp4
ogg: Any = mutagen.oggvorbis
wave: Any = mutagen.wave


@dataclass(frozen=True)
class Tags:
    """What one file says about itself."""

    title: str
    artist: str
    album: str
    album_artist: str
    number: int
    year: int
    comment: str
    cover: bytes  # JPEG


def tagged(audio: bytes, fmt: str, tags: Tags) -> bytes:
    """The same audio with `tags` written the way that its format wants them."""
    file = io.BytesIO(audio)
    _WRITERS[fmt](file, tags)
    return file.getvalue()


def _fill_id3(frames: Any, tags: Tags) -> None:
    frames.add(id3.TIT2(encoding=3, text=tags.title))
    frames.add(id3.TPE1(encoding=3, text=tags.artist))
    frames.add(id3.TALB(encoding=3, text=tags.album))
    frames.add(id3.TPE2(encoding=3, text=tags.album_artist))
    frames.add(id3.TRCK(encoding=3, text=str(tags.number)))
    frames.add(id3.TDRC(encoding=3, text=str(tags.year)))
    frames.add(id3.COMM(encoding=3, lang="eng", desc="", text=tags.comment))
    frames.add(id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="cover", data=tags.cover))


def _with_id3(open_file: Callable[[io.BytesIO], Any]) -> Callable[[io.BytesIO, Tags], None]:
    """A writer for a format whose tags are ID3 frames."""

    def write(file: io.BytesIO, tags: Tags) -> None:
        opened = open_file(file)
        if opened.tags is None:
            opened.add_tags()
        opened.tags.clear()
        _fill_id3(opened.tags, tags)
        file.seek(0)
        opened.save(file)

    return write


def _comments(tags: Tags) -> dict[str, str]:
    return {
        "TITLE": tags.title,
        "ARTIST": tags.artist,
        "ALBUM": tags.album,
        "ALBUMARTIST": tags.album_artist,
        "TRACKNUMBER": str(tags.number),
        "DATE": str(tags.year),
        "COMMENT": tags.comment,
    }


def _flac(file: io.BytesIO, tags: Tags) -> None:
    opened = flac.FLAC(file)
    opened.update(_comments(tags))
    picture = flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/jpeg", tags.cover
    opened.add_picture(picture)
    file.seek(0)
    opened.save(file)


def _ogg(file: io.BytesIO, tags: Tags) -> None:
    opened = ogg.OggVorbis(file)
    opened.update(_comments(tags))
    file.seek(0)
    opened.save(file)


def _mp4(file: io.BytesIO, tags: Tags) -> None:
    opened = mp4.MP4(file)
    opened["\xa9nam"] = tags.title
    opened["\xa9ART"] = tags.artist
    opened["\xa9alb"] = tags.album
    opened["aART"] = tags.album_artist
    opened["trkn"] = [(tags.number, 0)]
    opened["\xa9day"] = str(tags.year)
    opened["\xa9cmt"] = tags.comment
    opened["covr"] = [mp4.MP4Cover(tags.cover, imageformat=mp4.MP4Cover.FORMAT_JPEG)]
    file.seek(0)
    opened.save(file)


_mp3 = _with_id3(mp3.MP3)

_WRITERS: dict[str, Callable[[io.BytesIO, Tags], None]] = {
    "flac": _flac,
    "mp3-v0": _mp3,
    "mp3-320": _mp3,
    "mp3-128": _mp3,
    "aac-hi": _mp4,
    "alac": _mp4,
    "vorbis": _ogg,
    "wav": _with_id3(wave.WAVE),
    "aiff-lossless": _with_id3(aiff.AIFF),
}
