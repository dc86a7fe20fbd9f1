"""The fan API: collection summary, lists with their cursors, search."""

import threading
import time
from bisect import bisect_right
from typing import Any

from standin import items
from standin.exchange import Exchange, Response, as_json, redirect
from standin.model import Purchase, stamp
from standin.mutations import mutate
from standin.settings import Settings
from standin.world import World


def error(message: str) -> Response:
    """The API's envelope for everything that it does not like, in a 200."""
    return as_json({"error": True, "error_message": message})


class FanApi:
    """Answers the fan API. Remembers the time of the last listing call, as the real one seems to."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings
        self._last_call = 0.0
        self._lock = threading.Lock()

    def summary(self, exchange: Exchange) -> Response:
        """`GET /api/fan/2/collection_summary`."""
        world = self._world
        if not exchange.logged_in:
            return self._refusal(exchange)
        base = exchange.request.base
        lookup = {
            f"{purchase.release.letter}{purchase.release.release_id}": {
                "item_type": purchase.release.letter,
                "item_id": purchase.release.release_id,
                "band_id": purchase.band.band_id,
                "purchased": stamp(purchase.bought),
            }
            for purchase in world.purchases
            if purchase.release
        }
        return as_json(mutate(exchange, {
            "fan_id": world.fan_id,
            "collection_summary": {
                "fan_id": world.fan_id,
                "username": world.username,
                "url": f"{base}/{world.username}",
                "tralbum_lookup": lookup,
                "follows": {"following": {}},
            },
        }))  # fmt: skip

    def list_items(self, exchange: Exchange, which: str) -> Response:
        """`POST /api/fancollection/1/{collection,hidden,wishlist}_items`."""
        try:
            body = exchange.request.json()
            time_part, id_part = _cursor(str(body["older_than_token"]))
            fan_id, count = int(body["fan_id"]), int(body.get("count") or 20)
        except (ValueError, KeyError, TypeError):
            return error("bad query")
        if fan_id != self._world.fan_id:
            return error("No such fan")
        refused = not exchange.logged_in and self._style(exchange) != "error"
        if refused:
            return self._refusal(exchange)
        everything = self._owned(exchange, which)
        start = bisect_right(everything, (-time_part, -id_part), key=_descending)
        if (params := exchange.fault("short_page")) is not None:
            count = min(count, int(params.get("count", 7)))
        end = min(len(everything), start + max(0, count))
        return self._answer(exchange, which, everything, start, end)

    def search(self, exchange: Exchange) -> Response:
        """`POST /api/fancollection/1/search_items`: titles and sellers that hold the key."""
        try:
            body = exchange.request.json()
            wanted = str(body["search_key"]).casefold()
        except (ValueError, KeyError, TypeError):
            return error("bad query")
        if not exchange.logged_in and self._style(exchange) != "error":
            return self._refusal(exchange)
        base = exchange.request.base
        found = [
            purchase
            for purchase in self._owned(exchange, "collection")
            if wanted in f"{purchase.title or ''} {purchase.band_name or ''}".casefold()
        ][:100]
        return as_json(mutate(exchange, {
            "tralbums": [items.collection_item(self._world, base, entry) for entry in found],
            "redownload_urls": self._links(exchange, found),
            "gifts": [],
            "item_lookup": _lookup(found),
        }))  # fmt: skip

    def _answer(
        self,
        exchange: Exchange,
        which: str,
        everything: list[Purchase],
        start: int,
        end: int,
    ) -> Response:
        base = exchange.request.base
        page = everything[start:end]
        if (params := exchange.fault("duplicates")) is not None:
            page = everything[max(0, start - int(params.get("count", 3))) : end]
        more = end < len(everything)
        if self._too_fast() or exchange.fault("false_more") is not None:
            more = False
        data: dict[str, Any] = {
            "items": [items.collection_item(self._world, base, entry) for entry in page],
            "more_available": more,
            "last_token": self._last_token(exchange, everything, end) if page else None,
            "redownload_urls": self._links(exchange, page),
            "tracklists": {
                f"{entry.letter}{entry.item_id}": items.tracklist(self._world, base, entry.release, exchange.logged_in)
                for entry in page
                if entry.release
            },
            "item_lookup": _lookup(page),
            "purchase_infos": {},
            "collectors": {},
        }
        if which == "hidden":
            data |= {"similar_gift_ids": {}, "last_token_is_gift": False}
        if exchange.fault("no_more_field") is not None:
            del data["more_available"]
        if exchange.fault("null_redownload") is not None:
            data["redownload_urls"] = None
        return as_json(mutate(exchange, data))

    def _owned(self, exchange: Exchange, which: str) -> list[Purchase]:
        """A list as this caller may see it: hidden purchases are the owner's alone."""
        if which == "collection":
            return self._world.listing(hidden=False)
        if which == "hidden" and exchange.logged_in:
            return self._world.listing(hidden=True)
        return []

    def _links(self, exchange: Exchange, page: list[Purchase]) -> dict[str, str]:
        if not exchange.logged_in or exchange.fault("empty_redownload") is not None:
            return {}
        base = exchange.request.base
        return {entry.key: items.redownload_url(self._world, base, entry) for entry in page if entry.linked}

    def _last_token(self, exchange: Exchange, everything: list[Purchase], end: int) -> str:
        at = end - 1
        if (params := exchange.fault("overshoot")) is not None:
            at = max(0, min(len(everything) - 1, at + int(params.get("by", 2))))
        return everything[at].token

    def _too_fast(self) -> bool:
        with self._lock:
            now, last = time.monotonic(), self._last_call
            self._last_call = now
        return (now - last) * 1000 < self._settings.fast_call_ms

    def _style(self, exchange: Exchange) -> str:
        params = exchange.fault("logged_out") or {}
        return str(params.get("style", self._settings.logged_out))

    def _refusal(self, exchange: Exchange) -> Response:
        """What somebody without a login gets, in the style that was asked for."""
        style = self._style(exchange)
        if style == "302":
            return redirect(f"{exchange.request.base}/login?from=api")
        if style in ("401", "403"):
            data = {"error": True, "error_message": "must be logged in"}
            return as_json(data, int(style))
        return error("must be logged in")


def _cursor(token: str) -> tuple[float, int]:
    """Purchase time and item id of a token; a ValueError where it is none."""
    parts = token.split(":")
    if len(parts) < 3 or not parts[2]:
        raise ValueError("a token needs a time, an id and a type")
    return float(parts[0]), int(parts[1] or 0)


def _descending(purchase: Purchase) -> tuple[float, int]:
    return -purchase.unix, -purchase.item_id


def _lookup(page: list[Purchase]) -> dict[str, Any]:
    return {
        str(entry.release.release_id): {"item_type": entry.letter, "purchased": True} for entry in page if entry.release
    }
