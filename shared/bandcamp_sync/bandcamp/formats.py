"""The formats that Bandcamp sells, and the choice among those that a purchase offers."""

from collections.abc import Iterable, Sequence

#: Bandcamp's name of a format, and the extension of its files.
FORMATS: dict[str, str] = {
    "flac": "flac",
    "mp3-320": "mp3",
    "mp3-v0": "mp3",
    "aac-hi": "m4a",
    "vorbis": "ogg",
    "alac": "m4a",
    "wav": "wav",
    "aiff-lossless": "aiff",
}


def choose_format(preferred: Sequence[str], offered: Iterable[str]) -> str | None:
    """The first preferred format that is offered; None when none is."""
    available = set(offered)
    return next((name for name in preferred if name in available), None)
