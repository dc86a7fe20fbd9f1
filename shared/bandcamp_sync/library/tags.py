"""Tags and covers inside audio files: read, filled where they are missing, written for streams.

What Bandcamp wrote is never changed. Names are the true ones: `AC/DC` keeps its slash here, whatever its
folder is called. Files are changed in place, so only on files that are not in the library yet.
"""

import errno
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutagen import MutagenError

from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio_kind import sniff
from bandcamp_sync.library.tag_fields import Cover, Field, TagFile, cover_of, open_tags

_HEAD_BYTES = 256 * 1024
_FIELDS: tuple[Field, ...] = ("title", "artist", "album", "album_artist", "track_number", "year")
_LEADING_NUMBER = re.compile(r"\s*([0-9]{1,5})")
#: Errors that mutagen raises itself, or gets when a file sends it to a place that no file has.
_FILES_FAULT = (None, errno.EINVAL, errno.EOVERFLOW)
_YEAR = re.compile(r"(?<![0-9])([0-9]{4})(?![0-9])")


@dataclass(frozen=True)
class Tags:
    """What this program knows of a track; None where it is missing."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track_number: int | None = None  # from 1
    year: int | None = None


def read_tags(path: Path) -> Tags:
    """The tags of an audio file. Raises BadAudio when they cannot be read, OSError when the file cannot."""
    with _errors_for(path):
        file = _opened(path)
        number, year = file.get("track_number"), file.get("year")
        return Tags(
            title=file.get("title"),
            artist=file.get("artist"),
            album=file.get("album"),
            album_artist=file.get("album_artist"),
            track_number=_found(_LEADING_NUMBER, number),
            year=_found(_YEAR, year),
        )


def embedded_cover(path: Path) -> bytes | None:
    """The picture inside an audio file (JPEG or PNG); None where there is none, or it cannot be read."""
    try:
        with _errors_for(path):
            return _opened(path).cover()
    except BadAudio:
        return None


def fill_tags(path: Path, wanted: Tags, cover: bytes | None) -> bool:
    """Add what is missing, and the cover (JPEG or PNG) where none is embedded; whether the file was changed.

    Raises BadAudio when the tags cannot be read or written, OSError when the file cannot.
    """
    with _errors_for(path):
        file = _opened(path)
        missing = {name: text for name, text in _texts(wanted).items() if file.get(name) is None}
        picture = cover_of(cover) if cover and not file.has_cover() else None
        return _changed(file, missing, picture)


def write_tags(path: Path, tags: Tags, cover: bytes | None) -> bool:
    """Set every tag that is not None, in place of what is there; the cover as in `fill_tags`. Raises as it
    does.
    """
    with _errors_for(path):
        file = _opened(path)
        other = {name: text for name, text in _texts(tags).items() if file.get(name) != text}
        picture = cover_of(cover) if cover and not file.has_cover() else None
        return _changed(file, other, picture)


def _changed(file: TagFile, texts: dict[Field, str], picture: Cover | None) -> bool:
    for name, text in texts.items():
        file.put(name, text)
    embedded = picture is not None and file.put_cover(picture)
    if texts or embedded:
        file.save()
        return True
    return False


def _texts(tags: Tags) -> dict[Field, str]:
    """The fields that say something, as text without control characters."""
    values: dict[Field, str | int | None] = {name: getattr(tags, name) for name in _FIELDS}
    texts = {name: _clean(value) for name, value in values.items() if value}
    return {name: text for name, text in texts.items() if text}


def _clean(value: str | int) -> str:
    spaced = "".join(" " if char in "\t\r\n\v\f" else char for char in str(value))
    return "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cs")).strip()


def _found(pattern: re.Pattern[str], text: str | None) -> int | None:
    match = pattern.search(text) if text else None
    return int(match[1]) or None if match else None


def _opened(path: Path) -> TagFile:
    with path.open("rb") as stream:
        kind = sniff(stream.read(_HEAD_BYTES))
    file = open_tags(path, kind) if kind else None
    if file is None:
        raise BadAudio(path.name, "it is no audio file of a known kind")
    return file


@contextmanager
def _errors_for(path: Path) -> Iterator[None]:
    """mutagen wraps the disk's errors into its own; they are told apart again here."""
    try:
        yield
    except MutagenError as error:
        causes = (error.__cause__, error.__context__, *error.args)
        disk = next((cause for cause in causes if isinstance(cause, OSError)), None)
        if disk is not None and disk.errno not in _FILES_FAULT:
            raise disk from None
        raise BadAudio(path.name, f"its tags cannot be read or written ({type(error).__name__})") from None
    except OSError as error:
        if error.errno not in _FILES_FAULT:
            raise
        raise BadAudio(path.name, "its tags cannot be read or written (they point out of the file)") from None
    except (BadAudio, MemoryError):
        raise
    except Exception as error:  # what mutagen has not thought of: struct.error, IndexError, OverflowError, ...
        raise BadAudio(path.name, f"its tags cannot be read or written ({type(error).__name__})") from None
