"""Bandcamp's pages and answers, parsed into values. Pure; read defensively, because anything may change.

What cannot be found where it was raises `ShapeChanged`, naming the field. Names of fields are Bandcamp's.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import LoggedOut, ShapeChanged

Json = dict[str, Any]


# --- what kind of answer is this? -----------------------------------------------------------------------------------

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


# --- small conversions ----------------------------------------------------------------------------------------------


def as_int(value: Any) -> int | None:
    """A number that came as a number or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value.strip()) else None


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


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


# --- who is logged in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fan:
    """The fan whose session it is. `owned`: tralbums as `a123`/`t123`, empty when not said."""

    fan_id: int
    username: str | None = None
    owned: frozenset[str] = frozenset()


def parse_summary(text: str) -> Fan:
    """`/api/fan/2/collection_summary`."""
    where = "collection_summary answer"
    answer = parse_json(text, where)
    summary = _mapping(answer.get("collection_summary"))
    fan_id = as_int(answer.get("fan_id")) or as_int(summary.get("fan_id"))
    if fan_id is None:
        if answer.get("error"):
            raise LoggedOut(f"{where} is an error")
        raise ShapeChanged(where, "fan_id")
    username = as_text(summary.get("username")) or as_text(_mapping(summary.get("url_hints")).get("subdomain"))
    if username is None and (url := as_text(summary.get("url"))):
        username = url.rstrip("/").rsplit("/", 1)[-1]
    return Fan(fan_id, username, frozenset(map(str, _mapping(summary.get("tralbum_lookup")))))


def parse_identity(html: str, where: str) -> Fan:
    """The fan on any page that says who is logged in: the home page, a profile page, a download page.

    Raises LoggedOut when the page says nobody is, ShapeChanged when it does not say.
    """
    home = find_blob(html, "HomepageApp")
    context = _mapping(home.get("pageContext")) if home else {}
    if home is not None and "identity" in context:
        identity = _mapping(context["identity"])
        fan_id = as_int(identity.get("fanId"))
        if fan_id is None:
            raise LoggedOut(f"{where} shows no identity")
        return Fan(fan_id, as_text(identity.get("fanUsername")))
    blob = find_blob(html, "pagedata")
    if blob is None and home is None:
        raise ShapeChanged(where, "data-blob of #HomepageApp or #pagedata")
    identities = _mapping(blob).get("identities")
    if isinstance(identities, dict) and "fan" in identities:
        fan = _mapping(identities["fan"])
        fan_id = as_int(fan.get("id"))
        if fan_id is None:
            raise LoggedOut(f"{where} shows no fan")
        return Fan(fan_id, as_text(fan.get("username")))
    own = _mapping(_mapping(blob).get("fan_data"))
    if own.get("is_own_page") and (fan_id := as_int(own.get("fan_id"))) is not None:
        return Fan(fan_id, as_text(own.get("username")))
    raise ShapeChanged(where, "pageContext.identity or identities.fan")


# --- listing purchases ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """How many purchases Bandcamp says there are; None where it does not say."""

    collection: int | None
    hidden: int | None


def parse_profile_counts(html: str) -> Counts:
    """The counts on the fan's own profile page; all of them optional."""
    blob = find_blob(html, "pagedata") or {}
    visible, hidden = _mapping(blob.get("collection_data")), _mapping(blob.get("hidden_data"))
    return Counts(
        as_int(visible.get("item_count")) or as_int(blob.get("collection_count")),
        as_int(hidden.get("item_count")) or as_int(visible.get("hidden_items_count")),
    )


@dataclass(frozen=True)
class ListingPage:
    """One page of a listing. `bare`: there were music items, and not one had a link; `absent`: no such list exists."""

    items: tuple[Item, ...]
    last_token: str | None
    bare: bool
    absent: bool = False


def parse_listing(text: str, hidden: bool) -> ListingPage:
    """An answer of `collection_items` or `hidden_items`."""
    where = "hidden_items answer" if hidden else "collection_items answer"
    answer = parse_json(text, where)
    raw = answer.get("items")
    if not isinstance(raw, list):
        raise ShapeChanged(where, "items")
    if raw and not hidden and "redownload_urls" not in answer:
        raise ShapeChanged(where, "redownload_urls")
    urls = _mapping(answer.get("redownload_urls"))
    found = (_item_or_none(entry, urls, hidden) for entry in raw if isinstance(entry, dict))
    items = tuple(item for item in found if item is not None)
    if raw and not items:
        raise ShapeChanged(where, "items[].sale_item_id")
    music = [item for item in items if item.item_type in ("album", "track")]
    return ListingPage(items, _last_token(raw, answer), bool(music) and not urls)


