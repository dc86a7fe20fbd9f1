"""Names for folders and files that every disk accepts, and titles read back from Bandcamp's names. Pure.

A safe part fits into 255 bytes of UTF-8 (and so into 255 UTF-16 units, the limit of NTFS and SMB, as no
character takes fewer bytes than units), is NFC, visible, and means the same to Linux, macOS, Windows and
Samba. The same name gives the same part on every run; two names may give the same part, which `with_key`
keeps apart.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from string import Formatter

from pathvalidate import sanitize_filename

from bandcamp_sync.library.entries import entry_title

__all__ = [
    "KEY_ROOM_BYTES",
    "MAX_PART_BYTES",
    "album_folder",
    "entry_title",
    "file_name",
    "first_free_name",
    "for_terminal",
    "safe_part",
    "same_place",
    "track_file_name",
    "validate_layout",
    "with_key",
]

MAX_PART_BYTES = 255
KEY_ROOM_BYTES = 40

_FALLBACKS = {
    "artist": "Unknown Artist",
    "performer": "Unknown Artist",
    "album": "Untitled",
    "key": "",
    "year": "",
}
_FORBIDDEN = '<>:"/\\|?*'
# What a reader still understands; the rest of the forbidden characters goes without a trace.
_READABLE = str.maketrans(
    {"/": "-", "\\": "-", "|": "-", ":": "-", '"': "'", "<": None, ">": None, "?": None, "*": None}
)
_DROPPED = str.maketrans(dict.fromkeys(_FORBIDDEN))
# Letters and marks that show nothing: fillers of Hangul and Khmer, the grapheme joiner, Mongolian selectors.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
# Reserved on Windows beside those that pathvalidate knows: the console, and devices with spaces before the
# dot.
_DEVICE = re.compile(r"(?i)(con|conin\$|conout\$|clock\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?=\.|$)")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")
_BARE_MUSIC = re.compile(r"(?i)\.(flac|mp3|m4a|aac|alac|ogg|opus|wav|aiff?)")
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,8}")
_ENDING = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,8}$", re.DOTALL)
# Windows asks other machines for such a file's icon, and tells them who asks; others start programs.
_OBEYED = re.compile(
    r"(?i)(desktop\.ini|autorun\.inf|folder\.htt"
    r"|.*\.(lnk|scf|url|pif|desktop|directory|library-ms|search-ms|searchconnector-ms|theme|settingcontent-ms|webloc))"
)


def safe_part(name: str | None, fallback: str, max_bytes: int = MAX_PART_BYTES) -> str:
    """`name` as one part of a path, at most `max_bytes` (16 to 255) bytes long.

    `fallback` is used when nothing of the name can be shown (None, "..", "???"). Raises ValueError for a
    limit out of its range.
    """
    if not 16 <= max_bytes <= MAX_PART_BYTES:
        raise ValueError(f"max_bytes={max_bytes} is not between 16 and {MAX_PART_BYTES}")
    return _fit(_readable(name) or _readable(fallback) or "Untitled", max_bytes)


def album_folder(layout: str, fields: Mapping[str, str]) -> str:
    """The folder of an album below the music folder: a relative path with `/`, each part safe.

    `layout` is checked by `validate_layout`; `fields` may have artist, album, key, year, performer. The last
    part leaves 40 bytes free, so that `with_key` cuts nothing.
    """
    *parents, last = layout.split("/")
    key = fields.get("key", "")
    parts = [_filled(part, fields, key, MAX_PART_BYTES) for part in parents]
    return "/".join([*parts, _filled(last, fields, key, MAX_PART_BYTES - KEY_ROOM_BYTES)])


def with_key(folder: str, key: str) -> str:
    """`folder` with ` [key]` at the end of its last part; unchanged when that is there already."""
    parent, slash, last = folder.rpartition("/")
    suffix = f" [{safe_part(key, 'key', 64)}]"
    if not last.endswith(suffix):
        last = _fit(last, MAX_PART_BYTES - len(suffix.encode())) + suffix
    return f"{parent}{slash}{last}"


def same_place(folder: str) -> str:
    """A form that is equal for two paths that a case-insensitive file system may take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", folder).casefold())


def track_file_name(number: int | None, title: str, extension: str, width: int = 2) -> str:
    """`01 Title.flac`; without a number (None, 0) `Title.flac`. A long title is cut, the extension never.

    Raises ValueError for an extension that is not one to eight letters and digits (a leading dot is taken
    off).
    """
    extension = extension.removeprefix(".")
    if not _EXTENSION.fullmatch(extension):
        raise ValueError(f"{extension!r} is no file extension")
    prefix = f"{number:0{width}d} " if number else ""
    stem = prefix + (_readable(title) or "Untitled")
    return f"{_fit(stem, MAX_PART_BYTES - 1 - len(extension))}.{extension}"


