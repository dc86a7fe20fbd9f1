"""Attacks from other sites' pages, on a dashboard under gunicorn: rebinding, forged changes, what they may read."""

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard

from attacks.attacked import Browser, raw, status

# --- DNS rebinding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "localhost.evil.example",
        "evil.example.localhost",
        "127.0.0.1.nip.io",
        "127.0.0.1.evil.example:PORT",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost/.evil.example",
        "music.example.org.evil.example",
        "xmusic.example.org",
        "0x7f.evil.example",
        "",
        "[::1].evil.example",
        "localhost, evil.example",
    ],
)
def test_another_name_is_refused_whatever_it_resolves_to(served: Dashboard, host: str) -> None:
    port = served.bind.rpartition(":")[2]
    for more in ("", "X-Forwarded-Host: localhost\r\n", "Forwarded: host=localhost\r\n", "X-Host: localhost\r\n"):
        named = host.replace("PORT", port)
        answer = raw(served, f"GET /api/status HTTP/1.1\r\nHost: {named}\r\n{more}Connection: close\r\n\r\n".encode())
        assert status(answer) in (0, 400, 421)
        assert b'"counts"' not in answer


def test_two_names_or_none_or_one_in_the_address_get_nothing_either(served: Dashboard) -> None:
    for head in (
        "GET /api/status HTTP/1.1\r\nHost: BIND\r\nHost: evil.example",
        "GET /api/status HTTP/1.1\r\nHost: evil.example\r\nHost: BIND",
        "GET http://evil.example/api/status HTTP/1.1\r\nHost: evil.example",
        "GET /api/status HTTP/1.1",
    ):
        answer = raw(served, f"{head}\r\nConnection: close\r\n\r\n".encode())
        assert b'"counts"' not in answer, head


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost:PORT", "LOCALHOST.", "localhost.:PORT", "[::1]:PORT", "192.168.1.5", "music.example.org"],
)
def test_its_own_names_and_addresses_are_its_own(served: Dashboard, host: str) -> None:
    named = host.replace("PORT", served.bind.rpartition(":")[2])
    assert (
        status(raw(served, f"GET /api/status HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n\r\n".encode())) == 200
    )


# --- changes that others bring about ----------------------------------------------------------------------------------

FORGED: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Origin": "file://"},
    {"Origin": "//["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Referer": "http://evil.example/page"},
]
_KINDS = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json"]
CHANGES = ("/api/actions/pause", "/api/actions/scrape", "/api/items/p3/retry", "/api/cookies", "/login", "/logout")


@pytest.mark.parametrize("headers", FORGED, ids=str)
@pytest.mark.parametrize("path", CHANGES)
def test_a_change_from_elsewhere_is_refused(
    served: Dashboard, session: Browser, data: DataFolder, path: str, headers: dict[str, str]
) -> None:
    """With the session's cookie, and even with its token, but for a Referer: that one may be cut off on the way."""
    known = {} if "Referer" in headers else session.token
    for kind in _KINDS:
        given = {**headers, **known, "Content-Type": kind}
        answer = session.post(served.url + path, data=b'{"a": 1}', headers=given, timeout=10, allow_redirects=False)
        assert answer.status_code == 403, (path, headers, kind)
    assert not data.paused.exists()
    assert not [one for one in data.control.glob("*") if one.is_file()]
    assert not data.drop.exists()


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_without_the_token_is_refused_in_every_form(
    served: Dashboard, session: Browser, data: DataFolder, path: str
) -> None:
    stranger = requests.get(f"{served.url}/api/token", timeout=10).json()["token"]
    for given in ("", "x", stranger, "A" * 64, "A" * 20_000, "é".encode().decode("latin-1")):
        for kind in _KINDS:
            headers = {"Content-Type": kind, **({"X-CSRF-Token": given} if given else {})}
            answer = session.post(f"{served.url}{path}", data=b"token=&a=1", headers=headers, timeout=10)
            assert answer.status_code in (403, 431), (path, given[:10], kind)
    assert not data.paused.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_no_other_method_changes_anything_nor_does_one_by_another_name(
    served: Dashboard, session: Browser, data: DataFolder, method: str
) -> None:
    overrides = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST", "X-HTTP-Method": "POST"}
    for path in CHANGES:
        for query in ("", "?_method=POST"):
            answer = session.request(
                method, f"{served.url}{path}{query}", headers={**session.token, **overrides}, timeout=10
            )
            assert answer.status_code in (200, 303, 400, 405), (method, path)
    assert not data.paused.exists()
    assert not [one for one in data.control.glob("*") if one.is_file()]


def test_the_cookie_stays_here(served: Dashboard) -> None:
    cookie = requests.get(f"{served.url}/api/token", timeout=10).headers["Set-Cookie"]
    parts = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "path", "samesite"} <= parts
    assert "SameSite=Lax" in cookie, "it comes along with links from elsewhere, and with nothing that changes anything"
    assert "domain" not in parts


# --- what others may keep ---------------------------------------------------------------------------------------------


def test_private_answers_are_kept_by_nobody(served: Dashboard) -> None:
    described = requests.get(f"{served.url}/api/openapi.json", timeout=10).json()
    paths = [
        path
        for path, about in described["paths"].items()
        if "get" in about and "{" not in path and "stream" not in path
    ]
    paths = [path for path in paths if path not in ("/api/events", "/api/logs/download")]
    assert len(paths) > 8
    for path in (*paths, "/", "/collection", "/logs", "/setup", "/nowhere", "/api/items/p1", "/collection/p1"):
        answer = requests.get(served.url + path, timeout=10)
        kept = answer.headers["Cache-Control"]
        assert "no-store" in kept or "no-cache" in kept or "private" in kept, path
        assert "public" not in kept, path
        assert not [name for name in answer.headers if name.startswith("Access-Control-")], path


def test_what_a_foreign_page_loads_by_tag_it_does_not_get(served: Dashboard) -> None:
    """As `<script src>`, `<img>` and `fetch` in a page of another site ask, with and without TLS."""
    for path in ("/api/status", "/api/collection", "/covers/1.jpg", "/metrics", "/api/events", "/api/token"):
        for headers in (
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
            {"Origin": "http://evil.example"},
        ):
            answer = requests.get(served.url + path, headers=headers, timeout=10)
            assert answer.status_code == 403, (path, headers)
        found = requests.get(served.url + path, timeout=10, stream=True)
        assert found.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        found.close()
