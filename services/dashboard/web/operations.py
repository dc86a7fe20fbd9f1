"""All that the API can be asked, in one table: the description is made of it, and what is not in it is refused."""

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from bandcamp_sync.collection.item import KEY_PATTERN
from bandcamp_sync.logs.line import LEVELS
from bandcamp_sync.throughput import MAX_HOURS
from bandcamp_sync.views import MAX_PER_PAGE
from flask import Flask, Response, request

from services.dashboard.web import shapes
from services.dashboard.web.activity import MAX_ACTIONS
from services.dashboard.web.loglines import MAX_LINES
from services.dashboard.web.parameters import Parameter, Whole, Word, Words, wrong
from services.dashboard.web.problems import problem

EVENTS, PICTURE, TEXT = "text/event-stream", "image/jpeg", "text/plain"


@dataclass(frozen=True)
class Operation:
    """One thing to ask. `path` as Flask writes it; `answer`: a shape, or the media type of what is no JSON.

    `errors`: what they mean here, by status; those that any request can meet are not repeated. `is_open`: it is
    answered to everybody. `body`: media types that are taken.
    """

    method: str
    path: str
    tag: str
    summary: str
    answer: type[shapes.Shape] | str
    about: str = ""
    status: int = 200
    query: tuple[Parameter, ...] = ()
    errors: dict[int, str] = field(default_factory=dict)
    is_open: bool = False
    is_tagged: bool = False
    body: tuple[str, ...] = ()


#: What stands in a path, by its name.
IN_PATH: dict[str, dict[str, Any]] = {
    "key": {"type": "string", "pattern": f"^{KEY_PATTERN.pattern}$"},
    "art_id": {"type": "integer", "minimum": 0},
}

_FILE = Parameter("file", "of one service alone, as `worker`; all when left out", 100)
_LEVEL = Word("level", "this level and graver ones", words=LEVELS)
_SEARCH = Parameter("q", "words that are all in it, in any case", 200)
_LINES = Whole("lines", "how many lines", MAX_LINES, usual=200)

_NO_PURCHASE = {404: "there is no such purchase"}


def _get(path: str, tag: str, summary: str, answer: type[shapes.Shape] | str, **more: Any) -> Operation:
    is_tagged = not isinstance(answer, str)
    return Operation("get", path, tag, summary, answer, **{"is_tagged": is_tagged, **more})


def _post(path: str, tag: str, summary: str, answer: type[shapes.Shape], **more: Any) -> Operation:
    return Operation("post", path, tag, summary, answer, status=HTTPStatus.ACCEPTED, **more)


