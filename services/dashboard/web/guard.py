"""Who may ask: the right host name, the right origin, a token for every change, a password where one is set."""

import hmac
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from bandcamp_sync.settings import Settings
from flask import Flask, Request, Response, redirect, request, session
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.problems import refusal
from services.dashboard.web.sessions import LoggedOut, new_id
from services.dashboard.web.token import TOKEN_HEADER, is_token, token
from services.dashboard.web.tries import Tries, client_at
from services.dashboard.web.wayback import PAGES, login_address

LOGIN = "/login"
_OPEN_PATHS = ("/healthz", LOGIN)
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
    """Stands before every request. `logged_out`: the sessions that count no more."""

    def __init__(self, settings: Settings, logged_out: LoggedOut) -> None:
        self._password = settings.dashboard_password
        self._own_hosts = frozenset(settings.dashboard_hosts)
        self._hosts = allowed_hosts(settings.dashboard_bind) | self._own_hosts
        self._tries, self._logged_out = Tries(), logged_out
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
        if _is_open(request.path) or self.is_known(request):
            return None
        # The login tells a person about passwords, also that no more are looked at for now.
        if request.method in _SAFE and request.endpoint in PAGES:
            return redirect(login_address(request), 303)
        if wait_s := self.wait_s():
            return refusal(429, too_many(wait_s), {"Retry-After": str(wait_s)})
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
        if self._is_logged_in():
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
        session["proof"], session["id"] = self._proof(), new_id()
        session.permanent = True
        # With all that it will hold, so that no later answer brings the cookie: one could arrive after a log-out.
        token()
        return True

    def log_out(self) -> None:
        """This session is over, for whoever holds its cookie."""
        if self._is_logged_in():
            self._logged_out.add(session["id"])
        session.clear()

    def is_over(self, session_id: str) -> bool:
        """Whether a session of this id was logged out, where a password is set."""
        return self._password is not None and session_id in self._logged_out

    def _is_logged_in(self) -> bool:
        proof, session_id = session.get("proof"), session.get("id")
        if not isinstance(proof, str) or not isinstance(session_id, str):
            return False
        return hmac.compare_digest(proof, self._proof()) and not self.is_over(session_id)

    def wait_s(self) -> int:
        """In how many seconds a password from whoever asks is looked at again; 0 when it is now."""
        return self._tries.wait_s(client_at(request.remote_addr))

    def _matches(self, password: str) -> bool:
        if self._password is None:
            return False
        # The socket's own address: what a header says of it, whoever guesses writes.
        client = client_at(request.remote_addr)
        return self._tries.count(client, hmac.compare_digest(password.encode(), self._password.encode()))

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


def too_many(wait_s: int) -> str:
    """What to tell whoever has given too many wrong passwords."""
    return f"too many wrong passwords; try again in {wait_s} second{'' if wait_s == 1 else 's'}"


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
