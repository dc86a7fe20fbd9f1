"""Which address is what, and how an answer comes about."""

import re
from typing import Any
from urllib.parse import unquote

from standin import pages, tralbum
from standin.challenge import Challenge
from standin.covers import SIZES, cover
from standin.exchange import Exchange, Request, Response, Route, html
from standin.files import FileHost
from standin.listing import FanApi, error
from standin.model import Purchase
from standin.refusals import ANSWERS
from standin.rules import RuleBook
from standin.settings import Settings
from standin.shelf import Shelf
from standin.world import World

#: Address, name of the route, class of the route. The first that fits counts.
_ADDRESSES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), name, kind)
    for pattern, name, kind in (
        (r"/", "home", "page"),
        (r"/_standin/(.*)", "control", "control"),
        (r"/api/fan/2/collection_summary", "summary", "collection"),
        (r"/api/fancollection/1/(collection|hidden|wishlist)_items", "list", "collection"),
        (r"/api/fancollection/1/search_items", "search", "collection"),
        (r"/api/.*", "unknown_api", "collection"),
        (r"/download", "download_page", "page"),
        (r"/download/(album|track)", "popplers", "file"),
        (r"/statdownload/(album|track)", "stat", "stat"),
        (r"/bcbits/download/(?:album|track)/[0-9a-f]+/([a-z0-9-]+)/\d+", "bcbits", "file"),
        (r"/img/a(\d+)_(\d+)(?:\.jpg)?", "art", "art"),
        (r"/(album|track)/([^/]+)", "tralbum", "album_page"),
        (r"/stream/[0-9a-f]+/([a-z0-9-]+)/(\d+)", "stream", "stream"),
        (r"/stream_redirect", "stream_redirect", "stream"),
        (r"/login", "login", "page"),
        (r"/([^/]+)", "profile", "page"),
    )
)


class Site:
    """Turns a request into an exchange and an answer."""

    def __init__(self, world: World, settings: Settings, rules: RuleBook) -> None:
        self.world = world
        self.settings = settings
        self.rules = rules
        self.shelf = Shelf()
        self.challenge = Challenge()
        self._api = FanApi(world, settings)
        self._files = FileHost(world, settings, self.shelf)

    def route(self, request: Request) -> Route:
        """What the address means."""
        for pattern, name, kind in _ADDRESSES:
            match = pattern.fullmatch(request.path)
            if match:
                args = match.groups()
                key = self._key(request, name, args)
                if name == "popplers" and self._popplers_mode(request, key) == "bcbits":
                    kind = "other"  # a signpost, no file: it must not use up a file's fault
                return Route(name, kind, key, args)
        return Route("unknown", "other")

    def respond(self, request: Request, route: Route) -> tuple[Exchange, Response]:
        """The answer, with what the line needs to know to deliver it."""
        faults = self.rules.draw(
            route.kind,
            request.path,
            route.key,
            lambda name, params: self._spared(request, name, params),
        )
        login = self.world.identity
        logged_in = login is not None and request.cookies.get("identity") == login
        if any(name == "logged_out" for name, _ in faults):
            logged_in = False
        exchange = Exchange(request, route, faults, logged_in)
        asset = self.challenge.asset(request)
        return exchange, asset if asset is not None else self._answer(exchange)

    def _spared(self, request: Request, name: str, params: dict[str, Any]) -> bool:
        """Whether a fault passes this request by, for what the request itself brings."""
        if name == "challenge":
            return self.challenge.passes(request, params)
        if name == "ignore_range" or (name == "changed_file" and params.get("resume_only")):
            return "range" not in request.headers
        if name == "redirect_login":
            return request.path == "/login"
        if name == "logged_out":
            return "identity" not in request.cookies
        return False

    def _key(self, request: Request, name: str, args: tuple[str, ...]) -> str | None:
        purchase: Purchase | None = None
        if name in ("download_page", "popplers", "stat", "bcbits"):
            purchase = self.world.by_sale_id(request.query.get("sitem_id", ""))
        elif name == "tralbum":
            found = self.world.by_slug(args[0], unquote(args[1]))
            purchase = found[0] if found else None
        elif name in ("stream", "stream_redirect"):
            number = args[1] if name == "stream" else request.query.get("track_id", "")
            at = self.world.by_track(number)
            purchase = at[0] if at else None
        return purchase.key if purchase else None

    def _popplers_mode(self, request: Request, key: str | None) -> str:
        return self.rules.popplers(request.path, key) or self.settings.popplers

    def _answer(self, exchange: Exchange) -> Response:
        purchase = self.world.by_key(exchange.route.key) if exchange.route.key else None
        for name, params in exchange.faults:
            if name in ANSWERS:
                return ANSWERS[name](exchange, params)
            if name in ("expired_link", "cutoff"):
                alert = "expired" if name == "expired_link" else "cutoff"
                return self._files.error_block(exchange, purchase, alert)
            if name == "reauth" and exchange.route.kind == "file":
                return self._files.error_block(exchange, purchase, "expired")
        return self._right_answer(exchange, purchase)

    def _right_answer(self, exchange: Exchange, purchase: Purchase | None) -> Response:
        request, args = exchange.request, exchange.route.args
        match exchange.route.name:
            case "home":
                return pages.home(self.world, exchange)
            case "login":
                return pages.document("Log in | Bandcamp", '<form id="login-form"></form>')
            case "profile" if args[0] == self.world.username:
                return pages.profile(self.world, exchange)
            case "summary":
                return self._api.summary(exchange)
            case "list" if request.method == "POST":
                return self._api.list_items(exchange, args[0])
            case "search" if request.method == "POST":
                return self._api.search(exchange)
            case "list" | "search" | "unknown_api":
                return error("bad version")
            case "art":
                return self._art(int(args[0]), args[1])
            case "stream":
                return self._files.stream(exchange, args[0], args[1])
            case "stream_redirect":
                return self._files.stream_redirect(exchange)
        if purchase is not None:
            return self._about_purchase(exchange, purchase)
        return html("<html><body>Sorry, that something isn't here.</body></html>", 404)

    def _about_purchase(self, exchange: Exchange, purchase: Purchase) -> Response:
        request, route = exchange.request, exchange.route
        match route.name:
            case "popplers":
                mode = self._popplers_mode(request, route.key)
                return self._files.popplers(exchange, purchase, mode)
            case "stat":
                return self._files.stat(exchange, purchase)
            case "bcbits":
                return self._files.bcbits(exchange, purchase, route.args[0])
            case "tralbum":
                found = self.world.by_slug(route.args[0], unquote(route.args[1]))
                return tralbum.page(self.world, exchange, purchase, found[1] if found else None)
            case "download_page" if self._link_is_good(request, purchase):
                return pages.download_page(self.world, exchange, purchase, self.shelf)
        return html("<html><body>Sorry, that something isn't here.</body></html>", 404)

    def _link_is_good(self, request: Request, purchase: Purchase) -> bool:
        """A redownload link opens by its signature alone, whoever asks."""
        sig = self.world.sign("download", purchase.payment_id, purchase.sale_id)[:32]
        payment = request.query.get("payment_id") == str(purchase.payment_id)
        return payment and purchase.linked and request.query.get("sig") == sig

    def _art(self, art_id: int, size: str) -> Response:
        if size not in SIZES or art_id not in self.world.art_ids:
            return html("Not Found", 404)
        cache = [("Cache-Control", "max-age=604800")]
        return Response(200, cover(art_id, size), "image/jpeg", cache)
