"""What has been: how much came in lately, and one purchase with all that happened to it."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus

from bandcamp_sync.throughput import MAX_HOURS, read_throughput
from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, jsonify, request

from services.dashboard.web.site import Site

_HOURS = "12"


def blueprint(site: Site) -> Blueprint:
    """`GET /api/throughput` and `GET /api/items/<key>`."""
    history, views = Blueprint("history", __name__), site.views

    @history.get("/api/throughput")
    def throughput() -> Response:
        hours = request.args.get("hours") or _HOURS
        if not hours.isascii() or not hours.isdecimal() or len(hours) > 2 or not 1 <= int(hours) <= MAX_HOURS:
            abort(HTTPStatus.BAD_REQUEST, f"hours is a number from 1 to {MAX_HOURS}")
        return jsonify(read_throughput(views.data, views.clock.now(), int(hours), placed(views)))

    @history.get("/api/items/<key>")
    def item(key: str) -> Response:
        found = views.item(key)
        if found is None:
            abort(HTTPStatus.NOT_FOUND, f"there is no purchase {key!r}")
        return jsonify(found)

    return history


def placed(views: Views) -> Iterator[datetime]:
    """When each album was delivered; one that lay there before us was not."""
    for _, job in views.ledger.glance.jobs().values():
        if job.receipt is not None and not job.receipt.adopted:
            yield job.receipt.placed_at
