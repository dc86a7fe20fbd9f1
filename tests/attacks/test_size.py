"""Too much of everything, on a dashboard under gunicorn: headers, parameters, parts, bodies, streams."""

import gzip
import os
import socket
from collections.abc import Iterator

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard

from attacks.attacked import Browser, is_well, raw, status

KIB, MIB = 1024, 1024 * 1024


# --- too much ---------------------------------------------------------------------------------------------------------


def test_a_flood_of_headers_is_refused(served: Dashboard) -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(5000))
    assert status(raw(served, b"GET /healthz HTTP/1.1\r\nHost: BIND\r\n" + many + b"\r\n")) in (0, 400, 431)
    long = b"X-Long: " + b"y" * MIB + b"\r\n"
    assert status(raw(served, b"GET /healthz HTTP/1.1\r\nHost: BIND\r\n" + long + b"\r\n")) in (0, 400, 431)
    assert is_well(served)


def test_an_address_of_a_megabyte_or_of_ten_thousand_parameters_is_refused(served: Dashboard) -> None:
    for query in (b"q=" + b"x" * MIB, b"&".join(b"a%d=1" % number for number in range(10_000))):
        answer = raw(served, b"GET /api/collection?" + query + b" HTTP/1.1\r\nHost: BIND\r\nConnection: close\r\n\r\n")
        assert status(answer) in (0, 400, 414)
    few = "&".join(f"a{number}=1" for number in range(300))
    assert requests.get(f"{served.url}/api/collection?{few}", timeout=10).status_code == 400
    assert is_well(served)


def test_a_form_of_many_fields_or_parts_changes_nothing(served: Dashboard, session: Browser, data: DataFolder) -> None:
    fields = "&".join(f"a{number}=" for number in range(8_000))
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="a{number}"\r\n\r\n\r\n' for number in range(1_000))
    nested = '--x\r\nContent-Disposition: form-data; name="f"; filename="' + "y" * 30_000 + '"\r\n\r\n\r\n--x--\r\n'
    for kind, body in (
        ("application/x-www-form-urlencoded", fields),
        ("multipart/form-data; boundary=x", parts + "--x--\r\n"),
        ("multipart/form-data; boundary=x", nested),
        ("multipart/form-data; boundary=x", "--x\r\n" * 10_000),
        ("multipart/form-data", "no boundary"),
        (f"multipart/form-data; boundary={'x' * 5000}", "--x--"),
    ):
        for path in ("/login", "/api/actions/pause", "/api/cookies"):
            answer = session.post(served.url + path, data=body.encode(), headers={"Content-Type": kind}, timeout=20)
            assert 400 <= answer.status_code < 500, (path, kind, answer.status_code)
    assert not data.paused.exists()
    assert is_well(served)


@pytest.mark.parametrize("size", [2 * MIB, 64 * MIB])
def test_cookies_that_are_far_too_large_are_refused(served: Dashboard, session: Browser, size: int) -> None:
    head = f"POST /api/cookies HTTP/1.1\r\nHost: BIND\r\nContent-Length: {size}\r\n\r\n"
    assert status(raw(served, head.encode() + b"x" * KIB)) == 413


def test_of_cookies_that_come_in_pieces_without_end_no_more_is_taken_than_may_be(
    served: Dashboard, session: Browser, data: DataFolder
) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * MIB

    headers = {**session.token, "Content-Type": "text/plain"}
    before = resident(served.pid)
    try:
        answer = session.post(f"{served.url}/api/cookies", data=pieces(), headers=headers, timeout=60)
        assert answer.status_code in (409, 413)
    except requests.ConnectionError:
        pass  # it hung up while we were still sending
    assert resident(served.pid) - before < 32 * MIB
    assert not data.drop.exists()
    assert is_well(served)


@pytest.mark.parametrize("path", ["/api/actions/pause", "/api/cookies", "/login"])
def test_brackets_without_end_and_packed_bodies_are_only_bytes(
    served: Dashboard, session: Browser, data: DataFolder, path: str
) -> None:
    deep = b"[" * 60_000
    packed = gzip.compress(b"0" * 30 * MIB)
    for body, more in ((deep, {}), (packed, {"Content-Encoding": "gzip"})):
        headers = {"Content-Type": "application/json", **more}
        answer = session.post(served.url + path, data=body, headers=headers, timeout=20)
        assert answer.status_code in (400, 403, 413, 415), (path, answer.status_code)
    assert not data.paused.exists()


def resident(pid: int) -> int:
    """Bytes in memory of a process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        pids = [pid, *map(int, file.read().split())]
    total = 0
    for one in pids:
        with open(f"/proc/{one}/statm") as file:  # noqa: PTH123
            total += int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def test_a_flood_of_streams_leaves_everybody_else_answered(served: Dashboard) -> None:
    host, _, port = served.bind.rpartition(":")
    opened = []
    try:
        for number in range(140):
            one = socket.create_connection((host, int(port)), timeout=10)
            path = ("/api/events", "/api/logs/stream", "/live/overview")[number % 3]
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: {served.bind}\r\n\r\n".encode())
            opened.append(one)
        heads = [status(one.recv(512)) for one in opened]
        assert set(heads) == {200, 503}
        assert heads.count(200) == 100
        assert is_well(served)
        assert requests.get(f"{served.url}/api/status", timeout=10).status_code == 200
    finally:
        for one in opened:
            one.close()
