"""The dashboard: through Flask's own client for what it answers, and under gunicorn for what lives long."""

import base64
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bandcamp_sync.control import Verb, take
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from browser.served import Dashboard
from flask.testing import FlaskClient
from unit.factories import LINK, item

from integration.dashboards import NASTY, client, log_in, put, with_token

ROOT = Path(__file__).resolve().parents[2]


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_api_has_the_shapes_of_the_contract(web: FlaskClient) -> None:
    status = web.get("/api/status").get_json()
    assert {"state", "units", "systemd", "session", "disk", "version", "now"} <= set(status)
    assert {"logged_in", "expires", "checked_at"} <= set(status["session"])
    assert {"free", "music"} <= set(status["disk"])
    queue = web.get("/api/queue").get_json()
    assert queue["counts"] == {"pending": 0, "in_progress": 0, "failed": 1, "done": 1}
    assert queue["current"] == [] == queue["retries"]
    found = web.get("/api/collection?state=synced").get_json()
    assert (found["total"], sum(found["counts"].values())) == (1, 3)
    wanted = {"key", "artist", "title", "state", "path", "format", "size", "purchased", "item_url", "error", "reason"}
    assert wanted <= set(found["items"][0])
    assert web.get("/healthz").status_code == 200


def test_no_answer_holds_a_link_that_is_a_secret(web: FlaskClient) -> None:
    paths = ["/", "/api/status", "/api/queue", "/api/collection", "/api/logs", "/metrics"]
    for path in paths:
        answer = web.get(path)
        assert answer.status_code == 200
        assert "0123456789abcdef0123456789abcdef" not in answer.text, path
        assert "redownload" not in answer.text, path


def test_logs_come_merged_and_apart(web: FlaskClient) -> None:
    logs = web.get("/api/logs?lines=10").get_json()
    assert [line[24:38].split()[1] for line in logs["logs"].splitlines()] == ["scraper", "worker"]
    assert set(logs["files"]) == {"scraper", "worker"}
    assert list(web.get("/api/logs?file=worker").get_json()["files"]) == ["worker"]
    assert web.get("/api/logs?lines=1&file=worker").get_json()["logs"].count("\n") == 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/logs?file=../config/cookies", 404),
        ("/api/logs?lines=0", 400),
        ("/api/logs?lines=many", 400),
        ("/api/logs/stream?file=../x", 400),
        ("/api/collection?state=lost", 400),
        ("/api/collection?page=0", 400),
        ("/api/collection?per_page=x", 400),
        ("/api/nothing", 404),
        ("/api/actions/scrape", 405),
    ],
)
def test_errors_are_problem_details(web: FlaskClient, path: str, code: int) -> None:
    answer = web.get(path)
    assert answer.status_code == code
    assert answer.content_type == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(json.loads(answer.text))


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_takes_nothing_from_elsewhere_and_names_are_text(web: FlaskClient) -> None:
    answer = web.get("/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style", answer.text)
    assert not re.search(r'<(?!a\b)[^>]*\b(src|href)="(https?:)?//', answer.text)
    for name in set(re.findall(r'"(/static/[^"]+)"', answer.text)):
        assert web.get(name).status_code == 200, name


def test_a_name_that_is_markup_stays_text_on_the_page(data: DataFolder) -> None:
    put(data, State.IN_PROGRESS, "p2", of=item("p2", band_name=NASTY))
    page = client(data).get("/").text
    assert NASTY not in page
    assert "&lt;img" in page


# --- asking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["scrape", "reconcile", "retry", "verify"])
def test_an_action_leaves_a_request(web: FlaskClient, data: DataFolder, action: str) -> None:
    assert web.post(f"/api/actions/{action}", headers=with_token(web)).status_code == 202
    asked = take(data, Verb(action))
    assert asked is not None
    assert asked.everything


def test_pause_and_resume(web: FlaskClient, data: DataFolder) -> None:
    headers = with_token(web)
    assert web.post("/api/actions/pause", headers=headers).status_code == 202
    assert data.paused.exists()
    assert web.get("/api/status").get_json()["state"] == "paused"
    assert web.post("/api/actions/resume", headers=headers).status_code == 202
    assert not data.paused.exists()


@pytest.mark.parametrize("action", ["retry", "ignore", "unignore"])
def test_an_action_on_a_purchase_names_it(web: FlaskClient, data: DataFolder, action: str) -> None:
    assert web.post(f"/api/items/p3/{action}", headers=with_token(web)).status_code == 202
    asked = take(data, Verb(action))
    assert asked is not None
    assert (asked.keys, asked.everything) == (("p3",), False)


