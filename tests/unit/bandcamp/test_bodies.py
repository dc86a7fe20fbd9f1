"""Answers that never end, each in its own way: what is taken of them is limited, in bytes and in time."""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
from bandcamp_sync.bandcamp.bodies import page_bytes, retry_after_s, within
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.sockets import CuttableAdapter
from bandcamp_sync.errors import LoggedOut, ShapeChanged, Unreachable
from unit.factories import HurriedClock, client, page, served

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
STEP_S = 0.05


@contextmanager
def told(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says this to everyone who connects; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        say(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def drip(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.sendall(head)
        pause = threading.Event()
        while not pause.wait(STEP_S):
            connection.sendall(drop)

    return say


def get(url: str, seconds: float, most: int = 1 << 20) -> bytes:
    session, adapter = requests.Session(), CuttableAdapter()
    session.mount("http://", adapter)
    with within(seconds, adapter), session.get(url, stream=True, timeout=5) as response:
        return page_bytes(response, most)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (HEAD + b"X-More: ", b"x"),
        (b"HTTP/1.1 ", b"2"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "a chunk's length", "a header", "the status", "100 Continue"],
)
def test_an_answer_that_comes_in_drops_has_an_end(head: bytes, drop: bytes) -> None:
    with told(drip(head, drop)) as url, pytest.raises(requests.ReadTimeout):
        get(url, 0.5)


def test_an_answer_without_end_is_too_large() -> None:
    def say(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with told(say) as url, pytest.raises(requests.RequestException, match="too large"):
        get(url, 30)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_packed_answer_is_measured_unpacked(layers: int) -> None:
    content = b"x" * (64 << 20)
    for _ in range(layers):
        packer = zlib.compressobj(9, wbits=31)
        content = packer.compress(content) + packer.flush()

    def say(connection: socket.socket) -> None:
        encoding = ", ".join(["gzip"] * layers).encode()
        length = str(len(content)).encode()
        connection.sendall(HEAD + b"Content-Encoding: " + encoding + b"\r\nContent-Length: " + length + b"\r\n\r\n")
        connection.sendall(content)

    with told(say) as url, pytest.raises(requests.RequestException, match="too large"):
        get(url, 30)


def test_headers_without_end_are_refused() -> None:
    def say(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"X-More: x\r\n" * 100)

    with told(say) as url, pytest.raises(requests.RequestException):
        get(url, 30)


def asked(text: str, folder: Path, ask: Callable[[Bandcamp], object]) -> None:
    with (
        served({"/": [(200, text)], "/api/fan/2/collection_summary": [(200, text)]}) as (base, _),
        client(base, folder) as bandcamp,
    ):
        ask(bandcamp)


DEEP = "[" * 200_000
ODD = [
    "{" + '"a":' * 100_000,
    '{"a": ' + DEEP,
    '{"fan_id": ' + "9" * 5000 + "}",
    '{"a": NaN, "a": Infinity}',
    '"\\ud800"',
]


@pytest.mark.parametrize("text", ODD, ids=["objects", "lists", "a huge number", "no numbers", "half an emoji"])
def test_odd_json_is_a_shape_that_is_not_known(text: str, tmp_path: Path) -> None:
    with pytest.raises((ShapeChanged, LoggedOut)):
        asked(text, tmp_path, lambda bandcamp: bandcamp.summary())


@pytest.mark.parametrize("blob", [DEEP, "9" * 5000])
def test_odd_json_in_a_page_is_a_shape_that_is_not_known(blob: str, tmp_path: Path) -> None:
    with pytest.raises(ShapeChanged):
        asked(page(blob, "HomepageApp"), tmp_path, lambda bandcamp: bandcamp.fan_of_page())


def test_redirects_without_end_come_to_one(tmp_path: Path) -> None:
    def say(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with told(say) as url, client(url.rstrip("/"), tmp_path) as bandcamp, pytest.raises(Unreachable, match="redirects"):
        bandcamp.summary()


# --- Retry-After ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\u00b2", None),
        ("9" * 400, 7 * 86400.0),
        (format_datetime(datetime(2026, 11, 23, 12, 2, tzinfo=UTC), usegmt=True), 120.0),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_a_date_or_nothing(value: str, seconds: float | None) -> None:
    response = requests.Response()
    response.headers["Retry-After"] = value
    assert retry_after_s(response, HurriedClock()) == seconds


def test_what_is_done_in_time_is_not_cut() -> None:
    adapter = CuttableAdapter()
    with within(timedelta(minutes=1).total_seconds(), adapter):
        pass


def test_who_is_told_to_end_while_connecting_waits_for_no_answer() -> None:
    session, adapter = requests.Session(), CuttableAdapter()
    session.mount("http://", adapter)
    adapter.end()
    began = time.monotonic()
    with told(lambda connection: time.sleep(20)) as url, pytest.raises(requests.ConnectionError):
        session.get(url, timeout=15)
    assert time.monotonic() - began < 5
