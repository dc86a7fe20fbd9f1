"""Covers from the small local cache: the browser that shows the collection asks nobody but this dashboard."""

from datetime import UTC, datetime
from http import HTTPStatus

from bandcamp_sync.covers import CoverFolder
from flask import Blueprint, Response, abort, request

from services.dashboard.web.site import Site

MAX_AGE_S = 86400


def blueprint(site: Site) -> Blueprint:
    """`GET /covers/<art_id>.jpg`."""
    covers = Blueprint("covers", __name__)
    folder = CoverFolder(site.views.data.covers)

    @covers.get("/covers/<int:art_id>.jpg")
    def picture(art_id: int) -> Response:
        found = folder.read(art_id)
        if found is None:
            abort(HTTPStatus.NOT_FOUND, f"there is no cover {art_id}")
        content, status = found
        answer = Response(content, mimetype="image/jpeg")
        answer.cache_control.private, answer.cache_control.max_age = True, MAX_AGE_S
        answer.set_etag(f"{status.st_mtime_ns:x}-{status.st_size:x}")
        answer.last_modified = datetime.fromtimestamp(status.st_mtime, UTC)
        answer.make_conditional(request)
        return answer

    return covers
