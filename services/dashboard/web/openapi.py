"""`GET /api/openapi.json`: what the API can be asked and how it answers, as OpenAPI 3.1."""

import json
import re
from functools import cache
from typing import Any

from bandcamp_sync import __version__
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from openapi_pydantic import Components, Info, MediaType, OpenAPI, PathItem, RequestBody, Schema, SecurityScheme
from openapi_pydantic import Header as AnswerHeader
from openapi_pydantic import Operation as Described
from openapi_pydantic import Parameter as DescribedParameter
from openapi_pydantic import Response as Answer
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class

from services.dashboard.web import shapes
from services.dashboard.web.operations import ACTIONS_OF, IN_PATH, OPERATIONS, PICTURE, Operation, path_of
from services.dashboard.web.parameters import Parameter, Words
from services.dashboard.web.token import TOKEN_HEADER

#: How the paths begin that are described; what is not for programs, is for people.
FOR_PROGRAMS = ("/api/", "/covers/", "/healthz", "/metrics")

_ABOUT = """What the dashboard shows, for programs. Times are RFC 3339 in UTC, sizes are bytes.

Errors are problem details (RFC 9457) whose `detail` says what to do. A change needs this session's token in the header
`X-CSRF-Token`: get it from `/api/token`, and keep the cookie that comes with it. Where a password is set, log in by
the page, or send it with each request (Basic, with any user name). Answers with an `ETag` are not sent again to who
has them (`If-None-Match`)."""

_COMMON = {
    400: "a parameter is not as described",
    403: "another site's page asks",
    413: "the request's body is too large",
    421: "the dashboard does not go by the name in `Host`",
}
_GUARDED = {401: "a password is set, and nobody is logged in", 429: "too many wrong passwords"}
_CHANGE = {403: "another site's page asks, or the token is missing or wrong"}
_HEADERS = {
    401: ("WWW-Authenticate", "how to log in"),
    429: ("Retry-After", "seconds"),
    503: ("Retry-After", "seconds"),
}


def blueprint() -> Blueprint:
    """The description itself."""
    bp = Blueprint("openapi", __name__)

    @bp.get("/api/openapi.json")
    def openapi() -> Response:
        has_password = current_app.extensions["guard"].asks_for_password
        whole = document(current_app.config["SESSION_COOKIE_NAME"], has_password)
        # Where a proxy shows us is known from the request alone.
        return jsonify({**whole, "servers": [{"url": request.script_root or "/"}]})

    return bp


@cache
def document(cookie: str, has_password: bool) -> dict[str, Any]:
    """The description, but for where the server is. `cookie`: the name of the session's cookie."""
    paths: dict[str, PathItem] = {}
    for operation in OPERATIONS:
        item = paths.setdefault(re.sub(r"<(\w+)>", r"{\1}", operation.path), PathItem())
        setattr(item, operation.method, _described(operation, has_password))
    schemes = {
        "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name=cookie, description="from /login"),
        "password": SecurityScheme(type="http", scheme="basic", description="any user name, and the password"),
    }
    whole = OpenAPI(
        openapi="3.1.1",
        info=Info(title="BandcampSync", version=__version__, description=_ABOUT),
        paths=paths,
        components=Components(securitySchemes=schemes),
    )
    text = construct_open_api_with_schema_class(whole).model_dump_json(
        by_alias=True, exclude_none=True, exclude_unset=True
    )
    # The library writes every bound as 1.0, and a number so bounded as one that may have a fraction.
    made: dict[str, Any] = json.loads(text, parse_float=lambda number: int(float(number)))
    return made


