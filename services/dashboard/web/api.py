"""The JSON API: translate, ask the views or leave a request, answer."""

from http import HTTPStatus

from bandcamp_sync import control
from bandcamp_sync.control import Verb
from bandcamp_sync.logs.follow import log_files
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.logs.tail import merged_tail
from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.guard import token

MAX_LINES = 5000
_STAGES = (Verb.SCRAPE, Verb.RECONCILE, Verb.RETRY, Verb.VERIFY)
_OF_ITEM = (Verb.RETRY, Verb.IGNORE, Verb.UNIGNORE)


def blueprint(views: Views) -> Blueprint:
    """The API over these views."""
    api = Blueprint("api", __name__)

    @api.get("/healthz")
    def healthz() -> Response:
        return jsonify({"ok": True})

    @api.get("/api/token")
    def get_token() -> Response:
        return jsonify({"token": token()})

    @api.get("/api/status")
    def status() -> Response:
        return jsonify(views.status())

    @api.get("/api/queue")
    def queue() -> Response:
        return jsonify(views.queue())

    @api.get("/api/collection")
    def collection() -> Response:
        states = [state for given in request.args.getlist("state") for state in given.split(",") if state]
        try:
            found = views.collection(
                states,
                q=request.args.get("q", ""),
                sort=request.args.get("sort") or "-purchased",
                page=int(request.args.get("page") or 1),
                per_page=int(request.args.get("per_page") or 50),
            )
        except ValueError as error:
            abort(HTTPStatus.BAD_REQUEST, str(error))
        return jsonify(found)

    @api.get("/api/logs")
    def logs() -> Response:
        files = log_files(views.data.logs)
        chosen = request.args.get("file")
        if chosen:
            if chosen not in files:
                abort(HTTPStatus.NOT_FOUND, f"there is no log of that name; there are: {', '.join(files) or 'none'}")
            files = {chosen: files[chosen]}
        lines = request.args.get("lines", "200")
        if not lines.isdecimal() or not 1 <= int(lines) <= MAX_LINES:
            abort(HTTPStatus.BAD_REQUEST, f"lines is a number from 1 to {MAX_LINES}")
        merged, own = merged_tail(files, int(lines))
        told = {name: [redact(line) for line in found] for name, found in own.items()}
        return jsonify({"logs": "\n".join(map(redact, merged)), "files": told})

    @api.post("/api/actions/<action>")
    def act(action: str) -> AnyResponse:
        if action == "pause":
            control.pause(views.data, views.clock.now())
        elif action == "resume":
            control.resume(views.data)
        elif action in _STAGES:
            control.ask(views.data, Verb(action))
        else:
            abort(HTTPStatus.NOT_FOUND, f"there is no action {action!r}")
        return _accepted(action)

    @api.post("/api/items/<key>/<action>")
    def act_on_item(key: str, action: str) -> AnyResponse:
        if action not in _OF_ITEM:
            abort(HTTPStatus.NOT_FOUND, f"there is no action {action!r} for a purchase")
        if not any(row.item.key == key for row in views.ledger.books().rows):
            abort(HTTPStatus.NOT_FOUND, f"there is no purchase {key!r}")
        control.ask(views.data, Verb(action), key)
        return _accepted(action, key)

    return api


def _accepted(action: str, key: str | None = None) -> AnyResponse:
    response = jsonify({"accepted": action, **({"key": key} if key else {})})
    response.status_code = HTTPStatus.ACCEPTED
    return response
