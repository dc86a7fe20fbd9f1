"""What was asked for lately, and what came of it: `GET /api/actions`, and the topic `actions`."""

from http import HTTPStatus

from bandcamp_sync.actions import recent
from bandcamp_sync.clock import rfc3339
from flask import Blueprint, Response, abort, jsonify, request

from services.dashboard.web.site import Site

MAX_ACTIONS = 200
#: How many the pages show at most.
_NEWEST = 20


def blueprint(site: Site) -> Blueprint:
    """The journal of actions, the newest first."""
    bp = Blueprint("activity", __name__)
    data, clock = site.views.data, site.views.clock
    site.streams.add_topic("actions", lambda: recent(data, clock.now(), _NEWEST))

    @bp.get("/api/actions")
    def actions() -> Response:
        limit = request.args.get("limit") or "50"
        if not limit.isdecimal() or not 1 <= int(limit) <= MAX_ACTIONS:
            abort(HTTPStatus.BAD_REQUEST, f"limit is a number from 1 to {MAX_ACTIONS}")
        now = clock.now()
        return jsonify({"now": rfc3339(now), "actions": recent(data, now, int(limit))})

    return bp