def file_name(entry: str) -> str:
    """The name under which a file of an archive would lie in its album's folder, kept as it is but for being safe.

    A long one is cut before its ending. What a file manager obeys as soon as it shows the folder (shortcuts,
    `desktop.ini` and the like) gets `.txt` behind it; programs and scripts keep their names, as artists do sell them.
    """
    last = re.split(r"[/\\]", entry)[-1]
    if _BARE_MUSIC.fullmatch(last.strip()):
        last = f"Untitled{last.strip()}"  # without its ending it would be no music any more
    safe = _readable(last) or "Untitled"
    ending = _ENDING.search(safe)
    tail = ending[0] if ending else ""
    if _OBEYED.fullmatch(safe):
        tail += ".txt"
    return _fit(safe[: ending.start()] if ending else safe, MAX_PART_BYTES - len(tail)) + tail


def first_free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `01 Title (2).flac`, `01 Title (3).flac` and so on when `taken` has it in any case of
    letters.
    """
    used = {same_place(name) for name in taken}
    stem, dot, extension = wanted.rpartition(".") if "." in wanted else (wanted, "", "")
    candidate, count = wanted, 1
    while same_place(candidate) in used:
        count += 1
        tail = f" ({count}){dot}{extension}"
        candidate = _cut(stem, MAX_PART_BYTES - len(tail.encode())).rstrip(" .") + tail
    return candidate


def validate_layout(layout: str) -> None:
    """Raises ValueError, with a sentence for the user, unless `layout` can be used by `album_folder`."""
    try:
        pieces = list(Formatter().parse(layout))
    except ValueError as error:
        raise ValueError(f"its braces do not match: {error}") from None
    names = [name for _, name, _, _ in pieces if name is not None]
    for literal, name, spec, conversion in pieces:
        _check_field(name, spec, conversion)
        _check_literal(literal)
    if not {"album", "key"} & set(names):
        raise ValueError("it must have {album} or {key}, or all albums would share one folder")
    if any(part.strip(" .") == "" for part in layout.split("/")):
        raise ValueError("no part between its slashes may be empty or dots; it is relative to the music folder")


def for_terminal(text: str) -> str:
    """`text` as one line that a terminal can only show: no control or direction-changing character."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    return "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))


def _check_field(name: str | None, spec: str | None, conversion: str | None) -> None:
    if name is None:
        return
    if name not in _FALLBACKS:
        allowed = ", ".join(f"{{{field}}}" for field in _FALLBACKS)
        raise ValueError(f"{{{name}}} is not known; there are {allowed}")
    if spec or conversion:
        raise ValueError(f"{{{name}}} must stand alone between its braces, without ':' or '!'")


def _check_literal(literal: str) -> None:
    text = literal.replace("/", "")
    if any(char in _FORBIDDEN or not char.isprintable() for char in text) or set("{}") & set(text):
        raise ValueError(f"{literal!r} has a character that no folder name may have (one of {_FORBIDDEN} {{ }})")


def _filled(part: str, fields: Mapping[str, str], key: str, max_bytes: int) -> str:
    names = [name for _, name, _, _ in Formatter().parse(part) if name is not None]
    values = {name: _readable(fields.get(name)) or _FALLBACKS[name] for name in names}
    text = part.format_map(values)
    if not all(values.values()):
        text = _EMPTY_BRACKETS.sub("", text).strip(" -_,.")
    return safe_part(text, key or "Untitled", max_bytes)


def _readable(name: str | None) -> str:
    """`name` without anything that a file system refuses or hides; "" when only such things were in it."""
    visible = _visible(name or "")
    if not visible.translate(_DROPPED).strip(" ."):
        return ""
    text = visible.replace(": ", " - ").translate(_READABLE)
    # Composed once more: what goes without a trace can bring a letter and its accent together.
    return unicodedata.normalize("NFC", " ".join(text.split()).strip(" ."))


def _visible(text: str) -> str:
    """NFC, white space of any kind and length as one space, nothing that cannot be seen."""
    composed = unicodedata.normalize("NFC", text)
    spaced = " ".join(composed.split())
    # Once more: taking a format character away can bring together what composes.
    return unicodedata.normalize("NFC", "".join(filter(_is_shown, spaced)))


def _is_shown(char: str) -> bool:
    code = ord(char)
    if unicodedata.category(char) in ("Cc", "Cf", "Cs") or char in _INVISIBLE:
        return False
    # macOS and Samba store forbidden characters as U+F001 to U+F0FF, so these would come back as `:` or `?`.
    return not (0xF000 <= code <= 0xF0FF or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF)


def _fit(text: str, max_bytes: int) -> str:
    """A readable text cut to its limit, and then changed where it is the name of a device."""
    short = _cut(text, max_bytes).rstrip(" .")
    short = _DEVICE.sub(lambda match: match[1] + "_", short, count=1) if _DEVICE.match(short) else short
    known = sanitize_filename(short, platform="universal", max_len=MAX_PART_BYTES)
    return _cut(known, max_bytes).rstrip(" .")


def _cut(text: str, max_bytes: int) -> str:
    """The first characters of `text` that fit, without parting a letter from its accents."""
    if len(text.encode()) <= max_bytes:
        return text
    end = len(text.encode()[:max_bytes].decode(errors="ignore"))
    start = end
    while start > 0 and _joins_previous(text[start]):
        start -= 1
    return text[: start or end]


def _joins_previous(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc", "Me") or 0x1F3FB <= ord(char) <= 0x1F3FF
