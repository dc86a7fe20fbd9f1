"""From a format's address to its bytes: popplers, the stat step, the file host, the streams.

Variants of the stat answer (fault `stat`, parameter `variant`): `json`, `js`, `js_spaced`, `var`
(the literal that is not JSON), `var_json`, `ok_without_url`, `retry_url`, `pending`,
`expired` (ExpirationError), `deleted`, `exceeds`, `unknown_error`.
"""

import json
import time
from typing import Any
from urllib.parse import quote

from standin import items, pages
from standin.exchange import Exchange, Response, html, redirect
from standin.model import Purchase
from standin.mutations import mutate
from standin.ranges import asked_range
from standin.settings import Settings
from standin.shelf import Body, Shelf
from standin.tralbum import stream_good, stream_url
from standin.world import World

_WEEK = 604_800  # seconds for which the file host's token holds

_ERRORS = {
    "expired": "ExpirationError",
    "deleted": "DeletedError",
    "exceeds": "ExceedsFreeDownloadsError",
    "unknown_error": "SomethingNewError",
}


class FileHost:
    """Everything that ends in bytes of music."""

    def __init__(self, world: World, settings: Settings, shelf: Shelf) -> None:
        self._world = world
        self._settings = settings
        self._shelf = shelf

    def popplers(self, exchange: Exchange, purchase: Purchase, mode: str) -> Response:
        """`/download/<album|track>`: the bytes, a page or another address, by `mode`."""
        fmt = exchange.request.query.get("enc", "")
        if not self._signed(exchange, purchase, fmt):
            return html("<html><body>Not Found</body></html>", 404)
        base = exchange.request.base
        if mode == "bcbits":
            return redirect(self._bcbits_url(base, purchase, fmt))
        if mode == "direct" and not exchange.logged_in:
            return redirect(items.redownload_url(self._world, base, purchase))
        return self._send(exchange, purchase, fmt)

    def bcbits(self, exchange: Exchange, purchase: Purchase, fmt: str) -> Response:
        """`/bcbits/download/...`: whoever has the address has the file, for a week."""
        issued, _, mark = exchange.request.query.get("token", "").partition("_")
        good = issued.isdigit() and mark == self._world.sign("token", purchase.key, fmt, issued)
        if not good or int(issued) < time.time() or not self._signed(exchange, purchase, fmt):
            return html("<html><body>403 Forbidden</body></html>", 403)
        return self._send(exchange, purchase, fmt)

    def stat(self, exchange: Exchange, purchase: Purchase) -> Response:
        """`/statdownload/<album|track>`."""
        fmt = exchange.request.query.get("enc", "")
        if not self._signed(exchange, purchase, fmt):
            return html("<html><body>Not Found</body></html>", 404)
        request = exchange.request
        params = exchange.fault("stat") or {}
        variant = "expired" if exchange.fault("reauth") is not None else params.get("variant", "")
        wrapper = variant if variant in ("json", "js", "js_spaced", "var", "var_json") else ""
        if not wrapper:
            wants_json = "application/json" in request.headers.get("accept", "")
            plain = "json" if wants_json else "js" if ".vrs" in request.query else "var"
            # The literal can only say ok; anything else needs an object to say it in.
            wrapper = "var_json" if plain == "var" and variant else plain
        return _wrapped(mutate(exchange, self._stat_data(exchange, purchase, fmt, str(variant))), wrapper)

    def stream(self, exchange: Exchange, fmt: str, track_id: str) -> Response:
        """`/stream/<hash>/<format>/<track>`."""
        found = self._world.by_track(track_id)
        if not found or fmt not in ("mp3-128", "mp3-v0"):
            return html("Not Found", 404)
        purchase, track = found
        life = self._settings.stream_life
        if not stream_good(self._world, exchange, fmt, track, life) or purchase.release is None:
            return html("<html><body>403 Forbidden</body></html>", 403)
        data = self._shelf.stream(purchase.release, track, fmt)
        etag = f'"{track.track_id}-{fmt}-{len(data)}"'
        return _ranged(exchange, Body(data, "", "audio/mpeg", etag))

    def stream_redirect(self, exchange: Exchange) -> Response:
        """`/stream_redirect?...`: the listing's address for a track's V0."""
        query = exchange.request.query
        found = self._world.by_track(query.get("track_id", ""))
        if not found:
            return html("Not Found", 404)
        if query.get("t") != self._world.sign("redirect", found[1].track_id, query.get("ts", "")):
            return html("<html><body>403 Forbidden</body></html>", 403)
        return redirect(stream_url(self._world, exchange.request.base, found[1], "mp3-v0"))

    def error_block(self, exchange: Exchange, purchase: Purchase | None, alert: str) -> Response:
        """The download page with one of its error blocks open, in place of a file."""
        if purchase is None or purchase.release is None:
            return pages.document("Download", f"<p>{alert}</p>")
        return pages.download_page(self._world, exchange, purchase, self._shelf, alert)

    def _signed(self, exchange: Exchange, purchase: Purchase, fmt: str) -> bool:
        query = exchange.request.query
        return (
            purchase.release is not None
            and purchase.downloadable
            and fmt in purchase.formats
            and query.get("sig") == self._world.sign("file", purchase.sale_id)[:32]
            and query.get("id") == str(purchase.release.release_id)
        )

    def _bcbits_url(self, base: str, purchase: Purchase, fmt: str) -> str:
        assert purchase.release is not None
        expires = int(time.time()) + _WEEK
        number, word = purchase.release.release_id, purchase.release.word
        place = self._world.sign("place", purchase.key, fmt)[:32]
        sig = self._world.sign("file", purchase.sale_id)[:32]
        token = f"{expires}_{self._world.sign('token', purchase.key, fmt, expires)}"
        return (
            f"{base}/bcbits/download/{word}/{place}/{fmt}/{number}"
            f"?id={number}&sig={sig}&sitem_id={purchase.sale_id}&token={token}"
        )

    def _stat_data(self, exchange: Exchange, purchase: Purchase, fmt: str, variant: str) -> dict[str, Any]:
        base = exchange.request.base
        bare = base.partition("://")[2]
        here = f"{bare}/statdownload/album?enc={fmt}&id={purchase.item_id}"
        answer: dict[str, Any] = {"result": "ok", "url": here, "host": "stand-in-1"}
        date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        if variant == "ok_without_url":
            return {"result": "ok"}
        if variant == "pending":
            return {**answer, "result": "pending"}
        if variant == "retry_url":
            retry = items.file_url(self._world, base, purchase, fmt)
            return {**answer, "result": "err", "errortype": "ExpiredFreeDownloadError",
                    "retry_url": retry, "date": date}  # fmt: skip
        if variant in _ERRORS:
            return {**answer, "result": "err", "errortype": _ERRORS[variant], "retry_url": "",
                    "date": date}  # fmt: skip
        return {**answer, "download_url": self._bcbits_url(base, purchase, fmt)}

    def _send(self, exchange: Exchange, purchase: Purchase, fmt: str) -> Response:
        assert purchase.release is not None
        flip = exchange.fault("flip_byte") or {}
        damage = int(flip.get("where") == "audio")
        if (params := exchange.fault("damaged_audio")) is not None:
            damage = int(params.get("bytes", 8000))
        changed = exchange.fault("changed_file") is not None
        with self._world.lock:
            body = self._shelf.download(purchase.release, fmt, self._settings.zip_style, rebuilt=changed, damage=damage)
        response = _ranged(exchange, body)
        if exchange.fault("no_disposition") is None:
            plain = body.name.replace('"', "'")
            encoded = quote(body.name, safe="")
            response.headers.append((
                "Content-Disposition",
                f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
            ))  # fmt: skip
        return response


