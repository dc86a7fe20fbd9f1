"""Listings of purchases: an answer's items, its links, its token. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandcamp_sync.bandcamp.answers import Json, as_flag, as_int, as_mapping, as_moment, as_text, parse_json
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import ShapeChanged


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
    urls = as_mapping(answer.get("redownload_urls"))
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
    art = as_mapping(entry.get("item_art"))
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
        is_preorder=as_flag(entry.get("is_preorder")),
        hidden=hidden or as_flag(entry.get("hidden")),
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
    hints = as_mapping(entry.get("url_hints"))
    subdomain, slug = as_text(hints.get("subdomain")), as_text(hints.get("slug"))
    if as_text(hints.get("custom_domain")) and subdomain and slug:
        kind = "track" if hints.get("item_type") == "t" else "album"
        if re.fullmatch(r"[a-z0-9-]+", subdomain) and re.fullmatch(r"[\w%.~-]+", slug):
            return f"https://{subdomain}.bandcamp.com/{kind}/{slug}"
    return as_text(entry.get("item_url"))
