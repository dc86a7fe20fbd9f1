import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.art import MAX_BYTES, ArtHost
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import RateLimited, RedirectRefused, Unreachable
from standin.covers import cover

PICTURE = cover(4031, "9")
HTML = b"<!DOCTYPE html><html><title>Client Challenge</title></html>"


class Server:
    """Gives each art id the answer that is set for it, and remembers the headers of each request."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                number = int("".join(c for c in self.path.partition("_")[0] if c.isdigit()))
                status, headers, body = outer.answers.get(number, (200, {}, PICTURE))
                if status == 0:
                    time.sleep(5)
                self.send_response(status or 200)
                self.send_header("Set-Cookie", "session=1; Path=/")
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield one
    one.http.shutdown()
    one.http.server_close()


@pytest.fixture
def host(server: Server) -> ArtHost:
    return ArtHost(HostPolicy(server.url), Clock())


def test_bandcamps_pictures_lie_on_the_image_host() -> None:
    host = ArtHost(HostPolicy("https://bandcamp.com"), Clock())
    assert host.address(4031) == "https://f4.bcbits.com/img/a4031_9.jpg"


def test_a_picture_comes_as_it_is(server: Server, host: ArtHost) -> None:
    assert host.small(4031) == PICTURE
    assert [path for path, _ in server.asked] == ["/img/a4031_9.jpg"]


def test_no_request_brings_a_cookie_or_a_login(
    server: Server, host: ArtHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.answers[7] = (302, {"Location": "/img/a8_9.jpg"}, b"")
    for number in (1, 2, 7):
        assert host.small(number) == PICTURE
    assert len(server.asked) == 4
    for _, headers in server.asked:
        assert not {"cookie", "authorization", "referer"} & set(headers)
        assert "Mozilla" in headers["user-agent"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, HTML),
        (410, b""),
        (200, b""),
        (200, b"{}"),
        (200, b"GIF89a" + bytes(100)),
        (200, b"\xff\xd8\xff" + bytes(1000)),
        (200, cover(4031, "10") + bytes(MAX_BYTES)),
        (200, PICTURE[:2] + b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff" + PICTURE[2:]),
    ],
)
def test_what_is_not_there_or_no_small_jpeg_is_none(server: Server, host: ArtHost, status: int, body: bytes) -> None:
    server.answers[1] = (status, {}, body)
    assert host.small(1) is None


@pytest.mark.parametrize("status", [400, 401, 403, 500, 502, 503])
def test_a_refusal_is_trouble_with_its_number(server: Server, host: ArtHost, status: int) -> None:
    server.answers[1] = (status, {}, HTML)
    with pytest.raises(Unreachable) as caught:
        host.small(1)
    assert caught.value.status == status


@pytest.mark.parametrize("body", [HTML, b"  <html>", PICTURE[:-200]])
def test_a_page_or_half_a_picture_is_trouble_too(server: Server, host: ArtHost, body: bytes) -> None:
    server.answers[1] = (200, {}, body)
    with pytest.raises(Unreachable) as caught:
        host.small(1)
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("header", "at_least_s"), [({}, -1), ({"Retry-After": "100"}, 99), ({"Retry-After": "9" * 30}, 86399)]
)
def test_a_wish_for_patience_is_told_with_its_end(
    server: Server, host: ArtHost, header: dict[str, str], at_least_s: float
) -> None:
    server.answers[1] = (429, header, b"")
    before = Clock().now()
    with pytest.raises(RateLimited) as caught:
        host.small(1)
    assert at_least_s <= (caught.value.until - before).total_seconds() <= 86500


@pytest.mark.parametrize(
    "target",
    ["https://example.org/x.jpg", "//example.org/x.jpg", "http://f4.bcbits.com/img/a1_9.jpg", "ftp://x/", "\\\\x"],
)
def test_a_redirect_to_elsewhere_is_refused(server: Server, host: ArtHost, target: str) -> None:
    server.answers[1] = (302, {"Location": target}, b"")
    with pytest.raises(RedirectRefused):
        host.small(1)
    assert len(server.asked) == 1


def test_a_ring_of_redirects_ends(server: Server, host: ArtHost) -> None:
    server.answers[1] = (301, {"Location": "/img/a1_9.jpg"}, b"")
    with pytest.raises(Unreachable):
        host.small(1)
    assert len(server.asked) == 3


def test_a_body_that_ends_early_is_silence(server: Server, host: ArtHost) -> None:
    server.answers[1] = (200, {"Content-Length": str(len(PICTURE) + 100), "Connection": "close"}, PICTURE)
    with pytest.raises(Unreachable) as caught:
        host.small(1)
    assert caught.value.status is None


def test_nobody_there_is_silence() -> None:
    with pytest.raises(Unreachable) as caught:
        ArtHost(HostPolicy("http://127.0.0.1:9"), Clock()).small(1)
    assert caught.value.status is None


def test_a_stop_cuts_a_request_short(server: Server) -> None:
    clock = Clock()
    host = ArtHost(HostPolicy(server.url), clock)
    server.answers[1] = (0, {}, PICTURE)
    threading.Timer(0.3, clock.stop).start()
    began = time.monotonic()
    with pytest.raises(Unreachable):
        host.small(1)
    assert time.monotonic() - began < 2
