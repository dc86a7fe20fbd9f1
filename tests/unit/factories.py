"""Small builders: a purchase, a job, a page, an archive, an answer. Each is whole; a test changes what it is about."""

import html
import io
import json
import threading
import wave
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.cookies import Cookie
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace
from bandcamp_sync.bandcamp.transport import Transport
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Capture, Item
from bandcamp_sync.errors import Reason
from bandcamp_sync.spool.job import Failure, Job, Receipt, ReceiptFile

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = "p500000009"
LINK = (
    "https://bandcamp.com/download?from=collection&payment_id=90003&sig=0123456789abcdef0123456789abcdef"
    "&sitem_id=500000009"
)


# --- values ---------------------------------------------------------------------------------------------------------


def item(key: str = KEY, **changes: Any) -> Item:
    """A released album with a download."""
    whole: dict[str, Any] = {
        "key": key,
        "item_id": 1000000021,
        "item_type": "album",
        "band_name": "Los Faros",
        "item_title": "Night Ferry",
        "item_url": "https://losfaros.bandcamp.com/album/night-ferry",
        "purchased": NOW - 100 * DAY,
        "redownload_url": LINK,
        "tralbum": "a1000000021",
    }
    return Item.model_validate({**whole, **changes})


def capture(*items: Item, **changes: Any) -> Capture:
    """A complete capture of a day ago."""
    whole: dict[str, Any] = {
        "fan_id": 7654321,
        "username": "a_listener",
        "captured_at": NOW - DAY,
        "complete": True,
        "items": items,
        "full_walk_at": NOW - DAY,
    }
    return Capture.model_validate({**whole, **changes})


def receipt(folder: str = "Los Faros/Night Ferry", **changes: Any) -> Receipt:
    """What a purchase left: two files."""
    files = tuple(ReceiptFile(path=name, size=3, sha256="0" * 64) for name in ("01 Quay.flac", "cover.jpg"))
    whole: dict[str, Any] = {"folder": folder, "files": files, "format": "flac", "source": "purchase"}
    return Receipt.model_validate({**whole, "placed_at": NOW - 30 * DAY, **changes})


def failure(reason: Reason = Reason.TRANSFER, **changes: Any) -> Failure:
    """Why an attempt failed an hour ago."""
    whole: dict[str, Any] = {"reason": reason, "sentence": "the connection broke", "at": NOW - DAY / 24}
    return Failure.model_validate({**whole, **changes})


def job(key: str = KEY, *, of: Item | None = None, **changes: Any) -> Job:
    """A queued job of a purchase."""
    whole: dict[str, Any] = {"key": key, "item": of or item(key), "folder": f"Los Faros/{key}", "queued_at": NOW - DAY}
    return Job.model_validate({**whole, **changes})


# --- pages and answers ----------------------------------------------------------------------------------------------


def page(blob: object, element: str = "pagedata", quote: str = '"') -> str:
    """A page with a blob of JSON in an attribute, as Bandcamp writes it."""
    text = blob if isinstance(blob, str) else json.dumps(blob)
    return (
        f"<!DOCTYPE html><html><head><title>x</title></head><body>"
        f"<div id={quote}{element}{quote} data-blob={quote}{html.escape(text)}{quote}></div></body></html>"
    )


def entry(**changes: Any) -> dict[str, Any]:
    """A listed purchase, as the API gives it."""
    whole: dict[str, Any] = {
        "item_id": 1000000021,
        "item_type": "album",
        "tralbum_id": 1000000021,
        "tralbum_type": "a",
        "band_name": "Los Faros",
        "item_title": "Night Ferry",
        "item_url": "https://losfaros.bandcamp.com/album/night-ferry",
        "purchased": "07 Jul 2024 01:34:59 GMT",
        "sale_item_id": 500000009,
        "sale_item_type": "p",
        "token": "1720316099:1000000021:a::",
    }
    return {**whole, **changes}


def listing(*entries: Any, urls: Any = None, **changes: Any) -> str:
    """A listing's answer."""
    links = {KEY: LINK} if urls is None else urls
    return json.dumps({"items": list(entries), "redownload_urls": links, "more_available": False, **changes})


def response(body: bytes = b"", status: int = 200, **headers: str) -> requests.Response:
    """An answer over bytes; `Content_Type="text/html"` gives that header."""
    answer = requests.Response()
    answer.status_code, answer.raw = status, io.BytesIO(body)
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


# --- files ----------------------------------------------------------------------------------------------------------


class _OneWay(io.RawIOBase):
    """A pipe: an archive written into it has its lengths behind each member (data descriptors)."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += bytes(data)
        return len(bytes(data))


def archive(members: Mapping[str, bytes], deflated: bool = True, descriptors: bool = False) -> bytes:
    """A zip, never zip64. `descriptors`: written as to a pipe, with each member's length behind it."""
    pipe, buffer = _OneWay(), io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(pipe if descriptors else buffer, "w", method, allowZip64=False) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return bytes(pipe.content) if descriptors else buffer.getvalue()


def sound(seconds: float = 0.05) -> bytes:
    """A WAV file that decodes."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(bytes(range(1, 201)) * int(seconds * 882))
    return buffer.getvalue()


def put(root: Path, files: Mapping[str, bytes]) -> tuple[ReceiptFile, ...]:
    """Write files below a folder; what a receipt says of them."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return tuple(ReceiptFile(path=n, size=len(c), sha256=sha256(c).hexdigest()) for n, c in files.items())


# --- time and a server ----------------------------------------------------------------------------------------------


class HurriedClock(Clock):
    """Its waits take no time, and are noted. `jumps`: how far the wall clock is set at each wait, beside it."""

    def __init__(self, jumps: tuple[timedelta, ...] = ()) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._now, self._jumps = NOW, list(jumps)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return sum(self.waits) + 1e-6 * len(self.waits)

    def sleep(self, seconds: float) -> None:
        self.check()
        self.waits.append(seconds)
        # A microsecond more: a wait that is shorter than that would never be over.
        passed = timedelta(seconds=seconds, microseconds=1)
        self._now += passed + (self._jumps.pop(0) if self._jumps else timedelta(0))


@contextmanager
def served(answers: Mapping[str, list[tuple[int, str]]]) -> Iterator[tuple[str, list[str]]]:
    """A server on this machine: (its address, the paths asked so far). Of a path's answers the last one repeats."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            possible = answers.get(path, [(404, "")])
            status, text = possible[min(asked.count(path), len(possible)) - 1]
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def client(base: str, folder: Path, clock: Clock | None = None) -> Iterator[Bandcamp]:
    """A client with a login, that does not wait between requests."""
    clock = clock or HurriedClock()
    cookie = Cookie(".bandcamp.com", "/", "identity", "7%09token%09%7B%7D", None, True, True)
    pace = Pace(folder / "patience.json", timedelta(0), clock)
    bandcamp = Bandcamp(
        Transport(HostPolicy(base), [cookie], pace, clock, timedelta(seconds=5), folder / "clearance.json")
    )
    try:
        yield bandcamp
    finally:
        bandcamp.close()