def _ranged(exchange: Exchange, body: Body) -> Response:
    """The whole body or the part asked for, unless faults forbid parts."""
    headers = exchange.request.headers
    response = Response(200, body.data, body.mime)
    if exchange.fault("no_range_headers") is None:
        response.headers += [("Accept-Ranges", "bytes"), ("ETag", body.etag)]
    wanted = headers.get("range")
    condition = headers.get("if-range", body.etag)
    if wanted is None or exchange.fault("ignore_range") is not None or condition != body.etag:
        return response
    try:
        part = asked_range(wanted, len(body.data))
    except ValueError:
        size = [("Content-Range", f"bytes */{len(body.data)}")]
        return Response(416, b"", "text/html", size)
    if part is None:
        return response
    start, end = part
    response.status, response.body = 206, body.data[start:end]
    response.headers.append(("Content-Range", f"bytes {start}-{end - 1}/{len(body.data)}"))
    return response


def _wrapped(data: dict[str, Any], wrapper: str) -> Response:
    """A stat answer in one of the coats that clients have met."""
    text = json.dumps(data, separators=(",", ":"))
    if wrapper == "json":
        return Response(200, text.encode(), "application/json")
    coats = {
        "js": f"if ( window.Downloads ) {{ Downloads.statResult ( {text} ) }};\n",
        "js_spaced": f"if(window.Downloads){{ window.Downloads.statResult({text}); }}",
        "var": "var _statDL_result = { result: 'ok'};\n",
        "var_json": f"var _statDL_result = {text};\n",
    }
    return Response(200, coats[wrapper].encode(), "text/javascript; charset=utf-8")
