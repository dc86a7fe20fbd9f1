"""The cookies of a Bandcamp session: read from the user's file, chosen, sent, and handed to yt-dlp.

Only `identity` carries the login. It is sent exactly as it was exported; nothing is read out of it, and no
value of any cookie appears in an error or a repr.
"""

import ipaddress
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from bandcamp_sync.bandcamp.cookie_formats import Cookie, parse_cookies
from bandcamp_sync.errors import CookiesInvalid, CookiesMissing
from bandcamp_sync.files.reading import NotAFile, read_bytes

__all__ = [
    "Cookie",
    "ExpiryState",
    "bandcamp_cookies",
    "cookie_header",
    "cookies_in",
    "expiry_state",
    "login_expiry",
    "netscape_text",
    "parse_cookies",
    "read_cookies",
    "session_cookies",
]

ExpiryState = Literal["valid", "about to expire", "expired", "unknown"]

IDENTITY = "identity"
MAX_FILE_BYTES = 1024 * 1024
WARN_BEFORE = timedelta(days=14)

_BANDCAMP = "bandcamp.com"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SENDABLE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
_SENDABLE_NAME = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NAMES_SHOWN = 12


def read_cookies(path: Path) -> list[Cookie]:
    """All cookies of the file at `path`, of every site.

    Raises CookiesMissing, CookiesInvalid (also for a folder, or more than 1 MiB), or OSError when it cannot
    be read.
    """
    try:
        content = read_bytes(path, MAX_FILE_BYTES)
    except FileNotFoundError:
        raise CookiesMissing(path) from None
    except NotAFile as error:
        problem = str(error.strerror)
        if path.is_dir():
            problem = "it is a folder (Docker makes one where a mounted file is missing); remove it"
        raise CookiesInvalid(path, problem) from None
    return cookies_in(content, str(path))


def cookies_in(content: bytes, source: str) -> list[Cookie]:
    """All cookies of a file's content, of every site; `source` names it in errors. Raises CookiesInvalid."""
    if len(content) > MAX_FILE_BYTES:
        raise CookiesInvalid(source, "it is larger than 1 MiB, which no list of cookies is")
    return parse_cookies(_decoded(content, source), source)


def bandcamp_cookies(cookies: Iterable[Cookie], base_host: str) -> list[Cookie]:
    """Those of `base_host` and bandcamp.com alone: one for each name, chosen as `session_cookies` says."""
    host = base_host.lower().split(":")[0].lstrip(".")
    best: dict[str, tuple[tuple[int, datetime], Cookie]] = {}
    for cookie in cookies:
        rank = _rank(cookie, host)
        if rank is not None and (cookie.name not in best or rank >= best[cookie.name][0]):
            best[cookie.name] = (rank, cookie)
    return [cookie for _, cookie in best.values()]


def session_cookies(cookies: Iterable[Cookie], base_host: str, source: str = "the cookies") -> list[Cookie]:
    """The cookies to send: one for each name, of `base_host` and its subdomains, else of bandcamp.com and its
    own.

    Of several with one name the site's own domain wins over its subdomains, then the one that expires last (a
    session cookie only where no other is). `source` names the file in errors. Raises CookiesInvalid without a
    usable `identity`; the error tells the names that there are, never a value.
    """
    everything = list(cookies)
    chosen = bandcamp_cookies(everything, base_host)
    _check_identity(chosen, everything, base_host.lower().split(":")[0].lstrip("."), source)
    return [c for c in chosen if _SENDABLE.fullmatch(c.value) and _SENDABLE_NAME.fullmatch(c.name)]


def cookie_header(cookies: Iterable[Cookie], now: datetime) -> str:
    """The value of a `Cookie:` header with the cookies that are still valid at `now`."""
    valid = [cookie for cookie in cookies if cookie.expires is None or cookie.expires > now]
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in valid)


def login_expiry(cookies: Iterable[Cookie]) -> datetime | None:
    """When the login ends by its own account, in UTC; None when it does not say."""
    return next((cookie.expires for cookie in cookies if cookie.name == IDENTITY), None)


def expiry_state(expires: datetime | None, now: datetime, warn: timedelta = WARN_BEFORE) -> ExpiryState:
    """In words for people how long a login lasts."""
    if expires is None:
        return "unknown"
    if expires <= now:
        return "expired"
    return "about to expire" if expires - now <= warn else "valid"


def netscape_text(cookies: Iterable[Cookie], domain: str) -> str:
    """A cookies.txt for yt-dlp, with every cookie put on `domain` and its subdomains. It holds the values."""
    host = domain.lower().lstrip(".")
    place, subdomains = (host, "FALSE") if _is_address(host) else (f".{host}", "TRUE")
    rows = [
        "\t".join(
            (
                ("#HttpOnly_" if cookie.http_only else "") + place,
                subdomains,
                "/",
                "TRUE" if cookie.secure else "FALSE",
                str(int(cookie.expires.timestamp()) if cookie.expires else 0),
                cookie.name,
                cookie.value,
            )
        )
        for cookie in cookies
    ]
    return "\n".join(["# Netscape HTTP Cookie File", *rows, ""])


def _decoded(content: bytes, source: str) -> str:
    """The text of a file that an editor may have saved as UTF-16; raises CookiesInvalid, with the line."""
    encoding = "utf-16" if content.startswith(_UTF16_MARKS) else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
    raise CookiesInvalid(source, "it is not a text file in UTF-8", line)


def _rank(cookie: Cookie, host: str) -> tuple[int, datetime] | None:
    """How good a cookie is for a session on `host`, None for another site's."""
    domain = cookie.domain.lower().lstrip(".")
    expires = cookie.expires or _EPOCH
    for worth, site in ((3, host), (1, _BANDCAMP)):
        if domain in ("", site):
            return worth, expires
        if domain.endswith(f".{site}"):
            return worth - 1, expires
    return None


def _check_identity(chosen: list[Cookie], everything: list[Cookie], host: str, source: str) -> None:
    identity = next((cookie for cookie in chosen if cookie.name == IDENTITY), None)
    if identity is None:
        raise CookiesInvalid(source, f"no identity cookie for {host}; {_what_is_there(chosen, everything)}")
    if not identity.value:
        raise CookiesInvalid(source, "the identity cookie is empty")
    if not _SENDABLE.fullmatch(identity.value):
        raise CookiesInvalid(source, "the identity cookie has characters that no cookie has (decoded by the exporter?)")


def _what_is_there(chosen: list[Cookie], everything: list[Cookie]) -> str:
    if not chosen:
        return f"there are {len(everything)} cookies, all of other sites"
    names = sorted({re.sub(r"[^\x21-\x7e]", "?", cookie.name)[:40] for cookie in chosen})
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"there are {', '.join(names[:_NAMES_SHOWN])}{more} (export while you are logged in)"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
