"""Set-up for programs and for its page: cookies are handed over, and whether they are any good is told.

What is handed over passes through here once, in memory, and is sealed: no log, answer or exception has any of it, and
this process cannot read it again (`bandcamp_sync.drop.seal`).
"""

import logging
from dataclasses import asdict
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any

from bandcamp_sync.bandcamp.session import read_session
from bandcamp_sync.choice import EVERYTHING, Choice, asked_choice, read_choice
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.drop.seal import MAX_GIVEN_BYTES, hand_over, public_key, sealed_path
from bandcamp_sync.drop.verdict import read_verdict
from bandcamp_sync.kept import Kept, KeptOfFiles
from bandcamp_sync.ledger import is_seen
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.views import Views
from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

log = logging.getLogger(__name__)

#: What a form adds to the file in it.
_FORM_BYTES = 64 * 1024
_TOO_LARGE = "this is larger than 1 MiB, which no list of cookies is"
_EMPTY = "there is nothing in it; give the cookies of bandcamp.com as a file or as text"
_NO_KEY = (
    "the scraper has not made its key yet, to which cookies are sealed: is it running? A few seconds after its start "
    "they can be handed over"
)


def blueprint(views: Views) -> Blueprint:
    """`POST /api/cookies` and `GET /api/setup`."""
    bp = Blueprint("handover", __name__)
    setup = Setup(views)

    @bp.url_value_preprocessor
    def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if endpoint == f"{bp.name}.cookies":
            request.max_content_length = MAX_GIVEN_BYTES + _FORM_BYTES
            request.max_form_memory_size = MAX_GIVEN_BYTES
            request.form_data_parser_class = _InMemory

    @bp.post("/api/cookies")
    def cookies() -> tuple[Response, int]:
        try:
            given = _given()
        except RequestEntityTooLarge:
            abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        if len(given) > MAX_GIVEN_BYTES:
            abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        if not given.strip():
            abort(HTTPStatus.BAD_REQUEST, _EMPTY)
        key = public_key(views.data)
        if key is None:
            abort(HTTPStatus.CONFLICT, _NO_KEY)
        switch = request.args.get("switch") in ("true", "1", "yes")
        drop_id = hand_over(views.data, key, given, views.clock.now(), switch)
        log.info("cookies were handed over (%s)", drop_id)
        return jsonify({"id": drop_id}), HTTPStatus.ACCEPTED

    @bp.get("/api/setup")
    def how_it_is() -> Response:
        return jsonify({"now": rfc3339(views.clock.now()), **setup.look()})

    return bp


class Setup:
    """What Set-up shows."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._chosen, self._counted = KeptOfFiles[Choice | None](views.data.choice), Kept[int]()

    def look(self) -> dict[str, Any]:
        """`GET /api/setup`, but for the time.

        `ready`: there is a key to seal to. `handed`: something was handed over that the scraper has not taken yet.
        `drop`: the verdict, or None. `choice`: what is fetched, since when, how many are left out for it, and what is
        asked for and not done yet. `first_run`: no purchases were ever listed.
        """
        data, now = self._views.data, self._views.clock.now()
        session, verdict = read_session(data.session), read_verdict(data)
        problem = redact(session.problem) if session.problem else None
        return {
            "ready": public_key(data) is not None,
            "session": {**asdict(session), "problem": problem, "expiry": session.expiry(now)},
            "handed": is_seen(sealed_path(data)),
            "drop": asdict(verdict) if verdict else None,
            "choice": self._choice(),
            "first_run": self._views.ledger.books().captured_at is None,
        }

    def _choice(self) -> dict[str, Any]:
        data = self._views.data
        choice = self._chosen.of(lambda: read_choice(data))
        return {
            "mode": choice.mode if choice else EVERYTHING,
            "chosen": choice is not None,
            "since": rfc3339(choice.since) if choice and choice.since else None,
            "left_out": self._left_out(choice.keys) if choice else 0,
            "asked": asked_choice(data),
        }

    def _left_out(self, keys: frozenset[str]) -> int:
        """How many of them are ignored still. Asked again and again, and of twenty thousand."""
        ignored = self._views.ledger.ignored()
        return self._counted.of(lambda: len(keys & ignored), keys, ignored)


class _InMemory(FormDataParser):
    """Parses a form without temporary files: nothing unsealed comes to lie on a disk."""

    def __init__(self, stream_factory: object = None, **limits: Any) -> None:
        super().__init__(_memory, **limits)


def _memory(*described: object, **more: object) -> IO[bytes]:
    return BytesIO()


def _given() -> bytes:
    """The body itself, or the file (else the field `cookies`) of a form. Raises RequestEntityTooLarge."""
    if request.mimetype != "multipart/form-data":
        return request.get_data(cache=False)
    file = next(iter(request.files.values()), None)
    return file.read() if file is not None else request.form.get("cookies", "").encode()
