"""Errors: RFC 9457 problem details for programs, a page for people."""

import json
import logging
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.http import HTTP_STATUS_CODES

log = logging.getLogger(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of this status that says in `detail` what to do."""
    body = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(body), status, headers, content_type="application/problem+json")


def is_for_people(path: str, accept: str) -> bool:
    """Whether who asks for `path` reads pages: a browser that goes there, not a script that fetches."""
    return "text/html" in accept and not path.startswith(("/api/", "/live/", "/static/", "/covers/", "/metrics"))


def page(status: int, detail: str) -> Response:
    """The same as `problem`, to be read."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    return Response(render_template("error.html", status=status, title=title, detail=detail), status)


def refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """`problem` or `page`, as who asks reads it."""
    if not is_for_people(request.path, request.headers.get("Accept", "")):
        return problem(status, detail, headers)
    answer = page(status, detail)
    answer.headers.update(headers or {})
    return answer


def install(app: Flask) -> None:
    """Answer every error of `app` so."""

    def told(error: HTTPException) -> Response:
        headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Location")}
        if error.code is not None and error.code < 400:
            return Response("", error.code, headers)
        is_told = error.description != NotFound.description
        return refusal(error.code or 500, (error.description or "") if is_told else "there is nothing here", headers)

    def unexpected(error: Exception) -> Any:
        log.error("a request failed", exc_info=error)
        return refusal(500, "something unexpected happened; dashboard.log says what")

    app.register_error_handler(HTTPException, told)
    app.register_error_handler(Exception, unexpected)