OPERATIONS: tuple[Operation, ...] = (
    _get("/healthz", "server", "Whether it lives", shapes.Health, is_open=True),
    _get("/metrics", "server", "Numbers for Prometheus", TEXT),
    _get("/api/openapi.json", "server", "This description", "application/json", is_tagged=True),
    _get("/api/token", "server", "This session's token for changes", shapes.Token, is_tagged=False),
    _get("/api/status", "now", "How the whole is, and why", shapes.Status),
    _get("/api/queue", "now", "The queue, running downloads, and retries", shapes.Queue),
    _get(
        "/api/events",
        "now",
        "All changes as they come",
        EVENTS,
        about="Server-sent events, each within a second of a change, and all of them at first: `status`, `queue` and "
        "`setup` as the calls of that name answer, without `now`; `actions`, the newest of them; and `collection`, "
        "the versions of the purchases and of their pictures, and how many are in each state.",
        errors={503: "there are too many streams"},
    ),
    _get(
        "/api/collection",
        "collection",
        "Purchases, a page of them",
        shapes.Collection,
        query=(
            Words("state", "in one of these states; `unsynced` is several", 20, words=shapes.STATES),
            Parameter("q", "words that artist, title and key hold, in any case and without accents", 200),
            Word("sort", "the order; with a minus, the other way round", words=shapes.ORDERS, usual="-purchased"),
            Whole("page", "which page, from 1", 1_000_000, usual=1),
            Whole("per_page", "how many are on a page", MAX_PER_PAGE, usual=50),
        ),
    ),
    _get("/api/items/<key>", "collection", "One purchase in full", shapes.WholeItem, errors=_NO_PURCHASE),
    _post(
        "/api/items/<key>/<action>",
        "collection",
        "Ask for something for one purchase",
        shapes.ItemAccepted,
        errors={404: "there is no such purchase, or no such action"},
    ),
    _get(
        "/covers/<art_id>.jpg",
        "collection",
        "A small picture",
        PICTURE,
        errors={404: "there is no such picture here"},
        is_tagged=True,
    ),
    _post(
        "/api/actions/<action>",
        "actions",
        "Ask for something for all",
        shapes.Accepted,
        errors={404: "there is no such action"},
    ),
    _get(
        "/api/actions",
        "actions",
        "What was asked for, and what came of it",
        shapes.Actions,
        query=(Whole("limit", "how many, the newest first", MAX_ACTIONS, usual=50),),
    ),
    _get(
        "/api/throughput",
        "now",
        "What came in lately",
        shapes.Throughput,
        query=(Whole("hours", "how far back", MAX_HOURS, usual=12),),
    ),
    _get(
        "/api/logs",
        "logs",
        "The last lines",
        shapes.Logs,
        query=(_LINES, _FILE, _LEVEL, _SEARCH),
        errors={404: "there is no log of that name"},
    ),
    _get(
        "/api/logs/stream",
        "logs",
        "New lines as they come",
        EVENTS,
        about='Server-sent events `line`, `{"file", "line"}`. The id of each is a position: given back in the header '
        "`Last-Event-ID`, or in `last_event_id`, the stream goes on there, with an event `gap` when something between "
        "is gone. With `lines` it begins with an event `tail`, the last lines.",
        query=(
            Whole("lines", "begin with so many of the last lines", MAX_LINES),
            _FILE,
            _LEVEL,
            _SEARCH,
            Parameter("last_event_id", "go on behind this position", 4096),
        ),
        errors={503: "there are too many streams"},
    ),
    _get(
        "/api/logs/download",
        "logs",
        "A whole log, with what it was rotated into",
        TEXT,
        query=(replace(_FILE, about="of which service, as `worker`", is_required=True), _LEVEL, _SEARCH),
        errors={404: "there is no log of that name", 503: "there are too many streams"},
    ),
    _get("/api/setup", "set-up", "How far set-up is", shapes.Setup),
    _post(
        "/api/cookies",
        "set-up",
        "Hand over cookies",
        shapes.Handed,
        about="A cookies file or the text of one, itself or as the first file of a form. It is sealed for the scraper, "
        "who checks it and says what it found: `drop` in `/api/setup`.",
        query=(Word("switch", "also when they are another account's", words=("true", "1", "yes")),),
        errors={400: "there is nothing in it", 409: "the scraper has made no key yet"},
        body=("text/plain", "application/json", "multipart/form-data"),
    ),
)

#: What `<action>` may be, by path.
ACTIONS_OF = {
    "/api/actions/<action>": shapes.ACTIONS,
    "/api/items/<key>/<action>": shapes.ITEM_ACTIONS,
}

_BY_ROUTE = {(operation.method, operation.path): operation for operation in OPERATIONS}


def path_of(rule: str) -> str:
    """A route of Flask's without its converters."""
    return rule.replace("<int:", "<")


def install(app: Flask) -> None:
    """Refuse every parameter that the description does not know, and every value that it does not allow."""
    app.before_request(refuse_wrong_parameters)


def refuse_wrong_parameters() -> Response | None:
    """The refusal of a request whose parameters are not as described; None when they are."""
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = _BY_ROUTE.get((method, path_of(request.url_rule.rule))) if request.url_rule else None
    sentence = wrong(operation.query, request.args) if operation else None
    return problem(HTTPStatus.BAD_REQUEST, sentence) if sentence else None