def routes(app: Flask) -> set[tuple[str, str]]:
    """The (method, path) pairs of `app` that the description is of: the API, and what programs ask besides."""
    return {
        (method.lower(), path_of(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(FOR_PROGRAMS)
    }


def _described(operation: Operation, has_password: bool) -> Described:
    is_change = operation.method == "post"
    is_guarded = has_password and not operation.is_open
    errors = {
        **_COMMON,
        **(_GUARDED if is_guarded else {}),
        **(_CHANGE if is_change else {}),
        **operation.errors,
    }
    answers = {str(operation.status): _good(operation), **{str(code): _bad(code, errors[code]) for code in errors}}
    if operation.is_tagged:
        answers["304"] = Answer(description="it is as `If-None-Match` says", headers=_etag())
    security: list[dict[str, list[str]]] = [{"session": []}, {"password": []}] if is_guarded else []
    return Described(
        tags=[operation.tag],
        summary=operation.summary,
        description=operation.about or None,
        operationId=_name(operation),
        parameters=[*_in_path(operation), *map(_in_query, operation.query), *([_token()] if is_change else [])],
        requestBody=_body(operation),
        responses=dict(sorted(answers.items())),
        security=security,
    )


def _good(operation: Operation) -> Answer:
    headers = _etag() if operation.is_tagged else None
    if not isinstance(operation.answer, str):
        content = MediaType(media_type_schema=PydanticSchema(schema_class=operation.answer))
        return Answer(description="as asked", headers=headers, content={"application/json": content})
    if operation.answer == "application/json":
        schema = Schema(type="object")
    elif operation.answer == PICTURE:
        schema = None
    else:
        schema = Schema(type="string")
    return Answer(
        description="as asked", headers=headers, content={operation.answer: MediaType(media_type_schema=schema)}
    )


def _bad(status: int, meaning: str) -> Answer:
    content = MediaType(media_type_schema=PydanticSchema(schema_class=shapes.Problem))
    headers = None
    if status in _HEADERS:
        name, about = _HEADERS[status]
        headers = {name: _header(about, {"type": "string"})}
    return Answer(description=meaning, headers=headers, content={"application/problem+json": content})


def _etag() -> dict[str, Any]:
    return {"ETag": _header("differs when the answer does", {"type": "string", "pattern": '^(W/)?".+"$'})}


def _header(about: str, schema: dict[str, Any]) -> AnswerHeader:
    return AnswerHeader(description=about, required=True, param_schema=Schema.model_validate(schema))


def _in_path(operation: Operation) -> list[DescribedParameter]:
    schemas = {name: IN_PATH.get(name, {"type": "string"}) for name in re.findall(r"<(\w+)>", operation.path)}
    if "action" in schemas:
        schemas["action"] = {"type": "string", "enum": list(ACTIONS_OF[operation.path])}
    return [_parameter(name, "path", schema, required=True) for name, schema in schemas.items()]


def _in_query(parameter: Parameter) -> DescribedParameter:
    listed = {"style": "form", "explode": False} if isinstance(parameter, Words) else {}
    about = {"description": parameter.about, "required": parameter.is_required}
    may_be_empty = {} if parameter.is_required else {"allowEmptyValue": True}
    return _parameter(parameter.name, "query", parameter.schema(), **about, **may_be_empty, **listed)


def _token() -> DescribedParameter:
    return _parameter(TOKEN_HEADER, "header", {"type": "string"}, required=True, description="from /api/token")


def _parameter(name: str, place: str, schema: dict[str, Any], **more: Any) -> DescribedParameter:
    return DescribedParameter.model_validate({"name": name, "in": place, "schema": schema, **more})


def _body(operation: Operation) -> RequestBody | None:
    if not operation.body:
        return None
    text = MediaType(media_type_schema=Schema(type="string"))
    form = MediaType(media_type_schema=Schema.model_validate(_FORM))
    content = {kind: form if kind.startswith("multipart/") else text for kind in operation.body}
    return RequestBody(description="the cookies", required=True, content=content)


_FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
    "required": ["file"],
}


def _name(operation: Operation) -> str:
    return "_".join([operation.method, *re.findall(r"\w+", operation.path.removeprefix("/api/"))])
