"""Who may ask: the right host name, the right origin, a token for every change, a password where one is set."""

import hmac
import ipaddress
import socket
import time
from collections.abc import Collection
from threading import Lock
from urllib.parse import urlsplit

from bandcamp_sync.settings import Settings
from flask import Flask, Request, Response, redirect, request, session, url_for
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.problems import refusal
from services.dashboard.web.token import TOKEN_HEADER, is_token, token

LOGIN = "/login"
_OPEN_PATHS = ("/healthz", LOGIN)
_PAGES = ("overview", "collection", "logs", "setup")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it, browsers send `Origin: null` with our own forms, and the login is one.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """Stands before every request."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.dashboard_password
        self._own_hosts = frozenset(settings.dashboard_hosts)
        self._hosts = allowed_hosts(settings.dashboard_bind) | self._own_hosts
        self._tries = Tries()
        self._key = b""

    def install(self, app: Flask) -> None:
        """Check each request, and put the headers on each answer."""
        app.extensions["guard"] = self
        self._key = app.config["SECRET_KEY"]
        app.before_request(self.check)
        app.after_request(self._dress)

    def check(self) -> AnyResponse | None:
        """None when the request may pass, else the refusal."""
        if not is_allowed_host(request.host, self._hosts):
            names = "use its IP address or localhost, or set DASHBOARD_HOSTS to that name"
            return refusal(421, f"this dashboard does not go by that name; {names}")
        # Refused before any of it is read, also where nobody would read it.
        if (request.content_length or 0) > (request.max_content_length or 0):
            return refusal(413, "this is more than is taken here")
        if is_foreign_fetch(request, self._own_hosts):
            return refusal(403, "no other site's page may ask this dashboard for anything")
        # What is not taken here changes nothing either, and is told which methods are.
        is_change = request.method not in _SAFE and not isinstance(request.routing_exception, MethodNotAllowed)
        if is_change and (refused := self._check_change()) is not None:
            return refused
        return self._check_password()

    def _check_password(self) -> AnyResponse | None:
        is_guess = request.path == LOGIN and request.method not in _SAFE
        if not is_guess and (_is_open(request.path) or self.is_known(request)):
            return None
        if self._tries.exhausted:
            return refusal(429, "too many wrong passwords; wait a minute", {"Retry-After": "60"})
        if is_guess:
            return None
        if request.method in _SAFE and request.blueprint in _PAGES:
            return redirect(url_for("door.login"), 303)
        # A browser's own fetch must not bring up the browser's password box.
        scheme = "Session" if "Sec-Fetch-Mode" in request.headers else "Basic"
        return refusal(401, "log in at /login first", {"WWW-Authenticate": f'{scheme} realm="BandcampSync"'})

    def _check_change(self) -> Response | None:
        if not is_same_origin(request, self._own_hosts):
            return refusal(403, "changes are taken from the dashboard's own page only")
        if not is_token(request.headers.get(TOKEN_HEADER) or request.form.get("token", "")):
            return refusal(403, f"the {TOKEN_HEADER} header does not hold this session's token (GET /api/token)")
        return None

    # --- the password ------------------------------------------------------------------------------------------------

    @property
    def asks_for_password(self) -> bool:
        """Whether a password is set."""
        return self._password is not None

    def is_known(self, asking: Request) -> bool:
        """Whether this session logged in, or the request carries the password itself (Basic, for programs)."""
        if self._password is None:
            return True
        proof = session.get("proof")
        if isinstance(proof, str) and hmac.compare_digest(proof, self._proof()):
            return True
        basic = asking.authorization
        if basic is None or basic.type != "basic" or basic.password is None:
            return False
        return self._matches(basic.password)

    def log_in(self, password: str) -> bool:
        """Log this session in; False when the password is wrong, or too many were."""
        if not self._matches(password):
            return False
        # Whoever could plant a session before must not know this one's token.
        session.clear()
        session["proof"] = self._proof()
        session.permanent = True
        # With all that it will hold, so that no later answer brings the cookie: one could arrive after a log-out.
        token()
        return True

    def _matches(self, password: str) -> bool:
        if self._password is None:
            return False
        return self._tries.count(hmac.compare_digest(password.encode(), self._password.encode()))

    def _proof(self) -> str:
        # Changes with the password, so a new password logs everybody out; keyed, as who holds a cookie can read it.
        return hmac.digest(self._key, f"password {self._password}".encode(), "sha256").hex()

    @staticmethod
    def _dress(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/static/"):
            # Modules name each other without a version, so each is asked for again; a font never changes its face.
            is_font = response.status_code == 200 and str(response.mimetype).startswith("font/")
            response.headers["Cache-Control"] = "public, max-age=604800" if is_font else "no-cache"
        else:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class Tries:
    """Wrong passwords within a minute; guessing is slow whoever guesses."""

    _MOST, _WITHIN_S = 10, 60.0

    def __init__(self) -> None:
        self._wrong: list[float] = []
        self._lock = Lock()

    @property
    def exhausted(self) -> bool:
        """Whether no password is looked at for now."""
        with self._lock:
            self._forget()
            return len(self._wrong) >= self._MOST

    def count(self, good: bool) -> bool:
        """Whether a password that was given counts as the right one: it is `good`, and there were not too many before.

        A good one forgives none: programs send it all the time while others guess.
        """
        # Asked and noted under one lock: of a hundred guesses at the same moment ten are looked at.
        with self._lock:
            self._forget()
            if len(self._wrong) >= self._MOST:
                return False
            if not good:
                self._wrong.append(time.monotonic())
            return good

    def _forget(self) -> None:
        self._wrong = [at for at in self._wrong if time.monotonic() - at < self._WITHIN_S]


def allowed_hosts(bind: str) -> frozenset[str]:
    """The names this dashboard goes by."""
    own = socket.gethostname().lower()
    names = {"localhost", bind.rpartition(":")[0].strip("[]").lower(), own, f"{own}.local"}
    return frozenset(name for name in names if name)


def is_allowed_host(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is this dashboard's: one of its names, or an address (rebinding needs a name)."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if not name:
        return False
    if name.lower().rstrip(".") in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_foreign_fetch(asking: Request, own_hosts: Collection[str] = ()) -> bool:
    """Whether the page of another site fetches something of ours, as the browser itself says.

    A link that leads here is none. What is fetched so could not be read, but it could be counted, timed, and held open.
    """
    site, mode = (asking.headers.get(f"Sec-Fetch-{name}") for name in ("Site", "Mode"))
    if site is None:
        # Without TLS a browser says so to localhost alone; to others it names the origin of what is not its own.
        return asking.method in ("GET", "HEAD") and not is_same_origin(asking, own_hosts)
    return site in ("cross-site", "same-site") and mode != "navigate"


def is_same_origin(asking: Request, own_hosts: Collection[str] = ()) -> bool:
    """Whether a change comes from our own page, or from no page at all.

    `own_hosts`: the names that we are known by behind a proxy, which may ask us under another one.
    """
    site = asking.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = asking.headers.get("Origin")
    if origin is None:
        return True
    try:
        said = urlsplit(origin)
        # The scheme may differ behind a proxy that ends TLS; the host does not.
        return said.netloc.lower() == asking.host.lower() or said.hostname in own_hosts
    except ValueError:
        return False


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith("/static/")
