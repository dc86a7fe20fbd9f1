"""Streams for many clients, under gunicorn: what they cost, what they hold up, and how they end."""

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from browser.served import Dashboard
from unit.factories import NOW, capture, failure, item, receipt

from integration.dashboards import client, put
from services.dashboard.web.streams import MAX_STREAMS

SENTENCE = "the connection broke " * 20


class Client:
    """One stream, as the bytes that a socket brings. `buffer`: how much may wait to be read."""

    def __init__(self, served: Dashboard, path: str, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        host, _, port = served.bind.rpartition(":")
        self.socket.settimeout(10)
        self.socket.connect((host, int(port)))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {served.bind}\r\n\r\n".encode())
        self.got = b""

    def await_text(self, text: bytes, within_s: float = 10.0) -> float:
        """Read until `text` has come; how long that took."""
        began = time.monotonic()
        while text not in self.got:
            self.socket.settimeout(max(0.01, within_s - (time.monotonic() - began)))
            block = self.socket.recv(1 << 20)
            assert block, "the stream ended"
            self.got = self.got[-200:] + block
        return time.monotonic() - began

    def is_over(self, within_s: float) -> bool:
        """Whether the server ends it in time."""
        self.socket.settimeout(within_s)
        try:
            while self.socket.recv(1 << 20):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def listen(served: Dashboard) -> Iterator[Callable[..., Client]]:
    with ExitStack() as opened:

        def open_one(path: str = "/api/events", buffer: int | None = None) -> Client:
            one = Client(served, path, buffer)
            opened.callback(one.close)
            return one

        yield open_one


def processor_s(served: Dashboard) -> float:
    """Seconds of a processor that the server has used up."""
    used = 0.0
    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
    for pid in (str(served.pid), *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def listening(served: Dashboard) -> int:
    lines = requests.get(f"{served.url}/metrics", timeout=5).text.splitlines()
    return int(float(next(line for line in lines if line.startswith("bandcampsync_streams ")).split()[1]))


Listen = Callable[..., Client]


def test_a_hundred_pages_listen_for_next_to_nothing_and_hear_of_a_change_within_a_second(
    served: Dashboard, data: DataFolder, listen: Listen
) -> None:
    write_capture(data.collection, capture(*(item(f"p{n}") for n in range(200))))
    for number in range(180):
        put(data, State.DONE, f"p{number}", receipt=receipt())
    paths = ["/api/events", "/live/overview", "/live/collection", "/api/logs/stream"]
    clients = [listen(paths[number % len(paths)]) for number in range(MAX_STREAMS)]
    for one in clients:
        one.await_text(b"retry: ")
    assert listening(served) == MAX_STREAMS
    time.sleep(3)  # a folder that changed just now is looked at more closely
    before, began = processor_s(served), time.monotonic()
    time.sleep(5)
    share = (processor_s(served) - before) / (time.monotonic() - began)
    assert share < 0.1, f"{share:.1%} of a processor at rest"

    changed = time.monotonic()
    put(data, State.PENDING, "p190")
    for one in clients[::4]:
        one.await_text(b'"pending": 1')
    assert time.monotonic() - changed < 1.5


def test_one_stream_too_many_is_told_so_and_everything_else_goes_on(served: Dashboard, listen: Listen) -> None:
    clients = [listen() for _ in range(MAX_STREAMS)]
    for one in clients:
        one.await_text(b"event: queue")
    refused = requests.get(f"{served.url}/api/events", timeout=5)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert refused.json()["detail"] == f"{MAX_STREAMS} streams are open already"
    for path in ("/api/status", "/", "/static/css/frame.css"):
        assert requests.get(f"{served.url}{path}", timeout=2).status_code == 200
    # A page that is left makes room at once, though nothing was written to it since.
    clients[7].close()
    deadline = time.monotonic() + 3
    while listening(served) == MAX_STREAMS and time.monotonic() < deadline:
        time.sleep(0.1)
    listen().await_text(b"event: queue")


def test_who_stops_to_read_holds_up_nobody_not_even_the_end(
    served: Dashboard, data: DataFolder, listen: Listen
) -> None:
    for number in range(1500):
        put(data, State.FAILED, f"p{1000 + number}", not_before=NOW, attempt=1, failure=failure(sentence=SENTENCE))
    deaf, other = listen(buffer=4096), listen()
    deaf.await_text(b"retry: ")
    other.await_text(b"event: queue")
    for number in range(12):  # close to a megabyte each time, and more than all buffers on the way take
        put(data, State.PENDING, f"p{5000 + number}")
        assert other.await_text(f'"pending": {number + 1}'.encode()) < 3.0
    began = time.monotonic()
    served.stop()
    assert time.monotonic() - began < 5


def test_the_first_byte_waits_for_no_look(data: DataFolder) -> None:
    web = client(data)
    web.application.extensions["streams"].add_topic("slow", lambda: time.sleep(1.0))
    for path in ("/api/events", "/live/overview"):
        began = time.monotonic()
        with web.get(path, buffered=False) as stream:
            parts = iter(stream.response)
            assert b"retry: 2000" in _bytes(next(parts))
            assert time.monotonic() - began < 0.5
            assert b"event: " in _bytes(next(parts))


def _bytes(part: object) -> bytes:
    assert isinstance(part, bytes)
    return part


@pytest.mark.parametrize("path", ["/api/events", "/live/collection"])
def test_a_picture_that_arrives_is_news_of_the_collection(data: DataFolder, path: str) -> None:
    data.covers.mkdir()
    version = re.compile(r'"pictures": (\d+)|data-version=\\"\d+\.(\d+):')
    with client(data).get(path, buffered=False) as stream:
        heard: list[str] = []
        for part in stream.response:
            for found in version.finditer(_bytes(part).decode()):
                heard.append(found[1] or found[2])
            if len(heard) == 1:
                (data.covers / "1500000000.jpg").write_bytes(b"\xff\xd8\xff")
            elif len(heard) > 1:
                break
    assert heard[0] != heard[1]


def test_a_look_that_fails_ends_no_stream(data: DataFolder) -> None:
    web = client(data)
    found = iter(["at first", OSError("a disk that hiccups"), OSError("again"), "at last"])

    def look() -> object:
        value = next(found, "at last")
        if isinstance(value, OSError):
            raise value
        return value

    web.application.extensions["streams"].add_topic("shaky", look)
    with web.get("/api/events", buffered=False) as stream:
        heard = b""
        for part in stream.response:
            heard += _bytes(part)
            if b'"at last"' in heard:
                break
        assert b'"at first"' in heard


def test_all_streams_end_with_the_server(served: Dashboard, listen: Listen) -> None:
    clients = [listen(path) for path in ("/api/events", "/live/overview", "/live/logs", "/api/logs/stream") * 10]
    for one in clients:
        one.await_text(b"retry: ")
    process = served.process
    assert process is not None
    process.terminate()
    began = time.monotonic()
    assert all(one.is_over(within_s=3) for one in clients)
    process.wait(10)
    assert time.monotonic() - began < 4