def _last_token(raw: list[Any], answer: Json) -> str | None:
    # The last item's own token: the answer's `last_token` overshoots at times (protocol notes 3.2).
    for entry in reversed(raw):
        if isinstance(entry, dict) and (token := as_text(entry.get("token"))):
            return token
    return as_text(answer.get("last_token"))


def _item_or_none(entry: Json, urls: Mapping[str, Any], hidden: bool) -> Item | None:
    try:
        return parse_item(entry, urls, hidden)
    except (ValueError, OverflowError):
        return None  # one odd entry must not hide the others; counts and lookup tell that it is missing


def parse_item(entry: Json, urls: Mapping[str, Any], hidden: bool) -> Item | None:
    """A listed purchase; None when nothing in it could name it."""
    key = item_key(entry)
    if key is None:
        return None
    tralbum_type, tralbum_id = as_text(entry.get("tralbum_type")), as_int(entry.get("tralbum_id"))
    art = _mapping(entry.get("item_art"))
    art_id = entry.get("item_art_id") or art.get("art_id")
    return Item(
        key=key,
        item_id=as_int(entry.get("item_id")),
        item_type=as_text(entry.get("item_type")) or "album",
        band_name=as_text(entry.get("band_name")),
        item_title=as_text(entry.get("item_title")),
        item_url=_public_url(entry),
        art_id=str(art_id) if isinstance(art_id, int | str) and re.fullmatch(r"\d{1,20}", str(art_id)) else None,
        purchased=as_moment(entry.get("purchased")) or as_moment(entry.get("added")),
        is_preorder=bool(entry.get("is_preorder")),
        hidden=hidden or bool(entry.get("hidden")),
        redownload_url=as_text(urls.get(key)),
        tralbum=f"{tralbum_type[0]}{tralbum_id}" if tralbum_type and tralbum_id is not None else None,
        tracks=as_int(entry.get("num_streamable_tracks")),
    )


def item_key(entry: Json) -> str | None:
    """sale_item_type + sale_item_id; an entry without a sale is named after its release, which no sale type uses."""
    sale_type, sale_id = as_text(entry.get("sale_item_type")), as_int(entry.get("sale_item_id"))
    if sale_type and sale_id is not None and sale_id >= 0 and re.fullmatch(r"[a-z]{1,3}", sale_type):
        return f"{sale_type}{sale_id}"
    item_id = as_int(entry.get("item_id")) or as_int(entry.get("tralbum_id"))
    letter = (as_text(entry.get("item_type")) or "a")[0]
    return f"x{letter}{item_id}" if item_id is not None and item_id >= 0 and letter.isascii() else None


def _public_url(entry: Json) -> str | None:
    """The public page; on the band's own domain Bandcamp's name for it, because only that one is asked."""
    hints = _mapping(entry.get("url_hints"))
    subdomain, slug = as_text(hints.get("subdomain")), as_text(hints.get("slug"))
    if as_text(hints.get("custom_domain")) and subdomain and slug:
        kind = "track" if hints.get("item_type") == "t" else "album"
        if re.fullmatch(r"[a-z0-9-]+", subdomain) and re.fullmatch(r"[\w%.~-]+", slug):
            return f"https://{subdomain}.bandcamp.com/{kind}/{slug}"
    return as_text(entry.get("item_url"))


# --- the download page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """One format of one release. `size_bytes` is Bandcamp's rounded figure, None when not announced."""

    format: str
    url: str = field(repr=False)
    size_bytes: int | None


@dataclass(frozen=True)
class DigitalItem:
    """One release on a download page."""

    sale_id: int | None
    ids: frozenset[int]
    kind: str
    title: str | None
    artist: str | None
    art_id: str | None
    release_date: datetime | None
    is_preorder: bool | None
    offers: Mapping[str, Offer]


@dataclass(frozen=True)
class DownloadPage:
    """A download page. `verified`: whether the fan's e-mail address is (None: not said).

    `logged_in`: unless the page denies it.
    """

    items: tuple[DigitalItem, ...]
    verified: bool | None
    logged_in: bool


def parse_download_page(html: str) -> DownloadPage:
    """The page behind a redownload URL."""
    where = "download page"
    blob = find_blob(html, "pagedata")
    if blob is None:
        raise ShapeChanged(where, "data-blob of #pagedata")
    # Three lists with copies of the same; reading more than one counts a purchase twice.
    lists = [v for name in ("digital_items", "download_items", "packages") if isinstance(v := blob.get(name), list)]
    if not lists or (not any(lists) and "digital_items" not in blob and "download_items" not in blob):
        raise ShapeChanged(where, "digital_items")
    raw = next((entries for entries in lists if entries), [])
    identities = blob.get("identities")
    fan = _mapping(_mapping(identities).get("fan"))
    logged_in = blob.get("logged_out_fan") is not True and not (isinstance(identities, dict) and not fan)
    verified = fan.get("verified")
    items = tuple(_digital_item(entry) for entry in raw if isinstance(entry, dict))
    return DownloadPage(items, verified if isinstance(verified, bool) else None, logged_in)


