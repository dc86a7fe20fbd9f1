"""Server-sent events: what changed, within a second of it, and log lines as they are written."""

from collections.abc import Iterator

from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, request

from services.dashboard.web.loglines import asked_for, count_of_lines, feed
from services.dashboard.web.streams import Streams, event


def blueprint(views: Views, streams: Streams) -> Blueprint:
    """The two streams."""
    events = Blueprint("events", __name__)

    @events.get("/api/events")
    def all_changes() -> Response:
        return streams.respond(lambda: _changes(streams))

    @events.get("/api/logs/stream")
    def log_lines() -> Response:
        asked = asked_for(views.data.logs, request.args)
        # A service that has not written anything yet can be waited for; what no log can be called, not.
        if asked.file is not None and not asked.file.isidentifier() and asked.file not in asked.files():
            abort(400, "file is the name of a log, as worker")
        # A browser that comes back by itself says where it was in the header; what is in the address is older.
        last_id = request.headers.get("Last-Event-ID") or request.args.get("last_event_id", "")
        lines = count_of_lines(request.args["lines"], 0) if request.args.get("lines") else None
        return streams.respond(lambda: feed(streams, asked, last_id, lines))

    return events


def _changes(streams: Streams) -> Iterator[str]:
    """First everything, then what changed; an empty text when nothing did."""
    sent: dict[str, str] = {}
    for seen in streams.follow():
        if seen is None:
            yield ""
            continue
        yield "".join(event(name, text) for name, text in seen.texts.items() if sent.get(name) != text)
        sent = seen.texts
