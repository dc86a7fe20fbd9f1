"""The same few tags in the four ways in which audio files keep them: ID3, Vorbis comments and MP4 atoms.

Each class wraps one open mutagen file; nothing reaches the disk before `save`.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from mutagen import MutagenError
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TDRC, TIT2, TPE1, TPE2, TRCK
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

Field = Literal["title", "artist", "album", "album_artist", "track_number", "year"]

_FRONT_COVER = 3
# The length of a FLAC block has 24 bits; larger covers are no use in any format.
_MAX_COVER_BYTES = 2**24 - 1024


@dataclass(frozen=True)
class Cover:
    """A picture and its MIME type."""

    content: bytes
    mime: str


class TagFile(Protocol):
    """An audio file whose tags are in memory."""

    def get(self, field: Field) -> str | None:
        """The field's text as it is in the file, None when it is missing or blank."""

    def put(self, field: Field, text: str) -> None:
        """Set a field, in place of what it had."""

    def has_cover(self) -> bool:
        """Whether any picture is embedded."""

    def cover(self) -> bytes | None:
        """The first embedded picture."""

    def put_cover(self, cover: Cover) -> bool:
        """Embed the front cover; False when this format cannot hold such a picture."""

    def save(self) -> None:
        """Write the tags into the file. Raises MutagenError."""


def open_tags(path: Path, kind: str) -> TagFile | None:
    """The tags of a file that `sniff` calls `kind`; None for a kind without tags. Raises MutagenError."""
    if kind not in _OPENERS:
        return None
    opener, wrapper = _OPENERS[kind]
    file = opener(path)
    if file.tags is None:
        file.add_tags()
    return wrapper(file)


def cover_of(content: bytes) -> Cover | None:
    """A JPEG or PNG as a cover; None for anything else, or for one that is too large to embed."""
    if len(content) > _MAX_COVER_BYTES:
        return None
    if content.startswith(b"\xff\xd8\xff"):
        return Cover(content, "image/jpeg")
    return Cover(content, "image/png") if content.startswith(b"\x89PNG\r\n\x1a\n") else None


class Id3Tags:
    """MP3, WAV and AIFF."""

    _FRAMES: dict[str, Any] = {  # noqa: RUF012 (read only)
        "title": TIT2,
        "artist": TPE1,
        "album": TALB,
        "album_artist": TPE2,
        "track_number": TRCK,
        "year": TDRC,
    }

    def __init__(self, file: Any) -> None:
        self._file, self._tags = file, file.tags

    def get(self, field: Field) -> str | None:
        frame = self._tags.get(self._FRAMES[field].__name__)
        return _text(str(frame.text[0])) if frame is not None and frame.text else None

    def put(self, field: Field, text: str) -> None:
        self._tags.add(self._FRAMES[field](encoding=3, text=[text]))

    def has_cover(self) -> bool:
        return bool(self._tags.getall("APIC"))

    def cover(self) -> bytes | None:
        found = self._tags.getall("APIC")
        return bytes(found[0].data) if found else None

    def put_cover(self, cover: Cover) -> bool:
        # Latin-1 for the empty description: some players cannot read a picture behind a UTF-16 one.
        new: Any = APIC
        self._tags.add(new(encoding=0, mime=cover.mime, type=_FRONT_COVER, desc="", data=cover.content))
        return True

    def save(self) -> None:
        if self._tags.version == (2, 4, 0) and self._tags.size:
            self._file.save()
            return
        # 2.3 is what every player reads and Bandcamp writes; no separator, so that several values stay
        # several.
        self._tags.update_to_v23()
        self._file.save(v2_version=3, v23_sep=None)


class VorbisTags:
    """FLAC and Ogg Vorbis."""

    _KEYS: dict[str, str] = {  # noqa: RUF012 (read only)
        "title": "title",
        "artist": "artist",
        "album": "album",
        "album_artist": "albumartist",
        "track_number": "tracknumber",
        "year": "date",
    }

    def __init__(self, file: Any) -> None:
        self._file, self._tags = file, file.tags

    def get(self, field: Field) -> str | None:
        values = self._tags.get(self._KEYS[field]) or [""]
        return _text(values[0])

    def put(self, field: Field, text: str) -> None:
        self._tags[self._KEYS[field]] = [text]

    def has_cover(self) -> bool:
        if isinstance(self._file, FLAC):
            return bool(self._file.pictures)
        return any(name in self._tags for name in ("metadata_block_picture", "coverart"))

    def cover(self) -> bytes | None:
        if isinstance(self._file, FLAC):
            return bytes(self._file.pictures[0].data) if self._file.pictures else None
        for text in self._tags.get("metadata_block_picture", []):
            new: Any = Picture
            try:
                return bytes(new(base64.b64decode(text)).data)
            except (ValueError, MutagenError):
                continue
        return None

    def put_cover(self, cover: Cover) -> bool:
        new: Any = Picture
        picture = new()
        picture.type, picture.mime, picture.data = _FRONT_COVER, cover.mime, cover.content
        if isinstance(self._file, FLAC):
            embed: Any = self._file.add_picture
            embed(picture)
        else:
            self._tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode("ascii")]
        return True

    def save(self) -> None:
        self._file.save()


class Mp4Tags:
    """AAC and ALAC in MP4."""

    _ATOMS: dict[str, str] = {  # noqa: RUF012 (read only)
        "title": "\xa9nam",
        "artist": "\xa9ART",
        "album": "\xa9alb",
        "album_artist": "aART",
        "track_number": "trkn",
        "year": "\xa9day",
    }
    _PICTURES = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}  # noqa: RUF012

    def __init__(self, file: Any) -> None:
        self._file, self._tags = file, file.tags

    def get(self, field: Field) -> str | None:
        values = self._tags.get(self._ATOMS[field])
        if not values:
            return None
        if field == "track_number":
            return str(values[0][0]) if values[0][0] else None
        return _text(values[0])

    def put(self, field: Field, text: str) -> None:
        if field == "track_number":
            total = (self._tags.get("trkn") or [(0, 0)])[0][1]
            self._tags["trkn"] = [(min(int(text), 65535), total)]
        else:
            self._tags[self._ATOMS[field]] = [text]

    def has_cover(self) -> bool:
        return bool(self._tags.get("covr"))

    def cover(self) -> bytes | None:
        found = self._tags.get("covr")
        return bytes(found[0]) if found else None

    def put_cover(self, cover: Cover) -> bool:
        new: Any = MP4Cover
        self._tags["covr"] = [new(cover.content, imageformat=self._PICTURES[cover.mime])]
        return True

    def save(self) -> None:
        self._file.save()


_OPENERS: dict[str, tuple[Callable[[Path], Any], Callable[[Any], TagFile]]] = {
    "aiff": (AIFF, Id3Tags),
    "flac": (FLAC, VorbisTags),
    "m4a": (MP4, Mp4Tags),
    "mp3": (MP3, Id3Tags),
    "ogg": (OggVorbis, VorbisTags),
    "wav": (WAVE, Id3Tags),
}


def _text(value: str) -> str | None:
    return value if value.strip("\x00 \t\r\n") else None
