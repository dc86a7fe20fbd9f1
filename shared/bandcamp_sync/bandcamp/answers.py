"""What every answer of Bandcamp has in common: is it a page, a challenge, JSON? And its values, read defensively. Pure.

What cannot be found where it was raises `ShapeChanged`, naming the field. Names of fields are Bandcamp's.
"""

import json
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

from bandcamp_sync.errors import LoggedOut, ShapeChanged

Json = dict[str, Any]

_CHALLENGE_MARKS = (
    "<title>client challenge</title>",
    "/_fs-ch-",
    "<title>just a moment",
    "enable javascript and cookies to continue",
)
_WANTS_SCRIPTS = re.compile(r"<noscript\b|document\.cookie|location\.reload|enable javascript", re.I)
_BLOB = re.compile(r"\bdata-(?:blob|tralbum)\s*=", re.I)
_COMMENTS = re.compile(r"^(?:\s|\ufeff|<!--.*?-->)+", re.S)


def is_html(text: str) -> bool:
    """Whether a body is a page rather than JSON or a file."""
    return _COMMENTS.sub("", text[:4096])[:256].lower().startswith(("<!doctype", "<html", "<head", "<body", "<title"))


def is_sure_challenge(text: str) -> bool:
    """Whether a body says itself that it is a challenge for browsers (protocol notes 5.2)."""
    low = text[:20_000].lower()
    return is_html(text) and any(mark in low for mark in _CHALLENGE_MARKS)


def is_challenge(text: str) -> bool:
    """Whether a body may be one: any small page without content that wants scripts. Vendor and wording change."""
    if is_sure_challenge(text):
        return True
    small = len(text) < 20_000 and is_html(text) and not _BLOB.search(text)
    return small and "<script" in text.lower() and _WANTS_SCRIPTS.search(text) is not None


class _BlobFinder(HTMLParser):
    def __init__(self, element_id: str) -> None:
        super().__init__(convert_charrefs=False)
        self.element_id = element_id
        self.blob: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if self.blob is None and named.get("id") == self.element_id:
            self.blob = named.get("data-blob")


def find_blob(html: str, element_id: str) -> Json | None:
    """The JSON in `data-blob` of the element with that id (unescaped once); None when there is none."""
    if element_id not in html:
        return None
    finder = _BlobFinder(element_id)
    try:
        finder.feed(html)
        value = json.loads(finder.blob or "null")
    except (ValueError, RecursionError, AssertionError):
        return None  # html.parser asserts on marked sections that it does not know
    return value if isinstance(value, dict) else None


def parse_json(text: str, where: str) -> Json:
    """An API answer. Raises ShapeChanged when it is no JSON object, LoggedOut when it says so."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ShapeChanged(where, "JSON") from None
    if not isinstance(value, dict):
        raise ShapeChanged(where, "JSON object")
    if value.get("error") and "logged in" in str(value.get("error_message", "")).lower():
        raise LoggedOut(f"{where} says: must be logged in")
    return value


def as_int(value: Any) -> int | None:
    """A number that came as a number or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # No number of Bandcamp's has more digits; with thousands of them it would make a name that no disk takes.
        return int(value) if math.isfinite(value) and abs(value) < 10**20 else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value.strip()) else None


def as_flag(value: Any) -> bool:
    """A yes that came as a boolean, a number or a word."""
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def as_text(value: Any) -> str | None:
    """A non-empty text, or None."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value.encode("utf-8", "replace").decode()  # half an emoji is legal JSON, and nothing that can be stored


def as_moment(value: Any) -> datetime | None:
    """`07 Jul 2024 01:34:59 GMT` as an aware datetime."""
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def as_mapping(value: Any) -> Json:
    """An object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}
