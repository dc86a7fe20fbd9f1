"""The ways in which one value can be spelled in a log: plain, percent-encoded, in JSON, in HTML. Pure."""

import re
from urllib.parse import unquote

_HTML = {
    "&": ("&amp;", "&#38;"),
    '"': ("&quot;", "&#34;"),
    "'": ("&#39;", "&#x27;"),
    "<": ("&lt;",),
    ">": ("&gt;",),
}
_ESCAPES = {
    "\t": (r"\t",),
    "\n": (r"\n",),
    "\r": (r"\r",),
    '"': (r"\"",),
    "\\": (r"\\",),
    "/": (r"\/",),
    " ": ("+",),
}
_PIECES = re.compile(r"""[\t"'\s{}:,;]+""")


def spellings(value: str, min_chars: int, min_piece_chars: int) -> list[re.Pattern[str]]:
    """Patterns for `value` when it has `min_chars`, and for each of its pieces that has `min_piece_chars`,
    longest first.

    Each character is matched in every spelling, so text that is encoded only in part is found as well.
    """
    if len(value) < min_chars:
        return []
    plain = unquote(value)
    pieces = {piece for piece in _PIECES.split(plain) if len(piece) >= min_piece_chars}
    wholes = {value, plain} if len(plain) >= min_chars else {value}
    return [_pattern(text) for text in sorted(wholes | pieces, key=lambda text: (-len(text), text))]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join(map(_char, text)))


def _char(char: str) -> str:
    percent = "".join(f"%(?:25)*{_hex(byte)}" for byte in char.encode("utf-8", "surrogatepass"))
    units = char.encode("utf-16-be", "surrogatepass").hex()
    unicode_escape = "".join(rf"\\u{_any_case(units[at : at + 4])}" for at in range(0, len(units), 4))
    others = [re.escape(text) for text in (*_HTML.get(char, ()), *_ESCAPES.get(char, ()))]
    return f"(?:{'|'.join([re.escape(char), percent, unicode_escape, *others])})"


def _hex(byte: int) -> str:
    return _any_case(f"{byte:02x}")


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
