"""What must not get in: bodies too large, paths that climb, headers that smuggle, methods that are none, guesses."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard
from flask.testing import FlaskClient

from integration.dashboards import client, fill, log_in, with_token
from services.dashboard.worker import CHANGED_WITHIN_S, HEADERS_WITHIN_S

KIB = 1024


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    data = DataFolder(tmp_path_factory.mktemp("guarded") / "data")
    fill(data)
    one = Dashboard(data)
    yield one
    one.stop()


def raw(served: Dashboard, request: bytes) -> bytes:
    """The beginning of what the server answers to these very bytes."""
    host, _, port = served.bind.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.replace(b"HOST", served.bind.encode()))
        return connection.recv(4096)


# --- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/actions/pause", "/login", "/logout", "/api/items/p3/retry", "/nowhere"])
def test_a_body_that_is_too_large_is_refused(web: FlaskClient, data: DataFolder, path: str) -> None:
    answer = web.post(path, headers=with_token(web), data=b"x" * 65 * KIB, content_type="application/octet-stream")
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
    assert not data.paused.exists()


def test_it_is_refused_before_any_of_it_has_come(served: Dashboard) -> None:
    answer = raw(served, b"POST /api/actions/pause HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1099511627776\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_of_a_body_that_comes_in_pieces_no_more_is_read(served: Dashboard) -> None:
    # The token stands behind more than is ever read.
    pieces = b"".join(b"1000\r\na=" + b"x" * 4093 + b"&\r\n" for _ in range(20)) + b"0\r\n\r\n"
    answer = raw(
        served,
        b"POST /api/actions/pause HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + pieces,
    )
    assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 413 "))


# --- paths and headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/../../start.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/css/../../app.py",
        "/static/css/..%5c..%5capp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/css/frame.css%00.js",
        "/static/",
        "/covers/../static/icon.svg",
        "/covers/..%2fstate%2fdashboard.key",
        "/api/items/..%2f..%2fconfig/retry",
        "/collection/..%2fconfig",
    ],
)
def test_no_path_leads_out(served: Dashboard, path: str) -> None:
    answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".encode())
    status = int(answer.split()[1])
    assert status in (308, 404, 405)
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/..", "/%0d%0aSet-Cookie:%20a=b", "/login?next=//evil.example", "/\\evil"]
)
def test_no_path_leads_elsewhere_or_writes_a_header(served: Dashboard, path: str) -> None:
    answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"\nset-cookie: a=b" not in head
    assert b"location: //" not in head
    assert b"location: http" not in head


def test_a_forwarded_host_opens_no_door(web: FlaskClient) -> None:
    forwarded = {"X-Forwarded-Host": "localhost", "Forwarded": "host=localhost", "X-Forwarded-For": "127.0.0.1"}
    assert web.get("/api/status", headers={"Host": "evil.example", **forwarded}).status_code == 421
    headers = {**with_token(web), "Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"}
    assert web.post("/api/actions/pause", headers=headers).status_code == 403


def test_the_names_in_the_settings_are_ours_too(data: DataFolder) -> None:
    web = client(data, DASHBOARD_HOSTS="music.example.org, nas")
    for host, code in (("music.example.org", 200), ("NAS:8080", 200), ("example.org", 421), ("a.nas", 421)):
        assert web.get("/healthz", headers={"Host": host}).status_code == code
    renamed = {**with_token(web), "Origin": "https://music.example.org"}
    assert web.post("/api/actions/pause", headers=renamed).status_code == 202


def test_a_person_is_told_in_a_page_what_to_do_and_a_program_in_a_problem(web: FlaskClient) -> None:
    asked = {"Host": "evil.example"}
    page = web.get("/", headers={**asked, "Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (421, "text/html")
    assert "DASHBOARD_HOSTS" in page.text
    assert web.get("/api/status", headers={**asked, "Accept": "text/html"}).mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("request_line", "status"), [(f"GET /api/collection?q={'x' * 9000} HTTP/1.1", 414), ("NONSENSE", 400)]
)
def test_what_is_no_request_at_all_is_a_problem_too(served: Dashboard, request_line: str, status: int) -> None:
    head, _, body = raw(served, f"{request_line}\r\nHost: HOST\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert json.loads(body)["status"] == status


def test_a_long_search_is_answered_by_us(served: Dashboard) -> None:
    answer = requests.get(f"{served.url}/api/collection?q={'x' * 5000}", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


# --- clients that are slow ------------------------------------------------------------------------------------------

MANY = 200  # more than there are threads


def _nothing(bind: str) -> bytes:
    return b""


def _half_of_the_headers(bind: str) -> bytes:
    return f"GET /healthz HTTP/1.1\r\nHost: {bind}\r\nX-More:".encode()


def _half_of_a_body(bind: str) -> bytes:
    kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000"
    return f"POST /logout HTTP/1.1\r\nHost: {bind}\r\n{kind}\r\n\r\ntoken=".encode()


def _all_but_the_end_of_the_connection(bind: str) -> bytes:
    return f"GET /healthz HTTP/1.1\r\nHost: {bind}\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("sent", "within_s"),
    [
        (_nothing, 2.0),
        (_all_but_the_end_of_the_connection, 5.0),
        (_half_of_the_headers, HEADERS_WITHIN_S + 5.0),
        (_half_of_a_body, 2 * CHANGED_WITHIN_S + 5.0),
    ],
)
def test_clients_that_stop_in_the_middle_hold_up_the_others_for_so_long_only(
    served: Dashboard, sent: Callable[[str], bytes], within_s: float
) -> None:
    host, _, port = served.bind.rpartition(":")
    with ExitStack() as opened:
        for _ in range(MANY):
            one = opened.enter_context(socket.create_connection((host, int(port)), timeout=10))
            one.sendall(sent(served.bind))
        assert requests.get(f"{served.url}/healthz", timeout=within_s).status_code == 200


# --- methods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/status", {"GET", "HEAD", "OPTIONS"}), ("/logout", {"POST", "OPTIONS"})]
)
def test_a_method_that_is_not_taken_is_told_which_are(
    web: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = web.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path", ["/", "/api/status", "/api/collection", "/healthz", "/metrics", "/api/events", "/live/logs"]
)
def test_head_is_get_without_a_body(web: FlaskClient, path: str) -> None:
    with web.head(path) as head, web.get(path, buffered=False) as whole:
        assert (head.status_code, head.data) == (200, b"")
        assert head.content_type == whole.content_type
    assert web.application.extensions["streams"].listening == 0


def test_options_are_told_and_nothing_is_allowed_to_others(web: FlaskClient) -> None:
    answer = web.options("/api/actions/pause", headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


# --- the password ---------------------------------------------------------------------------------------------------


def test_guessing_at_the_door_ends_in_a_wait_also_for_the_right_one(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    inside = client(data, DASHBOARD_PASSWORD="open sesame")
    assert log_in(inside, "open sesame") == 303
    assert [log_in(web, f"guess {number}") for number in range(12)] == [403] * 10 + [429] * 2
    assert log_in(web, "open sesame") == 429
    answer = web.get("/api/status", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


OPEN = {"static", "api.healthz", "door.login", "door.log_in"}


def test_every_route_but_the_door_asks_for_the_password_and_tells_nothing_before(data: DataFolder) -> None:
    app = client(data, DASHBOARD_PASSWORD="open sesame").application
    assert {rule.endpoint for rule in app.url_map.iter_rules()} > OPEN
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<\w+>", "p1", re.sub(r"<\w+:\w+>", "1", rule.rule))
        for method in (rule.methods or set()) - {"OPTIONS"}:
            web = app.test_client()
            # A change is refused for want of a token before a password is asked for; the door gives one to everybody.
            answer = web.open(path, method=method, headers=token_of_the_door(web))
            told = f"{method} {path}: {answer.status}"
            if rule.endpoint in OPEN:
                assert answer.status_code in (200, 403, 404), told
            elif answer.status_code == 303:
                assert (method != "POST", urlsplit(answer.headers["Location"]).path) == (True, "/login"), told
            else:
                assert answer.status_code == 401, told
            assert not re.search(r"Los Faros|Night Ferry|a_listener|scraper", answer.text), told
            assert web.post(path, headers=token_of_the_door(web)).status_code in (401, 403, 405), told
    assert not data.paused.exists()


def token_of_the_door(web: FlaskClient) -> dict[str, str]:
    return {"X-CSRF-Token": web.get("/login").text.partition('name="token" value="')[2].partition('"')[0]}


def test_whoever_is_inside_stays_inside_while_others_guess(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    assert log_in(web, "open sesame") == 303
    stranger = web.application.test_client()
    assert [log_in(stranger, "guess") for _ in range(11)][-1] == 429
    assert web.get("/api/status").status_code == 200
    assert stranger.get("/healthz").status_code == 200


def test_a_session_that_was_planted_before_has_another_token_once_logged_in(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    web.get("/login")
    planted = web.get_cookie("bandcampsync_5000")
    assert planted is not None
    attacker = web.application.test_client()
    attacker.set_cookie("bandcampsync_5000", planted.value)
    token = attacker.get("/login").text.partition('name="token" value="')[2].partition('"')[0]
    assert log_in(web, "open sesame") == 303
    assert web.post("/api/actions/pause", headers={"X-CSRF-Token": token}).status_code == 403
    assert attacker.get("/api/status").status_code == 401


def test_the_cookie_comes_with_what_changes_it_alone(data: DataFolder) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    assert log_in(web, "open sesame") == 303
    # A proxy may keep a font for others; and an answer that is under way while somebody logs out must not undo it.
    paths = ["/static/fonts/antonio-latin-400-normal.woff2", "/static/css/frame.css", "/", "/collection", "/api/status"]
    for path in paths:
        answer = web.get(path)
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (200, None), path
    assert "Cookie" not in web.get(paths[0]).headers.get("Vary", "")


def test_a_page_that_reflects_what_is_asked_holds_no_text_that_two_answers_share_and_that_is_secret(
    data: DataFolder,
) -> None:
    web = client(data, DASHBOARD_PASSWORD="open sesame")
    assert log_in(web, "open sesame") == 303
    tokens = [web.get("/collection?q=a").text.partition('name="token" value="')[2].partition('"')[0] for _ in range(2)]
    assert all(tokens)
    assert tokens[0] != tokens[1]
    for token in tokens:
        assert web.post("/api/actions/pause", headers={"X-CSRF-Token": token}).status_code == 202


def test_the_policy_names_everything_that_a_page_may_load_and_nothing_else(web: FlaskClient) -> None:
    policy = dict(
        part.strip().partition(" ")[::2] for part in web.get("/").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    loads = {"script-src", "style-src", "img-src", "connect-src", "font-src", "manifest-src", "form-action"}
    assert {name: policy[name] for name in loads} == dict.fromkeys(loads, "'self'")
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
