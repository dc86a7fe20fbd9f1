"""Cookies out of the forms in which people export them. Pure.

Netscape text (seven columns, as browsers' extensions really write it), JSON (Cookie Quick Manager, the
add-ons that write `name`, `value`, `expirationDate`, Playwright's storage state) and a bare `Cookie:` header.
The content decides, not the file's suffix. Values stay byte for byte, and no error or repr holds one.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bandcamp_sync.errors import CookiesInvalid

_HTTP_ONLY = "#HttpOnly_"
_COLUMNS = 7
_MILLISECONDS_FROM = 1e11
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER = re.compile(rf"{_TOKEN}=[^\t]*")
_HEADER_NAME = re.compile(r"(?i)^\s*cookie:\s*")
_SPACED_ROW = re.compile(r"(?i)(#HttpOnly_)?\S+ +(TRUE|FALSE) +/\S* +(TRUE|FALSE)\b")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Cookie:
    """One cookie. `domain` is empty when it came from a bare header, which names none."""

    domain: str
    path: str
    name: str
    value: str = field(repr=False)
    expires: datetime | None  # UTC; None for a session cookie
    secure: bool
    http_only: bool


def parse_cookies(text: str, source: str) -> list[Cookie]:
    """All cookies in `text`, of every site, in the order of the file; `source` names it in errors.

    Raises CookiesInvalid, with the line where there is one, for anything that is none of the known forms.
    """
    text = text.removeprefix("\ufeff")
    start = text.lstrip()
    if not start:
        raise CookiesInvalid(source, "it is empty")
    if _CONTROL.search(text):
        raise CookiesInvalid(source, "it is not a text file (the browser's own cookie database cannot be used)")
    if start.startswith("<"):
        raise CookiesInvalid(source, "it is a web page (HTML) and no list of cookies", _line_of(text, "<"))
    cookies = _from_json(text, source) if start[0] in "[{" else _from_lines(text, source)
    if not cookies:
        raise CookiesInvalid(source, "there is no cookie in it")
    return cookies


# --- Netscape text and bare headers -------------------------------------------------------------------------


def _from_lines(text: str, source: str) -> list[Cookie]:
    # Not splitlines(): a value may hold characters that only Python takes for the end of a line.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    header = _header_in(lines)
    if header is not None:
        return _from_header(header)
    rows = [(number, line) for number, line in enumerate(lines, 1) if _is_row(line)]
    return [_from_row(line, source, number) for number, line in rows]


def _header_in(lines: list[str]) -> str | None:
    """The `name=value; …` part: of a line that begins with `Cookie:`, or of the only line."""
    for line in lines:
        if _HEADER_NAME.match(line):
            return _HEADER_NAME.sub("", line)
    rows = [line.strip() for line in lines if _is_row(line)]
    return rows[0] if len(rows) == 1 and _HEADER.fullmatch(rows[0]) else None


def _from_header(header: str) -> list[Cookie]:
    # By hand: http.cookies.SimpleCookie returns nothing at all after a value such as {"allow":[]}.
    pairs = [pair.strip().partition("=") for pair in header.split(";")]
    return [Cookie("", "/", name, value, None, True, False) for name, equals, value in pairs if name and equals]


def _is_row(line: str) -> bool:
    return bool(line.strip()) and (line.startswith(_HTTP_ONLY) or not line.lstrip().startswith("#"))


def _from_row(line: str, source: str, number: int) -> Cookie:
    columns = line.removeprefix(_HTTP_ONLY).split("\t")
    if len(columns) == _COLUMNS - 1 and columns[-1] != "identity" and _is_expiry(columns[4]):
        columns.append("")  # an editor took the tab before an empty value away
    if len(columns) != _COLUMNS:
        raise CookiesInvalid(source, _row_problem(line, len(columns)), number)
    domain, _, path, secure, expires, name, value = columns
    if not _is_expiry(expires):
        raise CookiesInvalid(source, "the fifth column, the expiry, is not a number", number)
    http_only, when = line.startswith(_HTTP_ONLY), _moment(expires)
    return Cookie(domain.strip().lower(), path, name, value, when, secure.upper() == "TRUE", http_only)


def _row_problem(line: str, columns: int) -> str:
    if _SPACED_ROW.match(line):
        return "its columns are separated by spaces, and must be by tabs (an editor may have changed them)"
    if columns == 1:
        return "this is neither a cookie of seven columns separated by tabs, nor JSON, nor a Cookie header"
    return f"it has {columns} columns separated by tabs, and must have {_COLUMNS}"


# --- JSON ---------------------------------------------------------------------------------------------------


def _from_json(text: str, source: str) -> list[Cookie]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        # `from None`: the cause carries the whole text.
        raise CookiesInvalid(source, f"its JSON is broken ({error.msg})", error.lineno) from None
    except (RecursionError, ValueError):
        raise CookiesInvalid(source, "its JSON cannot be read (too deep, or numbers too long)") from None
    rows = [row for row in _json_rows(document) if isinstance(row, dict)]
    pairs = [(row, cookie) for row in rows if (cookie := _from_object(row)) is not None]
    plain = {_whose(cookie) for row, cookie in pairs if not _in_container(row)}
    return [cookie for row, cookie in pairs if not _in_container(row) or _whose(cookie) not in plain]


def _whose(cookie: Cookie) -> tuple[str, str]:
    return cookie.domain.lstrip("."), cookie.name


def _json_rows(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    rows = document.get("cookies")
    return rows if isinstance(rows, list) else [document]


def _from_object(row: dict[str, Any]) -> Cookie | None:
    """One entry of an export, None when it has no name and value in any of the known spellings."""
    name, value = row.get("name", row.get("Name raw")), row.get("value", row.get("Content raw"))
    if not isinstance(name, str) or not isinstance(value, str) or not name:
        return None
    return Cookie(
        domain=_host(str(row.get("domain", row.get("Host raw", "")))),
        path=str(row.get("path", row.get("Path raw", "/"))),
        name=name,
        value=value,
        expires=None if row.get("session") is True else _moment(_first(row, _EXPIRY_KEYS)),
        secure=_is_true(_first(row, ("secure", "Send for raw"))),
        http_only=_is_true(_first(row, ("httpOnly", "HTTP only raw"))),
    )


_EXPIRY_KEYS = ("expirationDate", "expires", "expiry", "Expires raw")


def _first(row: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((row[key] for key in keys if key in row), None)


def _host(domain: str) -> str:
    """`.bandcamp.com` of `.bandcamp.com` and of Cookie Quick Manager's `https://.bandcamp.com/`."""
    return re.sub(r"(?i)^https?://", "", domain.strip()).split("/")[0].lower()


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _in_container(row: dict[str, Any]) -> bool:
    in_firefox = str(row.get("storeId", "")).startswith("firefox-container")
    return in_firefox or str(row.get("userContextId") or "0") != "0"


# --- shared -------------------------------------------------------------------------------------------------


def _is_expiry(text: str) -> bool:
    return not text.strip() or _number(text) is not None


def _moment(expires: object) -> datetime | None:
    """Seconds (or milliseconds) since 1970 in UTC; None, a session cookie, for what is no such time."""
    seconds = _number(expires)
    if seconds is None or seconds <= 0:
        return None
    if seconds >= _MILLISECONDS_FROM:
        seconds /= 1000
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _line_of(text: str, start: str) -> int:
    return text[: text.index(start)].count("\n") + 1
