"""The JSON API: translate, ask the views or leave a request, answer."""

import secrets
from http import HTTPStatus

from bandcamp_sync import control
from bandcamp_sync.actions import By, asking, note
from bandcamp_sync.choice import CHOICES, ask_choice
from bandcamp_sync.control import Verb
from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.fresh import is_held, tag, unchanged
from services.dashboard.web.loglines import answer, asked_for, attachment, count_of_lines, known_file, whole_log
from services.dashboard.web.streams import Streams
from services.dashboard.web.token import token

_STAGES = (Verb.SCRAPE, Verb.RECONCILE, Verb.RETRY, Verb.VERIFY)
_OF_ITEM = (Verb.RETRY, Verb.IGNORE, Verb.UNIGNORE)
_TEXT = "text/plain; charset=utf-8"


def blueprint(views: Views, streams: Streams) -> Blueprint:
    """The API over these views."""
    api = Blueprint("api", __name__)
    # The books' versions begin anew with each process.
    run = secrets.token_hex(4)

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
        asked = request.args
        states = [state for given in asked.getlist("state") for state in given.split(",") if state]
        q, sort = asked.get("q", ""), asked.get("sort") or "-purchased"
        page, per_page = int(asked.get("page") or 1), int(asked.get("per_page") or 50)
        # Of 20,000 purchases, to whoever asks whether there is news: told before anything is searched or sorted.
        held = tag(run, *views.collection_version(), states, q, sort, page, per_page)
        if is_held(held):
            return unchanged(held)
        response = jsonify(views.collection(states, q, sort, page, per_page))
        response.set_etag(held, weak=True)
        return response

    @api.get("/api/logs")
    def logs() -> Response:
        asked = known_file(asked_for(views.data.logs, request.args))
        return jsonify(answer(asked, count_of_lines(request.args.get("lines"), 200)))

    @api.get("/api/logs/download")
    def download() -> Response:
        asked = asked_for(views.data.logs, request.args)
        if asked.file is None:
            abort(HTTPStatus.BAD_REQUEST, "file must be given: the name of a log, as worker")
        path = known_file(asked).files().get(asked.file)
        response = streams.hand_out(lambda: whole_log(path, asked.wanted) if path else iter(()), _TEXT)
        if response.status_code == HTTPStatus.OK:
            response.headers.extend(attachment(asked.file))
        return response

    @api.post("/api/actions/<action>")
    def act(action: str) -> AnyResponse:
        now = views.clock.now()
        if action == "pause":
            control.pause(views.data, now)
            note(views.data, now, action, By.DASHBOARD, "paused")
        elif action == "resume":
            control.resume(views.data)
            note(views.data, now, action, By.DASHBOARD, "resumed")
        elif action in CHOICES:
            with asking(views.data, now, Verb.CHOOSE, By.DASHBOARD):
                ask_choice(views.data, action, now)
        elif action in _STAGES:
            with asking(views.data, now, action, By.DASHBOARD):
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
        with asking(views.data, views.clock.now(), action, By.DASHBOARD, key):
            control.ask(views.data, Verb(action), key)
        return _accepted(action, key)

    return api


def _accepted(action: str, key: str | None = None) -> AnyResponse:
    response = jsonify({"accepted": action, **({"key": key} if key else {})})
    response.status_code = HTTPStatus.ACCEPTED
    return response
