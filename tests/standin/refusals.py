"""Faults that put another answer in the place of the right one."""

from collections.abc import Callable
from email.utils import formatdate
from time import time
from typing import Any

from standin.challenge import Challenge
from standin.exchange import Exchange, Response, html, redirect

Params = dict[str, Any]

_VARNISH = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html><head>'
    "<title>403 Forbidden</title></head><body><h1>Error 403 Forbidden</h1><p>Forbidden</p>"
    "<h3>Error 54113</h3><p>Details: cache-ams-stand-in 1796027240 1234567</p>"
    "<hr><p>Varnish cache server</p></body></html>\n"
)


def _challenge(exchange: Exchange, params: Params) -> Response:
    return Challenge.page()


def _challenge403(exchange: Exchange, params: Params) -> Response:
    return html(_VARNISH, 403)


def _rate_limit(exchange: Exchange, params: Params) -> Response:
    return _with_retry(html("<html><body>Too Many Requests</body></html>", 429), params)


def _status(exchange: Exchange, params: Params) -> Response:
    code = int(params.get("code", 500))
    body = str(params.get("body", f"<html><body>Error {code}</body></html>"))
    return _with_retry(html(body, code), params)


def _with_retry(response: Response, params: Params) -> Response:
    """Add Retry-After: a number of seconds, or `date:N` for the date N seconds from now."""
    wait = params.get("retry_after")
    if isinstance(wait, str) and wait.startswith("date:"):
        wait = formatdate(time() + float(wait[5:]), usegmt=True)
    if wait is not None:
        response.headers.append(("Retry-After", str(wait)))
    return response


def _encoding(exchange: Exchange, params: Params) -> Response:
    return _with_retry(Response(503, b"Service Unavailable", "text/html"), params)


def _withdrawn(exchange: Exchange, params: Params) -> Response:
    return Response(403, b"<html><body>403 Forbidden</body></html>", "text/html")


def _not_found(exchange: Exchange, params: Params) -> Response:
    return html("<html><body>Sorry, that something isn't here.</body></html>", 404)


def _error_page(exchange: Exchange, params: Params) -> Response:
    return html(
        "<!DOCTYPE html><html><head><title>Bandcamp</title></head><body>"
        "<h1>Something went wrong</h1><p>An unexpected error has occurred.</p></body></html>"
    )


def _throttle_page(exchange: Exchange, params: Params) -> Response:
    return html("<!DOCTYPE html><html><body><p>Please slow down.</p></body></html>")


def _redirect_login(exchange: Exchange, params: Params) -> Response:
    return redirect(f"{exchange.request.base}/login?from=fan_page")


def _redirect(exchange: Exchange, params: Params) -> Response:
    return Response(int(params.get("code", 302)), b"", headers=[("Location", str(params["to"]))])


def _garbage(exchange: Exchange, params: Params) -> Response:
    body = str(params.get("body", '{"items": [{"item_id": 1, "band_na'))
    return Response(200, body.encode(), "application/json")


def _empty(exchange: Exchange, params: Params) -> Response:
    return Response(200, b"")


#: All but `expired_link` and `cutoff`, which need the purchase and are made in `files.py`.
ANSWERS: dict[str, Callable[[Exchange, Params], Response]] = {
    "challenge": _challenge,
    "challenge403": _challenge403,
    "rate_limit": _rate_limit,
    "status": _status,
    "encoding": _encoding,
    "withdrawn": _withdrawn,
    "not_found": _not_found,
    "error_page": _error_page,
    "throttle_page": _throttle_page,
    "redirect_login": _redirect_login,
    "redirect": _redirect,
    "garbage": _garbage,
    "empty": _empty,
    "hang": _empty,  # never sent, see wire.py
    "drop": _empty,
}
