"""Names that are markup, paths or headers, and links that lead out, on a dashboard under gunicorn."""

import json

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard
from integration.dashboards import NASTY

from attacks.attacked import Browser, get, raw, status

COVER = 1234567890


# --- names that are markup --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/collection",
        "/collection?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/collection/p2",
        "/collection/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/logs?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_nothing_that_is_given_becomes_markup(served: Dashboard, path: str) -> None:
    answer = requests.get(served.url + path, headers={"Accept": "text/html"}, timeout=10)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<script>alert" not in answer.text
    assert NASTY not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/api/collection", "/api/items/p2", "/api/logs", "/api/nowhere%3Cscript%3E", "/metrics"]
)
def test_data_is_never_taken_for_a_page(served: Dashboard, path: str) -> None:
    answer = requests.get(served.url + path, headers={"Accept": "text/html"}, timeout=10)
    assert answer.headers["Content-Type"].partition(";")[0] in (
        *("application/json", "application/problem+json"),
        *("text/plain", "application/openmetrics-text"),
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html><script>alert(1)</script>"]
)
def test_a_cover_is_a_picture_whatever_is_in_it(served: Dashboard, data: DataFolder, content: bytes) -> None:
    (data.covers / f"{COVER}.jpg").write_bytes(content)
    answer = requests.get(f"{served.url}/covers/{COVER}.jpg", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_json_in_a_page_cannot_end_its_place(served: Dashboard) -> None:
    """Where a page holds data for its script, a name that closes the element stays inside."""
    text = requests.get(f"{served.url}/collection", timeout=10).text
    for part in text.split("<script")[1:]:
        body = part.partition(">")[2].partition("</script>")[0]
        assert "<" not in body
        if body.strip():
            json.loads(body)


# --- links and names that lead out ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["config/cookies.txt", "state/dashboard.key", "/etc/passwd", "collection.json"])
def test_a_link_among_the_covers_leads_nowhere(served: Dashboard, data: DataFolder, target: str) -> None:
    link = data.covers / "77.jpg"
    link.unlink(missing_ok=True)
    link.symlink_to(data.root / target)
    assert link.resolve().exists(), "there is something to be had"
    assert requests.get(f"{served.url}/covers/77.jpg", timeout=10).status_code == 404
    link.unlink()


@pytest.mark.parametrize("target", ["config/cookies.txt", "state/dashboard.key", "/etc/passwd"])
@pytest.mark.parametrize("name", ["planted.log", "planted.log.1"])
def test_a_link_among_the_logs_is_no_log(served: Dashboard, data: DataFolder, name: str, target: str) -> None:
    link = data.logs / name
    link.symlink_to(data.root / target)
    try:
        assert link.resolve().exists()
        told = requests.get(f"{served.url}/api/logs", timeout=10)
        assert "planted" not in told.json()["files"]
        for path in ("/api/logs?file=planted", "/api/logs/download?file=planted"):
            answer = requests.get(served.url + path, timeout=10)
            assert answer.status_code == 404, path
            assert "PLANTED" not in answer.text and "root:" not in answer.text
    finally:
        link.unlink()


@pytest.mark.parametrize("target", ["config/cookies.txt", "/etc/passwd"])
def test_a_link_in_place_of_a_real_logs_older_part_is_passed_over(
    served: Dashboard, data: DataFolder, target: str
) -> None:
    link = data.logs / "worker.log.1"
    link.symlink_to(data.root / target)
    try:
        for path in ("/api/logs?file=worker&lines=5000", "/api/logs/download?file=worker"):
            answer = requests.get(served.url + path, timeout=10)
            assert answer.status_code == 200
            assert "PLANTED" not in answer.text and "root:" not in answer.text and "got https" in answer.text
    finally:
        link.unlink()


@pytest.mark.parametrize(
    "path",
    [
        "/covers/..%2fconfig%2fcookies.txt",
        "/covers/%2e%2e/config/cookies.txt",
        "/covers/1.jpg%00.png",
        "/covers/1.jpg/../../config/cookies.txt",
        "/covers/0001.jpg",
        "/covers/-1.jpg",
        "/covers/99999999999999999999999999999999.jpg",
        "/static/..%2f..%2f..%2fstart.py",
        "/static/%252e%252e/app.py",
        "/api/logs?file=../../config/cookies.txt",
        "/api/logs?file=%2e%2e%2fconfig%2fcookies",
        "/api/logs/download?file=../config/cookies.txt",
        "/api/logs/download?file=worker%00",
        "/api/logs/download?file=%2Fetc%2Fpasswd",
        "/api/items/p1%00",
        "/api/items/..%2f..%2fconfig%2fcookies.txt",
        "/api/items/%2fetc%2fpasswd",
        "/collection/p1%00",
        "/collection/..%5c..%5cconfig",
    ],
)
def test_no_name_leads_to_another_file(served: Dashboard, path: str) -> None:
    answer = get(served, path)
    assert status(answer) in (400, 404, 405)
    for secret in (b"PLANTED", b"root:", b"import "):
        assert secret not in answer


@pytest.mark.parametrize("key", ["p1%00", "..%2fp1", "p1%0d%0a", "%2e%2e", "p" + "1" * 5000, "p１"])
def test_no_key_names_another_file(served: Dashboard, session: Browser, data: DataFolder, key: str) -> None:
    before = sorted(path.name for path in data.root.rglob("*") if "actions" not in path.parts)
    answer = session.post(f"{served.url}/api/items/{key}/ignore", headers=session.token, timeout=10)
    assert answer.status_code in (400, 404, 405, 414)
    assert sorted(path.name for path in data.root.rglob("*") if "actions" not in path.parts) == before


# --- headers that smuggle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/collection?q=%0d%0aSet-Cookie:%20a=b",
        "/login?next=%0d%0aLocation:%20//evil.example",
        "/collection/list?q=%0aX-Planted:%201",
        "/%0d%0aX-Planted:%201",
        "/api/logs/download?file=worker%0d%0aX-Planted:%201",
    ],
)
def test_no_answer_is_split(served: Dashboard, path: str) -> None:
    head = get(served, path).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 ")
    assert b"\nx-planted" not in head.lower() and b"\nset-cookie: a=b" not in head.lower()
    assert b"\nlocation: //" not in head.lower()


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: +5",
        b"Content-Length: -1",
        b"Content-Length: 0x5",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b" Folded: yes\r\nContent-Length: 5",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused(served: Dashboard, framing: bytes) -> None:
    inner = b"GET /api/status HTTP/1.1\r\nHost: BIND\r\n\r\n"
    answer = raw(served, b"POST /logout HTTP/1.1\r\nHost: BIND\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + inner)
    assert b'"counts"' not in answer
    assert status(answer) in (0, 400, 403, 413, 501)
