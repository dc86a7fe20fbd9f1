"""yt-dlp with our hands on the line: each of its requests is one of the transport's.

So it asks Bandcamp's hosts and no others, whatever a page or a redirect says, takes its turn as everybody does, and the
login goes where the host policy lets it.
"""

import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import requests

from bandcamp_sync.bandcamp.bodies import page_bytes
from bandcamp_sync.bandcamp.patience import RequestClass
from bandcamp_sync.bandcamp.transport import Transport

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL
    from yt_dlp.networking import Request, Response

_OURS = ("cookie", "authorization", "host", "user-agent")


def polite_tool(transport: Transport, options: dict[str, Any]) -> "YoutubeDL":
    """A YoutubeDL that asks through `transport`: pages at the pace of pages, and streams (`Range` or not) as files.

    Beside its own errors it raises the transport's: RedirectRefused, RateLimited, LoggedOut, Stopped.
    """
    import yt_dlp
    from yt_dlp.networking import Request

    class Polite(yt_dlp.YoutubeDL):  # type: ignore[misc]
        def urlopen(self, req: "Request | str") -> "Response":
            return _asked(transport, Request(req) if isinstance(req, str) else req)

    return Polite(options, auto_init="no_verbose_header")


def _asked(transport: Transport, request: "Request") -> "Response":
    from yt_dlp.networking import Response
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    url = transport.policy.check(request.url)
    # Its downloader alone asks for bytes as they are.
    is_file = request.headers.get("Accept-Encoding") == "identity"
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
    transport.wait_turn(RequestClass.FILE if is_file else RequestClass.PAGE)
    try:
        with ExitStack() as stack:
            answer = stack.enter_context(transport.opened(url, headers))
            if is_file and answer.status_code < 400:
                body: io.IOBase = _Body(answer, stack.pop_all())
            else:
                with transport.in_time():
                    body = io.BytesIO(page_bytes(answer))
            response = Response(body, answer.url, dict(answer.headers), answer.status_code)
    except requests.RequestException as error:
        # Its own text would quote whole addresses.
        raise TransportError(type(error).__name__) from None
    if response.status >= 400:
        raise HTTPError(response)
    return response


class _Body(io.RawIOBase):
    """A stream as it comes in."""

    def __init__(self, answer: requests.Response, stack: ExitStack) -> None:
        self._answer, self._stack = answer, stack

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        piece: bytes = self._answer.raw.read(None if size is None or size < 0 else size, decode_content=True)
        return piece

    def close(self) -> None:
        if not self.closed:
            self._stack.close()
        super().close()