@pytest.mark.parametrize("path", ["/api/items/p99/retry", "/api/items/p3/delete", "/api/actions/format"])
def test_what_there_is_not_is_not_found(web: FlaskClient, path: str) -> None:
    assert web.post(path, headers=with_token(web)).status_code == 404


def test_a_change_needs_this_sessions_token(web: FlaskClient, data: DataFolder) -> None:
    other = with_token(client(data))
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "guess"}, other):
        assert web.post("/api/actions/pause", headers=headers).status_code == 403
    assert not data.paused.exists()


def test_a_change_from_another_site_is_refused_even_with_the_token(web: FlaskClient, data: DataFolder) -> None:
    headers = with_token(web)
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert web.post("/api/actions/pause", headers={**headers, **foreign}).status_code == 403
    assert not data.paused.exists()


def test_a_name_that_is_not_ours_is_refused(web: FlaskClient) -> None:
    for path in ("/", "/api/status", "/healthz", "/static/icon.svg"):
        assert web.get(path, headers={"Host": "evil.example"}).status_code == 421
    assert web.get("/api/status", headers={"Host": "192.168.1.5:5000"}).status_code == 200


# --- the password ---------------------------------------------------------------------------------------------------


def test_a_password_keeps_everything_but_the_health_shut(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    assert web.get("/healthz").status_code == 200
    assert web.get("/").headers["Location"] == "/login"
    for path in ("/api/status", "/api/queue", "/api/logs", "/api/collection", "/api/events", "/metrics", "/api/token"):
        assert web.get(path).status_code == 401, path
    assert web.post("/api/actions/pause").status_code == 403


def test_the_right_password_opens_and_a_new_one_closes(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    assert log_in(web, "open says me") == 403
    assert web.get("/api/status").status_code == 401
    assert log_in(web, "open sesame") == 303
    assert web.get("/api/status").status_code == 200
    assert web.post("/api/actions/pause", headers=with_token(web)).status_code == 202
    cookie = web.get_cookie("bandcampsync_5000")
    assert cookie is not None
    changed = client(data, DASHBOARD_PASSWORD="another")
    changed.set_cookie("bandcampsync_5000", cookie.value)
    assert changed.get("/api/status").status_code == 401


def test_programs_may_send_the_password_itself(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    basic = "Basic " + base64.b64encode(b"any:open sesame").decode()
    assert web.get("/metrics", headers={"Authorization": basic}).status_code == 200
    wrong = "Basic " + base64.b64encode(b"any:guess").decode()
    assert [web.get("/metrics", headers={"Authorization": wrong}).status_code for _ in range(12)][-1] == 429


# --- under gunicorn -------------------------------------------------------------------------------------------------


def events(response: requests.Response) -> Iterator[tuple[str, Any]]:
    """(name, data) of each event as it comes."""
    name = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_change_is_an_event_within_a_second(served: Dashboard, data: DataFolder) -> None:
    with requests.get(f"{served.url}/api/events", stream=True, timeout=10) as response:
        stream = events(response)
        first = dict(next(stream) for _ in range(5))
        assert set(first) == {"status", "queue", "collection", "setup", "actions"}
        began = time.monotonic()
        put(data, State.PENDING, "p2")
        for name, value in stream:
            if name == "queue" and value["counts"]["pending"] == 1:
                break
        assert time.monotonic() - began < 1.0


def test_log_lines_are_followed_across_rotation(served: Dashboard, data: DataFolder) -> None:
    log = data.logs / "worker.log"
    with requests.get(f"{served.url}/api/logs/stream?file=worker", stream=True, timeout=10) as response:
        stream = events(response)
        time.sleep(0.6)
        with log.open("a") as file:
            file.write(f"before {LINK}\n")
        name, value = next(stream)
        assert (name, value["file"]) == ("line", "worker")
        assert value["line"].startswith("before https://bandcamp.com/download")
        assert "0123456789abcdef" not in value["line"]
        log.rename(log.with_name("worker.log.1"))
        log.write_text("after\n")
        assert next(stream)[1]["line"] == "after"


def test_it_ends_within_seconds_though_pages_are_open(served: Dashboard) -> None:
    with requests.get(f"{served.url}/api/events", stream=True, timeout=10) as response:
        next(events(response))
        began = time.monotonic()
        assert served.process is not None
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(15)
        assert time.monotonic() - began < 4
