"""Behind a reverse proxy: below which path, and over what, the browser reaches us.

The proxy passes requests on without its sub-path, and names it in `X-Forwarded-Prefix`; it becomes SCRIPT_NAME, so
that every link, redirect and cookie is below it. `X-Forwarded-Proto: https` makes the session's cookie Secure. Anybody
can send these headers, but only what is answered to themselves changes; the name that a request was for
(`X-Forwarded-Host`) is not taken from them, as that would open the door to rebinding.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Nothing that a page could take for a host, a query or markup; `.` and `..` would lead elsewhere.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
_LONGEST_PREFIX = 200


class BelowProxy:
    """WSGI middleware that believes a proxy's path and scheme."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass the request on with SCRIPT_NAME and the scheme set."""
        if prefix := read_prefix(environ.get("HTTP_X_FORWARDED_PREFIX", "")):
            environ["SCRIPT_NAME"] = prefix
        # The first of several is what the browser spoke with the outermost proxy.
        if environ.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip().lower() == "https":
            environ["wsgi.url_scheme"] = "https"
        return self._app(environ, start_response)


def read_prefix(text: str) -> str:
    """The path below which a proxy shows us, without a slash at its end; empty for none, and for one that is odd."""
    prefix = text.strip().rstrip("/")
    return prefix if len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix) else ""


class SessionBelowProxy(SecureCookieSessionInterface):
    """A session whose cookie goes to our own path alone, and over TLS alone where the browser speaks it."""

    def get_cookie_path(self, app: Flask) -> str:
        """Where the cookie is sent to: not to what else the proxy shows."""
        return request.script_root or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether the cookie is kept from unencrypted connections."""
        return request.is_secure


def install(app: Flask) -> None:
    """Let `app` live below a proxy's path."""
    app.session_interface = SessionBelowProxy()
    app.wsgi_app = BelowProxy(app.wsgi_app)  # type: ignore[method-assign]
