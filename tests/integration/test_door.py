"""The way in and out: how often one may guess, where one lands, and what a log-out ends."""

import base64
import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from integration.dashboards import client, with_token
from services.dashboard.web.sessions import FILE
from services.dashboard.web.wayback import PAGES

PASSWORD, COOKIE, PREFIX = "open sesame", "bandcampsync_5000", "/music"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"any:{PASSWORD}".encode()).decode()}
BROWSER = {"Accept": "text/html"}


@pytest.fixture
def web(data: DataFolder) -> FlaskClient:
    return client(data, DASHBOARD_PASSWORD=PASSWORD)


def fields(html: str) -> dict[str, str]:
    """The hidden fields of the login's form."""
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)}


def log_in(web: FlaskClient, password: str = PASSWORD, address: str = "127.0.0.1", **given: str) -> TestResponse:
    """Send the login's form, as a browser at this address does."""
    hidden = fields(web.get("/login").text)
    form = {**hidden, "password": password, **given}
    return web.post("/login", data=form, headers=BROWSER, environ_overrides={"REMOTE_ADDR": address})


def below(prefix: str) -> dict[str, Any]:
    """How a browser's request comes through a proxy that shows us below this path; cookies are of that path."""
    return {"headers": {**BROWSER, "X-Forwarded-Prefix": prefix}, "base_url": f"http://localhost{prefix}"}


# --- guessing -------------------------------------------------------------------------------------------------------


def test_whoever_guesses_shuts_out_himself_alone(web: FlaskClient) -> None:
    app = web.application
    guesses = [log_in(app.test_client(), f"guess {n}", "192.0.2.1").status_code for n in range(12)]
    assert guesses == [403] * 10 + [429] * 2
    guesser, other = ({"REMOTE_ADDR": address} for address in ("192.0.2.1", "192.0.2.2"))
    refused = app.test_client().get("/api/status", headers=BASIC, environ_overrides=guesser)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert app.test_client().get("/api/status", headers=BASIC, environ_overrides=other).status_code == 200
    assert log_in(app.test_client(), address="192.0.2.2").status_code == 303


def test_a_forwarded_address_is_not_believed(web: FlaskClient) -> None:
    wrong = {"Authorization": "Basic " + base64.b64encode(b"any:guess").decode()}
    for number in range(11):
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        answer = web.get("/api/status", headers={**wrong, **forwarded})
    assert answer.status_code == 429


def test_guesses_from_many_addresses_meet_a_wider_brake(web: FlaskClient) -> None:
    wrong = {"Authorization": "Basic " + base64.b64encode(b"any:guess").decode()}
    codes = [
        web.get("/api/status", headers=wrong, environ_overrides={"REMOTE_ADDR": f"192.0.2.{n}"}).status_code
        for n in range(101)
    ]
    assert (codes[0], codes[-1]) == (401, 429)


def test_who_has_to_wait_is_told_for_how_long_and_led_back_to_the_login(web: FlaskClient) -> None:
    for _ in range(10):
        log_in(web, "guess")
    turned_away = log_in(web, next="/collection?q=a")
    assert (turned_away.status_code, turned_away.mimetype) == (429, "text/html")
    assert re.search(r"Too many wrong passwords; try again in \d+ seconds?\.", turned_away.text)
    [link] = re.findall(r'<a [^>]*href="([^"]*)"', turned_away.text)
    login = web.get(unescape(link), headers=BROWSER)
    assert (login.status_code, fields(login.text)["next"]) == (200, "/collection?q=a")
    # No page leads into a dead end meanwhile, and a program is told in its own words.
    assert web.get("/", headers=BROWSER).headers["Location"] == "/login"
    told = web.post("/login", data={"password": "x", **fields(login.text)})
    assert (told.status_code, told.mimetype) == (429, "application/problem+json")


