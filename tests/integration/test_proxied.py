"""Behind a real reverse proxy that shows the dashboard below a path and ends TLS."""

import http.client
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urljoin

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard

from integration.dashboards import client, fill

NAME, PREFIX, PASSWORD = "music.example.org", "/music", "open sesame"


class Proxy(BaseHTTPRequestHandler):
    """Takes the prefix off, says so, and passes on what comes; the answer's headers stay as they are."""

    upstream = ""
    keeps_host = True

    def pass_on(self) -> None:
        assert self.path.startswith(f"{PREFIX}/")
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        headers |= {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Proto": "https", "X-Forwarded-Host": headers["Host"]}
        if not self.keeps_host:
            headers["Host"] = self.upstream
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        connection.request(self.command, self.path.removeprefix(PREFIX), body, headers)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        self.end_headers()
        while block := answer.read1():
            self.wfile.write(block)
        connection.close()

    do_GET = do_POST = do_HEAD = pass_on

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


class Browser:
    """A session below the proxy, that knows it by its public name only."""

    def __init__(self, address: str) -> None:
        self.root = f"http://{address}{PREFIX}"
        self.cookie = ""

    def get(self, path: str, stream: bool = False) -> requests.Response:
        return self._ask("GET", path, stream=stream)

    def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> requests.Response:
        return self._ask("POST", path, data, headers={"Origin": f"https://{NAME}", **headers})

    def _ask(
        self,
        method: str,
        path: str,
        data: dict[str, str] | None = None,
        stream: bool = False,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        headers = {"Host": NAME, "Accept": "text/html", "Cookie": self.cookie, **(headers or {})}
        answer = requests.request(
            method, self.root + path, data=data, headers=headers, stream=stream, allow_redirects=False, timeout=10
        )
        # Kept by hand: it is Secure, and this leg of the way is not.
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return answer


@pytest.fixture(params=[True, False], ids=["the proxy keeps the name", "the proxy asks us by address"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    data = DataFolder(tmp_path / "data")
    fill(data)
    served = Dashboard(data, DASHBOARD_HOSTS=NAME, DASHBOARD_PASSWORD=PASSWORD)
    handler = type("Here", (Proxy,), {"upstream": served.bind, "keeps_host": request.param})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    proxy.daemon_threads = True
    Thread(target=proxy.serve_forever, daemon=True).start()
    yield Browser(f"127.0.0.1:{proxy.server_port}")
    proxy.shutdown()
    proxy.server_close()
    served.stop()


def log_in(browser: Browser) -> requests.Response:
    token = re.search(r'name="token" value="([^"]+)"', browser.get("/login").text)
    assert token
    return browser.post("/login", {"password": PASSWORD, "token": token[1]})


def test_everything_works_below_the_path(browser: Browser) -> None:
    turned_away = browser.get("/")
    assert (turned_away.status_code, turned_away.headers["Location"]) == (303, f"{PREFIX}/login")
    let_in = log_in(browser)
    assert (let_in.status_code, let_in.headers["Location"]) == (303, f"{PREFIX}/")
    cookie = let_in.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", f"Path={PREFIX}", "SameSite=Lax"} <= set(cookie.split("; "))

    for page in ("/", "/collection", "/logs", "/setup"):
        text = browser.get(page).text
        assert f'data-base="{PREFIX}"' in text
        links = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', text))
        assert links
        assert [link for link in links if not link.startswith(f"{PREFIX}/")] == []
        for link in links:
            if "logout" not in link:
                assert browser.get(link.removeprefix(PREFIX)).status_code == 200, link

    token = browser.get("/api/token").json()["token"]
    assert browser.post("/api/actions/pause", **{"X-CSRF-Token": token}).status_code == 202
    assert browser.get("/api/status").json()["state"] == "paused"
    assert browser.post("/logout", {"token": token}).headers["Location"] == f"{PREFIX}/login"
    assert browser.get("/").headers["Location"] == f"{PREFIX}/login"


def test_live_parts_come_through_and_lead_below_the_path(browser: Browser) -> None:
    log_in(browser)
    with browser.get("/live/overview", stream=True) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        heard = ""
        for line in stream.iter_lines(chunk_size=1):
            heard += line.decode()
            if "part-counts" in heard:
                break
    links = re.findall(r'href=\\"(/[^"\\]*)', heard)
    assert [link for link in links if not link.startswith(f"{PREFIX}/")] == []


def test_what_the_manifest_and_the_modules_name_is_below_the_path(browser: Browser) -> None:
    manifest = browser.get("/static/manifest.webmanifest").json()
    where = f"{browser.root}/static/manifest.webmanifest"
    assert urljoin(where, manifest["start_url"]) == urljoin(where, manifest["scope"]) == f"{browser.root}/"
    for icon in manifest["icons"]:
        found = requests.head(urljoin(where, icon["src"]), headers={"Host": NAME}, timeout=5)
        assert found.status_code == 200
    assert not re.search(r'from "/', browser.get("/static/js/main.js").text)


def test_a_change_from_another_site_is_refused_below_the_path_too(browser: Browser) -> None:
    log_in(browser)
    token = browser.get("/api/token").json()["token"]
    refused = browser.post("/api/actions/pause", **{"X-CSRF-Token": token, "Origin": "https://evil.example"})
    assert refused.status_code == 403


@pytest.mark.parametrize("prefix", ["//evil.example", "https://evil.example", '/"><script>', "/a/../..", "/a b"])
def test_a_prefix_that_is_no_plain_path_changes_nothing(tmp_path: Path, prefix: str) -> None:
    data = DataFolder(tmp_path / "data")
    fill(data)
    answer = client(data).get("/", headers={"X-Forwarded-Prefix": prefix})
    assert 'data-base=""' in answer.text
    assert prefix not in answer.text
    assert "Secure" not in answer.headers.get("Set-Cookie", "")