def _digital_item(entry: Json) -> DigitalItem:
    ids = (as_int(entry.get(name)) for name in ("item_id", "download_id", "tralbum_id"))
    preorder = entry.get("is_preorder")
    art_id = as_int(entry.get("art_id"))
    return DigitalItem(
        sale_id=as_int(entry.get("sale_id")),
        ids=frozenset(value for value in ids if value is not None),
        kind="track" if as_text(entry.get("download_type")) == "t" or entry.get("type") == "track" else "album",
        title=as_text(entry.get("title")),
        artist=as_text(entry.get("artist")) or as_text(entry.get("band_name")),
        art_id=None if art_id is None else str(art_id),
        release_date=as_moment(entry.get("release_date")),
        is_preorder=bool(preorder) if preorder is not None else None,
        offers=_offers(entry.get("downloads")),
    )


def _offers(downloads: Any) -> Json:
    offers: Json = {}
    for name, entry in _mapping(downloads).items():
        url = as_text(_mapping(entry).get("url"))
        if url:
            offers[name] = Offer(name, url, parse_size(_mapping(entry).get("size_mb")))
    return offers


_SIZE = re.compile(r"\s*([\d.]+)\s*([KMGT]?)B?\s*", re.I)


def parse_size(text: Any) -> int | None:
    """`79MB`, `1.2GB` in bytes (1024-based, as most clients found); None when it is not such a text."""
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    try:
        return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    except (ValueError, OverflowError):
        return None


def matching_items(page: DownloadPage, item: Item) -> tuple[DigitalItem, ...]:
    """Which of the page's releases belong to this purchase: by sale, else by release, else all of them.

    An old bundle lists many releases under one sale; each of them was bought.
    """
    sale_id = as_int(item.key.lstrip("abcdefghijklmnopqrstuvwxyz"))
    by_sale = _unique(entry for entry in page.items if entry.sale_id is not None and entry.sale_id == sale_id)
    if by_sale:
        return by_sale
    wanted = {item.item_id, as_int(item.tralbum[1:]) if item.tralbum else None} - {None}
    by_id = _unique(entry for entry in page.items if entry.ids & wanted)
    return by_id or _unique(page.items)


def _unique(items: Iterable[DigitalItem]) -> tuple[DigitalItem, ...]:
    seen: dict[object, DigitalItem] = {}
    for position, entry in enumerate(items):
        seen.setdefault((entry.kind, entry.ids) if entry.ids else position, entry)
    return tuple(seen.values())


# --- the stat answer ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stat:
    """What the stat endpoint says: `ok`, `err` or still preparing (`pending`). URLs are bearer secrets."""

    result: str
    download_url: str | None = field(default=None, repr=False)
    retry_url: str | None = field(default=None, repr=False)
    errortype: str | None = None


_LOOSE = re.compile(r"_statDL_result\s*=\s*\{[^}]*?['\"]?result['\"]?\s*:\s*['\"](\w+)['\"]", re.S)


def parse_stat(text: str) -> Stat | None:
    """A stat answer in any of its wrappings (protocol notes 4.2); None when it is something else (HTML, garbage)."""
    answer = _first_object(text)
    if answer is None:
        loose = _LOOSE.search(text)
        return Stat(_result(loose[1])) if loose else None
    return Stat(
        _result(answer.get("result")),
        as_text(answer.get("download_url")),
        as_text(answer.get("retry_url")),
        as_text(answer.get("errortype")),
    )


def _result(value: Any) -> str:
    return value if value in ("ok", "err") else "pending"


def _first_object(text: str) -> Json | None:
    # Inside `if ( window.Downloads ) { Downloads.statResult ( {...} ) }` the first brace is not the object's.
    call = re.search(r"statResult\s*\(\s*", text)
    starts = [call.end()] if call else [m.start() for m in re.finditer(r"\{", text[:400])]
    for start in starts:
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start:])
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "result" in value:
            return value
    return None


# --- a page where a file was asked for --------------------------------------------------------------------------------

_ERROR_BLOCK = r"<div\b(?=[^>]*{mark})(?=[^>]*style\s*=\s*[\"']\s*[\"'])[^>]*>"


def shown_error(html: str) -> str | None:
    """Which error a download page shows instead of the file: `expired`, `cutoff`, or None (protocol notes 4.4).

    A healthy page holds the same blocks, hidden by their style.
    """
    if re.search(_ERROR_BLOCK.format(mark="(?:expiredError|email-reauth-error)"), html):
        return "expired"
    if re.search(_ERROR_BLOCK.format(mark="cutoffError"), html):
        return "cutoff"
    return None
