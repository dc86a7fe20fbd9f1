"""Cuts secrets out of text: signed addresses, cookies, and values known at run time.

A secret is cut whole, as a prefix of a secret is a secret. Two layers: shapes that are secret wherever they
appear, and values that were registered. Pure but for the registered values, which belong to the process.
"""

import re
from threading import Lock

from bandcamp_sync.logs.spelling import spellings

CUT = "***"
MIN_SECRET_CHARS = 8
_MIN_PIECE_CHARS = 16

# How one name can be parted from its value, and what stands around both, in plain text, JSON, HTML and
# percent-encoding. A repetition that can begin anywhere is bounded, so that no text takes long.
_AMP = r"(?:&amp;|&#38;|\\u0026|%26|%2526|&)"
_ASK = r"(?:%3F|%253F|\?)"
_EQUALS = r"(?:=|%3D|%253D|\\u003d|&#61;)"
_QUOTE = r"(?:(?:\\|%5C|%255C){0,8}(?:[\"']|&quot;|&#34;|&#x27;|&#39;|%22|%2522|%27|%2527))"
_SPACE = r"(?:\s|%20|%2520){0,20}"
_COLON = rf"{_SPACE}(?::|%3A|%253A){_SPACE}"
_AT = r"(?:@|%40|%2540|&#64;|\\u0040)"
_SLASH = r"(?:/|%2F|%252F|\\/)"
_TAB = r"(?:\t|\\t|%09|%2509)"
_START = r"(?:(?<![A-Za-z0-9_])|(?<=%26)|(?<=%2526)|(?<=%3F)|(?<=%253F)|(?<=u0026)|(?<=%22)|(?<=%2522)|(?<=%20))"

_NAMES = r"(?:reauth_sig|fsig|sig|token|payment_id|csrf_token|crumb|password|h1)"
_VALUE = rf"(?:(?!{_AMP}|&quot;|%22|%2522|%0A)[^\s\"'<>;,)\]}}\\])+"

# A header must look like one (`name=`), so that a sentence about cookies stays readable.
_HEADER_RULE = r"(?i)\b(cookie[\"']?\s*[:=]\s*)(?=[^\s=;,]+=)[^\r\n]+|\b(authorization[\"']?\s*[:=]\s*)[^\r\n]+"
# `7<tab>token<tab>{…}`: its tail is percent-encoded JSON or plain JSON, in plain text or in a JSON string.
_IDENTITY_RULE = rf"\d{{1,3}}{_TAB}[^\s\"'<>;&{{}}\\]{{3,}}(?:{_TAB}\{{[^{{}}\r\n]*\}}?|{_TAB}{_VALUE})?"
_KEY = rf"(?i)(({_QUOTE})(?:{_NAMES}|identity|t){_QUOTE}{_COLON})"

_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(_HEADER_RULE), rf"\g<1>\g<2>{CUT}"),
    (re.compile(_IDENTITY_RULE, re.IGNORECASE), CUT),
    (re.compile(rf"(?i)([?&;]|{_AMP}|{_ASK}|^)(t{_EQUALS}){_VALUE}"), rf"\g<1>\g<2>{CUT}"),
    (re.compile(rf"(?i){_START}({_NAMES}\s*{_EQUALS}\s*[\"']?){_VALUE}"), rf"\g<1>{CUT}"),
    (re.compile(rf"(?i){_START}(identity(?:{_EQUALS}|\t))[^\s;]+"), rf"\g<1>{CUT}"),
    # A number becomes a text in the quotes of its key, so that what was JSON stays JSON.
    (re.compile(rf"{_KEY}({_QUOTE})(?:(?!\3).)*"), rf"\g<1>\g<3>{CUT}"),
    (re.compile(rf"{_KEY}(?!{_QUOTE}|null)[^\s\"'{{}}\[\],&%]+"), rf"\g<1>\g<2>{CUT}\g<2>"),
    (re.compile(rf"(?i)((?:download{_SLASH}(?:album|track)|stream){_SLASH})[0-9a-f]{{16,}}"), rf"\g<1>{CUT}"),
    (re.compile(r"(?i)\d{9,11}_[0-9a-f]{32,}"), CUT),
    (re.compile(r"(?i)(://)[^\s/@:\"'<>]{0,200}:[^\s/@\"'<>]{1,500}@"), rf"\g<1>{CUT}@"),
]
_PERSONAL_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(rf"(?i)({_QUOTE}fan_email{_QUOTE}{_COLON}{_QUOTE})(?:(?!{_QUOTE}).)*"), rf"\g<1>{CUT}"),
    (re.compile(rf"(?i)[\w.+-]{{1,64}}{_AT}[\w-]{{1,63}}(?:\.[\w-]{{1,63}})+"), CUT),
]

# Control characters but for tab and the ends of lines, and those that turn the direction of what follows.
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# What a text must hold for any of `_RULES` to find something; most lines hold none of it, and are done with at once.
_MARKS = (
    *("cookie", "authorization", "identity", "token", "sig", "payment_id", "crumb", "password", "h1", "@"),
    *("\t", r"\t", "%09", "%2509", "t=", "t%3d", "t%253d", r"t\u003d", "t&#61;"),
)
_SHAPES = re.compile(r"(?i)[0-9a-f]{16}|[\"';27]t[\"'\\&%]")
#: Letters that a rule takes for one of ASCII's, as it ignores case.
_ODD_LETTERS = re.compile("[\u017f\u212a\u0130\u0131]")

_registered: dict[str, re.Pattern[str]] = {}
_lock = Lock()


class Secret:
    """A text that prints as `***`; `reveal()` gives it to the one place that needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return CUT

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def redact(text: str) -> str:
    """`text` with every secret that is known by its shape, or was registered, replaced by `***`."""
    for pattern in list(_registered.values()):
        text = pattern.sub(CUT, text)
    return _applied(_RULES, text) if _may_hold_secret(text) else text


def redact_sample(text: str) -> str:
    """As `redact`, and without e-mail addresses: for the pages that are kept in `debug/`.

    What would steer a terminal that shows such a page is written as an HTML reference.
    """
    return _STEERING.sub(lambda match: f"&#{ord(match[0])};", _applied(_PERSONAL_RULES, redact(text)))


def register_secret(value: str) -> None:
    """From now on `redact` cuts `value` wherever it appears, plain or encoded; values under 8 characters are
    left.

    Of a value of several pieces parted by tabs or quotes (the identity cookie), each long piece is cut on its
    own too.
    """
    with _lock:
        for piece in spellings(value, MIN_SECRET_CHARS, _MIN_PIECE_CHARS):
            _registered.setdefault(piece.pattern, piece)


def _may_hold_secret(text: str) -> bool:
    lowered = text.lower()
    if any(mark in lowered for mark in _MARKS) or _SHAPES.search(text):
        return True
    return not text.isascii() and _ODD_LETTERS.search(text) is not None


def _applied(rules: list[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text
