"""The description of the API is true: what is asked by it, well or badly, is answered as it says.

Schemathesis makes the requests: for each operation every value at a bound and just beyond it, every parameter left out,
doubled or of another kind, methods that there are not, and some that are made up. Each answer is held against the
description: its status, type, headers and shape; that what is as described is taken, and what is not is refused.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from bandcamp_sync.actions import By, note
from bandcamp_sync.alarms import raise_alarm
from bandcamp_sync.books import Shown
from bandcamp_sync.choice import FROM_NOW_ON, ask_choice
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import is_key
from bandcamp_sync.drop.verdict import Outcome, Verdict, publish_verdict
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.reconciles import note_run
from bandcamp_sync.settings import Settings
from bandcamp_sync.throughput import bucket_of
from browser import books
from flask import Flask
from flask.testing import FlaskClient
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckNode
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from integration.dashboards import client
from services.dashboard.web.app import create_app
from services.dashboard.web.openapi import FOR_PROGRAMS, document, routes
from services.dashboard.web.operations import EVENTS, OPERATIONS, Operation, refuse_wrong_parameters
from services.dashboard.web.token import TOKEN_HEADER

COOKIE = "bandcampsync_5000"
#: They never end; `test_streams.py` listens to them.
STREAMS = [operation.path for operation in OPERATIONS if operation.answer == EVENTS]
CONFIG = {
    "generation": {"deterministic": True, "max-examples": 12},
    "phases": {"coverage": {"generate-duplicate-query-parameters": True}, "stateful": {"enabled": False}},
}


#: Served, and on purpose no part of the description: what a browser shows to people. By their first part.
FOR_PEOPLE = {"", "collection", "logs", "setup", "login", "logout", "live", "static"}


@pytest.fixture
def full(tmp_path: Path) -> DataFolder:
    """A data folder with something of everything that an answer can tell."""
    data, now = DataFolder(tmp_path / "full"), datetime.now(UTC)
    books.fill(data)
    raise_alarm(data, "disk", "the disk is full", True, now)
    note_run(data, now, {"queue": 3})
    note_run(data, now, {}, error="no such folder")
    note(data, now, "retry", By.DASHBOARD, "1 queued", "p24")
    ask_choice(data, FROM_NOW_ON, now)
    verdict = Verdict("one", rfc3339(now), Outcome.REFUSED.value, problem="these are of nobody", tries=1)
    publish_verdict(data, verdict)
    data.covers.mkdir()
    (data.covers / "4000001.jpg").write_bytes(b"\xff\xd8\xff")
    data.throughput.mkdir(parents=True)
    (data.throughput / "w.json").write_text(json.dumps({"buckets": {str(bucket_of(now)): 5_000_000}}))
    return data


@pytest.fixture
def app(full: DataFolder) -> Flask:
    return create_app(Settings.from_environment({"DATA_DIR": str(full.root)}))


@pytest.fixture
def as_a_browser(app: Flask) -> Iterator[None]:
    """Each request comes with a session and its token, but for those that leave the token out on purpose."""
    web = app.test_client()
    token = web.get("/api/token").get_json()["token"]
    cookie = web.get_cookie(COOKIE)
    assert cookie is not None

    def before_call(context: schemathesis.HookContext, case: "schemathesis.Case[Any]", kwargs: dict[str, Any]) -> None:
        case.headers["Cookie"] = f"{cookie.key}={cookie.value}"
        case.headers["Accept-Encoding"] = "identity"  # it asks for more than it can read
        if TOKEN_HEADER in case.headers:
            case.headers[TOKEN_HEADER] = token

    schemathesis.hook(before_call)
    yield
    GLOBAL_HOOK_DISPATCHER.unregister(before_call)


def trouble(app: Flask, *paths: str) -> list[str]:
    """What asking `app` by its own description brings to light, at these paths or at all of them."""
    config = schemathesis.Config.from_dict(CONFIG)
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)
    chosen = schema.include(path=list(paths)) if paths else schema.exclude(path=STREAMS)

    @chosen.hook
    def map_query(context: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
        # By JSON Schema 10.0 is a whole number; in an address it is written as 10.
        return query and {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in query.items()
        }

    @chosen.hook
    def map_path_parameters(context: schemathesis.HookContext, parts: dict[str, Any] | None) -> dict[str, Any] | None:
        # Of all the keys that could be, hardly one that is made up is a purchase's.
        key = str(parts and parts.get("key"))
        return {**parts, "key": f"p{1 + sum(map(ord, key)) % books.PURCHASES}"} if parts and is_key(key) else parts

    found, asked = [], 0
    for event in from_schema(chosen).execute():
        if isinstance(event, events.ScenarioFinished):
            asked += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                found += [
                    f"{event.recorder.label}: {told(check)}" for check in checks if check.status != Status.SUCCESS
                ]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(repr(event))
    assert asked >= 5 * len(paths or OPERATIONS)
    return found


def told(check: CheckNode) -> str:
    info = check.failure_info
    return f"{check.name}: {info.failure}\n{info.code_sample}" if info else f"{check.name} went wrong itself"


@pytest.mark.usefixtures("as_a_browser")
def test_what_is_asked_by_the_description_is_answered_by_it(app: Flask) -> None:
    found = trouble(app)
    assert not found, "\n\n".join(found)


@pytest.mark.usefixtures("as_a_browser")
def test_an_answer_that_is_not_as_described_is_found_out(app: Flask) -> None:
    answer = app.view_functions["api.queue"]
    app.view_functions["api.queue"] = lambda: {**answer().get_json(), "retries": None}  # type: ignore[union-attr]
    assert any("response_schema_conformance" in one for one in trouble(app, "/api/queue"))


@pytest.mark.usefixtures("as_a_browser")
def test_a_value_that_is_taken_though_it_is_not_as_described_is_found_out(app: Flask) -> None:
    app.before_request_funcs[None].remove(refuse_wrong_parameters)
    assert any("negative_data_rejection" in one for one in trouble(app, "/api/logs"))


def test_the_answers_about_a_full_data_folder_have_the_shapes_that_are_described(full: DataFolder) -> None:
    web = client(full)
    keys = [f"p{number}" for number in range(1, books.PURCHASES + 1)]
    seen: dict[str, Any] = {}
    for operation in OPERATIONS:
        if operation.method == "get" and not isinstance(operation.answer, str):
            for path in {operation.path.replace("<key>", key) for key in keys}:
                answer = web.get(path)
                assert answer.status_code == 200, path
                seen[operation.path] = operation.answer.model_validate_json(answer.data, strict=True)
    # Nothing of this is empty, so nothing of it was let through for want of something to look at.
    status, queue = seen["/api/status"], seen["/api/queue"]
    assert all((status.units, status.alarms, status.needs_you, status.reconcile.recent, status.systemd, status.why))
    assert all((queue.current, queue.retries))
    assert {item.state for item in seen["/api/collection"].items} == set(Shown)
    assert any(item.cover for item in seen["/api/collection"].items)
    assert all((seen["/api/actions"].actions, seen["/api/throughput"].total_bytes, seen["/api/setup"].drop))
    assert seen["/api/setup"].choice.asked == FROM_NOW_ON
    assert all((seen["/api/logs"].logs, seen["/api/logs"].files))


def test_every_route_of_the_api_is_described_and_every_described_one_is_there(app: Flask) -> None:
    described = document(COOKIE, has_password=False)["paths"]
    named = {(method, path) for path, item in described.items() for method in item}
    assert named == {(method, re.sub(r"<(\w+)>", r"{\1}", path)) for method, path in routes(app)}
    assert ("get", "/metrics") in named
    # Nor is there a route elsewhere that somebody forgot to describe.
    others = {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(FOR_PROGRAMS)}
    assert {path.split("/")[1] for path in others} == FOR_PEOPLE


def with_password(tmp_path: Path) -> FlaskClient:
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path), "DASHBOARD_PASSWORD": "open sesame"})
    return create_app(settings).test_client()


def test_the_description_says_where_the_server_is_and_how_it_is_guarded(tmp_path: Path) -> None:
    basic = {"Authorization": "Basic " + b64encode(b"any:open sesame").decode(), "X-Forwarded-Prefix": "/music"}
    told = with_password(tmp_path).get("/api/openapi.json", headers=basic).get_json()
    assert (told["openapi"], told["servers"]) == ("3.1.1", [{"url": "/music"}])
    assert set(told["components"]["securitySchemes"]) == {"session", "password"}
    for path, item in told["paths"].items():
        for method, described in item.items():
            assert bool(described["security"]) == (path != "/healthz")
            assert any(one["name"] == TOKEN_HEADER for one in described["parameters"]) == (method == "post")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_with_a_password_nothing_that_is_guarded_is_told_without_it(tmp_path: Path, operation: Operation) -> None:
    path = operation.path.replace("<art_id>", "1").replace("<", "").replace(">", "")
    answer = with_password(tmp_path).open(path, method=operation.method)
    assert answer.status_code == (200 if operation.is_open else 403 if operation.method == "post" else 401)