# --- where one wanted to go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/collection?state=failed&q=x", "/collection?state=failed&q=x"),
        ("/collection?q=a%20%26%20b%2Fc&sort=-size", "/collection?q=a%20%26%20b%2Fc&sort=-size"),
        ("/collection/p1", "/collection/p1"),
        ("/logs?file=worker", "/logs?file=worker"),
        ("/setup", "/setup"),
        ("/collection/list?q=x", "/collection?q=x"),
        ("/collection/p1/panel?page=1", "/collection/p1"),
    ],
)
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_login_leads_to_where_one_wanted_to_go(web: FlaskClient, path: str, back: str, prefix: str) -> None:
    behind = below(prefix)
    location = web.get(path, **behind).headers["Location"]
    assert urlsplit(location).path == f"{prefix}/login"
    assert parse_qs(urlsplit(location).query) == {"next": [prefix + back]}
    # The proxy takes the prefix off; a wrong password in between loses nothing.
    page = web.get(location.removeprefix(prefix), **behind)
    for password, code in (("guess", 403), (PASSWORD, 303)):
        page = web.post("/login", data={**fields(page.text), "password": password}, **behind)
        assert page.status_code == code
    assert page.headers["Location"] == prefix + back
    # Who is inside already is led there at once.
    again = web.get(location.removeprefix(prefix), **behind)
    assert (again.status_code, again.headers["Location"]) == (303, prefix + back)


def test_the_overview_needs_no_mention_and_what_is_too_long_gets_none(web: FlaskClient) -> None:
    for path in ("/", f"/collection?q={'x' * 2000}"):
        assert web.get(path).headers["Location"] == "/login"


@pytest.mark.parametrize("path", ["/api/status", "/api/collection?q=x", "/live/collection", "/metrics", "/nowhere"])
def test_what_is_no_page_leads_to_no_login(web: FlaskClient, path: str) -> None:
    assert web.get(path, headers=BROWSER).status_code == 401


EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2f/evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/\t/evil.example",
    "/collection\r\nSet-Cookie: a=b",
    "/collection?q=\r\nSet-Cookie:%20a=b",
    "/collection%0d%0aSet-Cookie:%20a=b",
    "https:evil.example",
    "https://evil.example/collection",
    "http:/collection",
    "javascript:alert(1)",
    "evil.example/collection",
    "@evil.example",
    "collection",
    "",
    " /collection",
    "/collection#//evil.example",
    "/collection?q=\\evil",
    "/collection/..",
    "/collection/../../evil",
    "/./collection",
    "/collection/%2e%2e",
    "/collection/é",
    "/collection//list",
    "/collection/p1/panel",
    "/collection/list",
    "/nowhere",
    "/login",
    "/login?next=//evil.example",
    "/logout",
    "/api/status",
    "/live/collection",
    "/static/css/frame.css",
    f"/collection?q={'x' * 2000}",
]


@pytest.mark.parametrize("given", EVIL)
def test_a_login_leads_nowhere_else(web: FlaskClient, given: str) -> None:
    assert "next" not in fields(web.get("/login", query_string={"next": given}).text)
    let_in = log_in(web, next=given)
    assert (let_in.status_code, let_in.headers["Location"]) == (303, "/")
    inside = web.get("/login", query_string={"next": given})
    assert (inside.status_code, inside.headers["Location"]) == (303, "/")
    assert "a=b" not in inside.headers.get("Set-Cookie", "")


@pytest.mark.parametrize(
    "given", ["/collection", "/", "/musical/collection", "/music", "//music/collection", "/music//evil", "/music/../x"]
)
def test_below_a_proxys_path_a_login_leads_to_nothing_beside_it(web: FlaskClient, given: str) -> None:
    hidden = fields(web.get("/login", **below(PREFIX)).text)
    let_in = web.post("/login", data={**hidden, "password": PASSWORD, "next": given}, **below(PREFIX))
    assert (let_in.status_code, let_in.headers["Location"]) == (303, f"{PREFIX}/")


def test_every_page_leads_back_to_a_page(web: FlaskClient) -> None:
    pages = {"overview", "collection", "logs", "setup"}
    rules = {rule.endpoint for rule in web.application.url_map.iter_rules()}
    assert set(PAGES) == {endpoint for endpoint in rules if endpoint.partition(".")[0] in pages}
    assert all(PAGES[page] == page for page in PAGES.values())


# --- the end of a session -------------------------------------------------------------------------------------------


def copied(web: FlaskClient) -> FlaskClient:
    """Another browser with the same cookie."""
    cookie = web.get_cookie(COOKIE)
    assert cookie is not None
    other = web.application.test_client()
    other.set_cookie(COOKIE, cookie.value)
    return other


