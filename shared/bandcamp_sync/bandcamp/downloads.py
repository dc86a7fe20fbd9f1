"""The download page: which releases a purchase has, in which formats, and the errors that such a page shows. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bandcamp_sync.bandcamp.answers import Json, as_flag, as_int, as_mapping, as_moment, as_text, find_blob
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import ShapeChanged


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
    fan = as_mapping(as_mapping(identities).get("fan"))
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
        is_preorder=as_flag(preorder) if preorder is not None else None,
        offers=_offers(entry.get("downloads")),
    )


def _offers(downloads: Any) -> Json:
    offers: Json = {}
    for name, entry in as_mapping(downloads).items():
        url = as_text(as_mapping(entry).get("url"))
        if url:
            offers[name] = Offer(name, url, parse_size(as_mapping(entry).get("size_mb")))
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
    """Which of the page's releases belong to this purchase: by sale, else by release, else all that say neither.

    An old bundle lists many releases under one sale; each of them was bought. What is of another sale and another
    release is never taken for this purchase's.
    """
    sale_id = as_int(item.key.lstrip("abcdefghijklmnopqrstuvwxyz"))
    by_sale = _unique(entry for entry in page.items if entry.sale_id is not None and entry.sale_id == sale_id)
    if by_sale:
        return by_sale
    wanted = {item.item_id, as_int(item.tralbum[1:]) if item.tralbum else None} - {None}
    by_id = _unique(entry for entry in page.items if entry.ids & wanted)
    return by_id or _unique(
        entry for entry in page.items if (entry.sale_id is None or sale_id is None) and not (entry.ids and wanted)
    )


def _unique(items: Iterable[DigitalItem]) -> tuple[DigitalItem, ...]:
    seen: dict[object, DigitalItem] = {}
    for position, entry in enumerate(items):
        seen.setdefault((entry.kind, entry.ids) if entry.ids else position, entry)
    return tuple(seen.values())


# Bounded: a page of unclosed tags would be read once for each of them.
_ERROR_BLOCK = r"<div\b(?=[^>]{{0,300}}?{mark})(?=[^>]{{0,300}}?style\s{{0,9}}=\s{{0,9}}[\"']\s{{0,9}}[\"'])"


def shown_error(html: str) -> str | None:
    """Which error a download page shows instead of the file: `expired`, `cutoff`, or None (protocol notes 4.4).

    A healthy page holds the same blocks, hidden by their style.
    """
    if re.search(_ERROR_BLOCK.format(mark="(?:expiredError|email-reauth-error)"), html):
        return "expired"
    if re.search(_ERROR_BLOCK.format(mark="cutoffError"), html):
        return "cutoff"
    return None
