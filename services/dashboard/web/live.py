"""Live parts: pieces of a page that are rendered here, and sent again when what they show has changed.

A page has elements `<div id="part-NAME" data-live>`; `templates/parts/NAME.html` renders one of them, whole. The stream
`/live/<page>` sends each as `{"id", "html"}`, at first and whenever it differs from what was sent. A part holds no
text that changes with time alone: countdowns and ages are `<time data-...>` elements, which the page itself keeps.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, stream_with_context

from services.dashboard.web.streams import Seen, Streams, event

Context = Callable[[Mapping[str, Any]], dict[str, Any]]

#: What the frame around every page shows.
FRAME = ("state", "pause", "vitals")


class Live:
    """Which parts each page has. What is rendered is shared by all who look at that page."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._pages: dict[str, tuple[tuple[str, ...], Context]] = {}
        self._lock = Lock()
        self._rendered: dict[tuple[str, str], tuple[Seen, dict[str, str]]] = {}

    def add(self, page: str, parts: tuple[str, ...], context: Context) -> None:
        """Keep `parts` of `page` up to date, and the frame's. `context`: the templates' values, from the topics'."""
        every = (*FRAME, *(part for part in parts if part not in FRAME))
        self._pages[page] = (every, lambda topics: {"status": topics["status"], **context(topics)})

    def context(self, page: str) -> dict[str, Any]:
        """The values with which the page itself is rendered first."""
        return self._pages[page][1](self._streams.look().values)

    def parts(self, page: str, seen: Seen) -> dict[str, str]:
        """The event of each part by its name, within a request."""
        # Links in the markup begin with the path below which a proxy shows us.
        which = (page, request.script_root)
        with self._lock:
            known = self._rendered.get(which)
            if known is None or known[0] is not seen:
                names, context = self._pages[page]
                values = context(seen.values)
                known = seen, {name: _event(name, render_template(f"parts/{name}.html", **values)) for name in names}
                if len(self._rendered) > 50:
                    self._rendered.clear()
                self._rendered[which] = known
            return known[1]

    def changes(self, page: str) -> Iterator[str]:
        """First every part, then those that changed; an empty text when none did."""
        sent: dict[str, str] = {}
        for seen in self._streams.follow():
            if seen is None:
                yield ""
                continue
            parts = self.parts(page, seen)
            yield "".join(text for name, text in parts.items() if sent.get(name) != text)
            sent = parts

    def knows(self, page: str) -> bool:
        """Whether there is such a page."""
        return page in self._pages


def _event(name: str, html: str) -> str:
    return event("part", json.dumps({"id": f"part-{name}", "html": html}))


def blueprint(live: Live, streams: Streams) -> Blueprint:
    """The stream of a page's parts."""
    bp = Blueprint("live", __name__)

    @bp.get("/live/<page>")
    def parts(page: str) -> Response:
        if not live.knows(page):
            abort(404, f"there is no page {page!r}")
        return streams.respond(lambda: stream_with_context(live.changes(page)))

    return bp
