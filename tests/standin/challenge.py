"""The client challenge: a page whose script computes a number, sets a cookie and reloads.

A plain HTTP client cannot pass it, since nothing but the script knows how to get from the nonce
to the answer. In mode `cookie` whoever has the cookie passes afterwards. In mode `browser_only`
the cookie is bound to the browser that solved it: the User-Agent must be the same, and the
headers must be those that a browser adds by itself.
"""

import secrets
import threading
from dataclasses import dataclass
from typing import Any

from standin.exchange import Request, Response, html

COOKIE = "_fs_ch_st"
_PLACE = "_fs-ch-AbCdEfGh12345678"
_ROUNDS = 20_000


@dataclass
class _Pass:
    agent: str
    answer: str
    uses: int = 0


class Challenge:
    """Hands out nonces and remembers which of them were solved."""

    def __init__(self) -> None:
        self._passes: dict[str, _Pass] = {}
        self._lock = threading.Lock()
        self.served = 0
        self.solved = 0

    @staticmethod
    def page() -> Response:
        """What is served in place of any answer, HTML or JSON."""
        filler = "<p>Please enable JavaScript to proceed. A required part could not load.</p>" * 30
        response = html(
            '<!DOCTYPE html><html lang="en"><head>'
            f'<link href="/{_PLACE}/assets/styles.css" rel="stylesheet"/>'
            "<title>Client Challenge</title></head><body>"
            f"<noscript><div>{filler}</div></noscript>"
            f'<script src="/{_PLACE}/script.js"></script></body></html>'
        )
        response.headers.append(("Cache-Control", "no-store"))
        return response

    def asset(self, request: Request) -> Response | None:
        """The challenge's own files, or None if the path is none of them."""
        if not request.path.startswith(f"/{_PLACE}/"):
            return None
        if request.path.endswith(".css"):
            return Response(200, b"body{font-family:sans-serif}", "text/css")
        nonce = secrets.token_hex(8)
        with self._lock:
            self.served += 1
            self._passes[nonce] = _Pass(request.headers.get("user-agent", ""), _solve(nonce))
        script = (
            f'(function(){{var n="{nonce}",h=parseInt(n.slice(0,7),16);'
            f"for(var i=0;i<{_ROUNDS};i++)h=(Math.imul(h,1103515245)+12345+i)>>>0;"
            f'document.cookie="{COOKIE}="+n+"."+h.toString(16)+"; path=/";'
            "if(navigator.cookieEnabled)location.reload();})();"
        )
        return Response(200, script.encode(), "text/javascript", [("Cache-Control", "no-store")])

    def passes(self, request: Request, params: dict[str, Any]) -> bool:
        """Whether the request carries a solved challenge that is still good. Counts its use."""
        nonce, _, answer = request.cookies.get(COOKIE, "").partition(".")
        if not nonce:
            return False
        with self._lock:
            known = self._passes.get(nonce)
            if known is None or answer != known.answer:
                return False
            if params.get("mode") == "browser_only" and not _is_browser(request, known.agent):
                return False
            self.solved += known.uses == 0
            limit = params.get("uses")
            if limit is not None and known.uses >= int(limit):
                return False
            known.uses += 1
            return True


def _solve(nonce: str) -> str:
    value = int(nonce[:7], 16)
    for index in range(_ROUNDS):
        value = (value * 1103515245 + 12345 + index) & 0xFFFFFFFF
    return f"{value:x}"


def _is_browser(request: Request, agent: str) -> bool:
    """Whether the headers are those of the browser that solved the challenge.

    Chromium adds `Sec-Fetch-*` and `sec-ch-ua` on secure origins only, among which 127.0.0.1 and
    localhost count. Under another name (a container's) what it adds to a page view and to a fetch
    from a page must do.
    """
    headers = request.headers
    if headers.get("user-agent", "") != agent:
        return False
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if host in ("127.0.0.1", "localhost", "[::1]") or request.base.startswith("https"):
        return "sec-fetch-mode" in headers
    from_a_page = headers.get("referer", "").startswith(request.base)
    return "upgrade-insecure-requests" in headers or from_a_page
