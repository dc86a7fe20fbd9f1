"""Track numbers and titles out of the names of a Bandcamp archive's entries. Pure.

Bandcamp names them `Artist - Album - 01 Title.flac`, at the root or in a folder. Titles may hold ` - `
themselves, and what a file name cannot hold was replaced (`/` arrives as `-`), so the artist and the album
are recognised by their letters and digits alone, from the left.
"""

import re
import unicodedata

_SEPARATOR = " - "
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_NUMBERED = re.compile(r"([0-9]{1,4})(?:[ ._-]+(.*))?", re.DOTALL)
_NUMBER_INSIDE = re.compile(r"(?:.*?)" + _SEPARATOR + r"([0-9]{2,3}) (.+)", re.DOTALL)
# Entry names come from a stranger's archive and may be 64 KiB long.
_LONGEST = 1000


def entry_title(entry_name: str, artist: str, album: str) -> tuple[int | None, str]:
    """The track number (None where there is none) and the title, as it is written in an archive entry's name.

    `artist` and `album` are what Bandcamp calls the album; the title can be empty when the name has none.
    """
    stem = _stem(entry_name)
    rest = _after_artist_and_album(stem, artist, album)
    if rest is None:
        return _guessed(stem, artist)
    return _numbered(rest) or (None, rest.strip())


def _stem(entry_name: str) -> str:
    base = re.split(r"[/\\]", entry_name)[-1]
    extension = _EXTENSION.search(base)
    stem = base[: extension.start()] if extension else base
    return unicodedata.normalize("NFC", stem)[:_LONGEST].strip()


def _after_artist_and_album(stem: str, artist: str, album: str) -> str | None:
    rests = [rest for after_artist in _rests(stem, artist) for rest in _rests(after_artist, album)]
    return next((rest for rest in rests if _numbered(rest)), rests[0] if rests else None)


def _rests(text: str, name: str) -> list[str]:
    """What follows `name - ` at the start of `text`: one for each separator at which the letters agree."""
    wanted, found = _letters(name), []
    at = text.find(_SEPARATOR)
    while at >= 0:
        if _letters(text[:at]) == wanted:
            found.append(text[at + len(_SEPARATOR) :])
        at = text.find(_SEPARATOR, at + 1)
    return found


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def _numbered(text: str) -> tuple[int, str] | None:
    match = _NUMBERED.fullmatch(text.strip())
    return (int(match[1]), (match[2] or "").strip()) if match else None


def _guessed(stem: str, artist: str) -> tuple[int | None, str]:
    """For names that begin with another artist or album: first ` - 01 `, then the artist alone, then a
    number.
    """
    inside = _NUMBER_INSIDE.fullmatch(stem)
    if inside:
        return int(inside[1]), inside[2].strip()
    after_artist = _rests(stem, artist)
    if after_artist:
        return None, after_artist[0].strip()
    leading = _numbered(stem) if re.match(r"[0-9]{2,3}[ ._-]", stem) else None
    return leading or (None, stem)
