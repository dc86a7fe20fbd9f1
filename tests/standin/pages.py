"""The HTML pages: home, profile, download page."""

import html as escaping
import json
from typing import Any

from standin import items
from standin.exchange import Exchange, Response, html
from standin.model import FORMATS, Purchase
from standin.mutations import mutate
from standin.shelf import Shelf
from standin.world import World

_BATCH = 20


def blob(exchange: Exchange, element: str, data: dict[str, Any]) -> str:
    """The element that carries a page's data, unless a fault takes it away."""
    if exchange.fault("redesign") is not None:
        return '<div id="root" data-state="v2"></div>'
    text = json.dumps(mutate(exchange, data))
    if exchange.fault("single_quotes") is not None:
        only = text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;")
        return f"<div id='{element}' data-blob='{only}'></div>"
    return f'<div id="{element}" data-blob="{escaping.escape(text)}"></div>'


def document(title: str, body: str) -> Response:
    """A page around its body."""
    return html(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escaping.escape(title)}</title></head>\n<body>{body}</body></html>\n"
    )


def identities(world: World, exchange: Exchange) -> dict[str, Any]:
    """Who Bandcamp thinks is asking."""
    if not exchange.logged_in:
        return {"user": None, "fan": None}
    return {
        "user": {"id": world.user_id},
        "fan": {
            "id": world.fan_id,
            "username": world.username,
            "name": "A Listener",
            "photo": None,
            "private": False,
            "verified": exchange.fault("unverified") is None,
            "url": f"{exchange.request.base}/{world.username}",
        },
    }


def home(world: World, exchange: Exchange) -> Response:
    """The home page, which tells a login by `#HomepageApp` and has no `#pagedata`."""
    identity = None
    if exchange.logged_in:
        identity = {
            "fanId": world.fan_id,
            "fanUsername": world.username,
            "isFanVerified": exchange.fault("unverified") is None,
        }
    return document("Bandcamp", blob(exchange, "HomepageApp", {"pageContext": {"identity": identity}}))


def profile(world: World, exchange: Exchange) -> Response:
    """A fan's page with the first batch of the collection."""
    base = exchange.request.base
    visible, hidden = world.listing(hidden=False), world.listing(hidden=True)
    first, first_hidden = visible[:_BATCH], hidden[:_BATCH] if exchange.logged_in else []
    links = {
        purchase.key: items.redownload_url(world, base, purchase)
        for purchase in (*first, *first_hidden)
        if purchase.linked and exchange.logged_in
    }
    data = {
        "collection_count": len(visible),
        "identities": identities(world, exchange),
        "fan_data": {
            "fan_id": world.fan_id,
            "username": world.username,
            "name": "A Listener",
            "is_own_page": exchange.logged_in,
            "trackpipe_url": f"{base}/{world.username}",
        },
        "current_fan": {"fan_id": world.fan_id} if exchange.logged_in else None,
        "collection_data": {
            **_sequence(first, len(visible)),
            "pending_sequence": [],
            "small_collection": len(visible) <= _BATCH,
            "hidden_items_count": len(hidden) if exchange.logged_in else 0,
            "redownload_urls": links,
            "purchase_infos": {},
            "collectors": {},
        },
        "hidden_data": _sequence(first_hidden, len(hidden) if exchange.logged_in else 0),
        "wishlist_data": _sequence([], 0),
        "item_cache": {
            "collection": _cache(world, base, first),
            "hidden": _cache(world, base, first_hidden),
            "wishlist": {},
        },
        "tracklists": {"collection": {}, "hidden": {}},
    }
    return document("A Listener | Bandcamp", blob(exchange, "pagedata", data))


def _mark(purchase: Purchase) -> str:
    return f"{purchase.letter}{purchase.item_id}"


def _sequence(purchases: list[Purchase], total: int) -> dict[str, Any]:
    return {
        "last_token": f"{purchases[-1].token[:-1]}{len(purchases)}:" if purchases else None,
        "item_count": total,
        "batch_size": _BATCH,
        "sequence": list(dict.fromkeys(_mark(purchase) for purchase in purchases)),
    }


def _cache(world: World, base: str, purchases: list[Purchase]) -> dict[str, Any]:
    """Items by mark, without the three fields that only the API's items have."""
    cache: dict[str, Any] = {}
    for purchase in purchases:
        item = items.collection_item(world, base, purchase)
        for name in ("token", "price", "added"):
            item.pop(name, None)
        cache.setdefault(_mark(purchase), item)
    return cache


def download_page(world: World, exchange: Exchange, asked: Purchase, shelf: Shelf, alert: str = "") -> Response:
    """The page behind a redownload link; `alert` opens one of its error blocks."""
    base = exchange.request.base
    sold = [purchase for purchase in world.by_payment(asked.payment_id) if purchase.release is not None]
    entries = [items.digital_item(world, base, purchase, shelf, exchange) for purchase in sold]
    data = {
        "identities": identities(world, exchange),
        "logged_out_fan": not exchange.logged_in,
        "is_redownload": True,
        "has_downloads": any("downloads" in entry for entry in entries),
        "multidownload": len(entries) > 1,
        "gift_download_page": False,
        "download_format": "flac",
        "packages": [entry for entry in entries if entry["item_type"] == "p"],
        "live_tickets": [],
        "sent_gifts": [],
        "fan_email": "a@example.org" if exchange.logged_in else None,
        "cfg": {"stat_dl_json": True},
        "digital_items": entries,
        "download_items": entries,
        "download_formats": [
            {
                "name": name,
                "db_column": name.replace("-", "_"),
                "file_extension": suffix,
                "mime_type": mime,
                "description": description,
                "has_variants": True,
            }
            for name, (suffix, mime, description) in FORMATS.items()
        ],
    }
    return document("Download | Bandcamp", blob(exchange, "pagedata", data) + _alerts(alert))


def _alerts(shown: str) -> str:
    """The error blocks that every download page holds, all but `shown` out of sight."""
    blocks = (
        ("expired", "email-reauth-error", "expiredError", "Download expired."),
        ("cutoff", "cutoff-error", "cutoffError",
         "This download has been requested too often. Please try again in one hour."),
        ("drop", "drop-error", "dropError", "We could not prepare your download."),
        ("generic", "generic-error", "genericError", "We are under heavy load right now."),
    )  # fmt: skip
    return "".join(
        f'<div class="{css}" data-bind="visible: {name}()" '
        f'style="{"" if kind == shown else "display: none;"}"><p>{text}</p></div>'
        for kind, css, name, text in blocks
    )