def log_out(web: FlaskClient) -> int:
    return web.post("/logout", headers=with_token(web)).status_code


def test_a_copied_cookie_does_not_outlive_the_log_out_nor_a_restart(web: FlaskClient, data: DataFolder) -> None:
    elsewhere = web.application.test_client()
    for one in (web, elsewhere):
        assert log_in(one).status_code == 303
    copy = copied(web)
    cookie = copy.get_cookie(COOKIE)
    assert cookie is not None
    assert copy.get("/api/status").status_code == 200
    assert log_out(web) == 303
    assert web.get("/api/status").status_code == copy.get("/api/status").status_code == 401
    assert copy.get("/collection").headers["Location"].startswith("/login")
    assert elsewhere.get("/api/status").status_code == 200
    restarted = client(data, DASHBOARD_PASSWORD=PASSWORD)
    restarted.set_cookie(COOKIE, cookie.value)
    assert restarted.get("/api/status").status_code == 401
    assert log_in(restarted).status_code == 303
    assert restarted.get("/api/status").status_code == 200


def test_a_session_of_before_there_were_ids_has_to_log_in(web: FlaskClient) -> None:
    assert log_in(web).status_code == 303
    with web.session_transaction() as session:
        del session["id"]
    assert web.get("/api/status").status_code == 401


def test_garbage_in_place_of_the_ids_keeps_nobody_out(data: DataFolder) -> None:
    data.state.mkdir(exist_ok=True)
    (data.state / FILE).write_bytes(b"\x00 no JSON")
    web = client(data, DASHBOARD_PASSWORD=PASSWORD)
    assert log_in(web).status_code == 303
    assert web.get("/api/status").status_code == 200
    assert log_out(web) == 303


def test_a_log_out_without_a_password_or_a_session_writes_nothing(data: DataFolder, web: FlaskClient) -> None:
    assert log_out(client(data)) == 303
    assert web.post("/logout", headers={**with_token(web, **BASIC), **BASIC}).status_code == 303
    assert not (data.state / FILE).exists()


# --- streams of a session -------------------------------------------------------------------------------------------


@pytest.fixture
def served(data: DataFolder) -> Iterator[Dashboard]:
    with Dashboard(data, DASHBOARD_PASSWORD=PASSWORD) as one:
        yield one


def inside(served: Dashboard) -> requests.Session:
    one = requests.Session()
    form = {**fields(one.get(f"{served.url}/login", timeout=5).text), "password": PASSWORD}
    assert one.post(f"{served.url}/login", data=form, timeout=5, allow_redirects=False).status_code == 303
    return one


def is_over(stream: requests.Response, within_s: float) -> bool:
    """Whether the server ends it in time; what comes before is read."""
    began = time.monotonic()
    return all(time.monotonic() - began < within_s for _ in stream.iter_content(1))


PATHS = ("/api/events", "/live/overview", "/live/collection", "/api/logs/stream")


def test_a_log_out_ends_the_streams_of_that_session_and_no_others(served: Dashboard) -> None:
    leaving, staying = inside(served), inside(served)
    ends = [leaving.get(served.url + path, stream=True, timeout=12) for path in PATHS]
    basic = requests.get(f"{served.url}/api/events", auth=("any", PASSWORD), stream=True, timeout=12)
    goes_on = [basic, *(staying.get(served.url + path, stream=True, timeout=12) for path in PATHS)]
    time.sleep(1)
    token = leaving.get(f"{served.url}/api/token", timeout=5).json()["token"]
    left_at = time.monotonic()
    answer = leaving.post(f"{served.url}/logout", data={"token": token}, timeout=5, allow_redirects=False)
    assert answer.status_code == 303
    assert all(is_over(stream, within_s=3) for stream in ends)
    assert time.monotonic() - left_at < 3
    # What comes back by itself is refused, so that its page can lead to the login.
    assert leaving.get(f"{served.url}/live/overview", timeout=5).status_code == 401
    assert not any(is_over(stream, within_s=1) for stream in goes_on)
    for stream in (*ends, *goes_on):
        stream.close()
