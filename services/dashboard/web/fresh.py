"""What a client holds already is not sent again: entity tags, and answers without a body for who has the same.

Pages and the API's answers may be kept, and are asked about each time (`no-cache`). The tags are weak: an answer's time
is no part of what it says, and neither is how it is compressed. What holds a token is never kept.
"""

import re
from hashlib import blake2b

from flask import Flask, Response, g, request

_TAGGED = ("application/json", "text/html")
#: The time of an answer, or the one before the places of a position in the logs. Within a text its quotation marks
#: would have a backslash before them.
_NOW = re.compile(rb'"now": ?"[^"]*"|"last_event_id": ?"[0-9a-f]+~')


def tag(*parts: object) -> str:
    """A short text that differs whenever the parts differ."""
    return blake2b(repr(parts).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def is_held(tag: str) -> bool:
    """Whether who asks has the answer with this tag."""
    return request.if_none_match.contains_weak(tag)


def unchanged(tag: str) -> Response:
    """The answer to one who has it."""
    response = Response(status=304)
    response.set_etag(tag, weak=True)
    return _kept(response)


def install(app: Flask) -> None:
    """Tag what is worth it. To be installed after what compresses: a tag is made of what is not compressed."""
    app.after_request(_tagged)


def _tagged(response: Response) -> Response:
    is_plain = response.status_code == 200 and response.mimetype in _TAGGED and not response.is_streamed
    if request.method not in ("GET", "HEAD") or not is_plain or "holds_token" in g:
        return response
    if response.get_etag()[0] is None:
        response.set_etag(tag(_NOW.sub(b"", response.get_data(), count=1)), weak=True)
    response.make_conditional(request)
    return _kept(response)


def _kept(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
