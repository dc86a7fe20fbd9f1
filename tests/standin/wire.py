"""Puts an answer on the line, whole or as badly as the faults ask for."""

import http
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from standin.archive import entry_data
from standin.exchange import Exchange, Response
from standin.shelf import flipped

_CHUNK = 64 << 10


@dataclass
class Line:
    """A client's connection. `cut` is set once it can carry no further request."""

    sock: socket.socket
    stopping: threading.Event
    count: Callable[[int], None]
    cut: bool = False

    def send(self, data: bytes) -> None:
        """Send, and tell the log how much went out."""
        self.sock.sendall(data)
        self.count(len(data))

    def reset(self) -> None:
        """End with RST instead of FIN, as a router in between does."""
        self.cut = True
        self.stopping.wait(0.05)  # let the client have what was sent so far
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.sock.detach())  # the handler's own clean shutdown would come first


def deliver(line: Line, exchange: Exchange, response: Response, rate: int | None) -> None:
    """Send the answer. Afterwards `line.cut` tells whether the connection is used up."""
    if exchange.fault("drop") is not None:
        line.reset()
        return
    if (hang := exchange.fault("hang")) is not None:
        line.stopping.wait(float(hang.get("seconds", 60)))
        line.cut = True
        return
    if (params := exchange.fault("drip") or exchange.fault("endless")) is not None:
        without_end(line, params, drips=exchange.fault("drip") is not None)
        return
    body = _damage(exchange, response.body)
    length, framing = _framing(exchange, len(body))
    head_only = exchange.request.method == "HEAD" or response.status in (204, 304)
    close = framing == "close" or exchange.request.headers.get("connection", "").lower() == "close"
    line.sock.sendall(_head(response, length, framing, close))
    line.cut = line.cut or close
    if head_only:
        return
    _send_body(line, exchange, body, rate, framing == "chunked")
    if framing == "length" and length != len(body):
        line.cut = True


def without_end(line: Line, params: dict[str, Any], drips: bool) -> None:
    """An answer that never ends: of single bytes, or of as many as the line takes."""
    line.cut = True
    headers = params.get("where") == "headers"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    packer = zlib.compressobj(9, wbits=31) if params.get("gzip") else None
    head += b"Content-Encoding: gzip\r\n" if packer else b""
    line.sock.sendall(head + (b"X-More: " if headers else b"Connection: close\r\n\r\n"))
    piece = b"X" if drips else b"X" * (1 << 20)
    for _ in range(3600 if drips else int(params.get("mebibytes", 4096))):
        packed = packer.compress(piece) if packer else piece
        line.send(packed)
        if drips and line.stopping.wait(float(params.get("seconds", 0.5))):
            return


def _head(response: Response, length: int, framing: str, close: bool) -> bytes:
    try:
        phrase = http.HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [
        f"HTTP/1.1 {response.status} {phrase}",
        f"Date: {formatdate(usegmt=True)}",
        "Server: nginx",
        f"Content-Type: {response.mime}",
    ]
    if framing == "length":
        lines.append(f"Content-Length: {length}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append("Connection: close" if close else "Connection: keep-alive")
    # Header values go out as raw UTF-8, as popplers sends its file names.
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _framing(exchange: Exchange, length: int) -> tuple[int, str]:
    if (params := exchange.fault("no_length")) is not None:
        return length, "chunked" if params.get("mode") == "chunked" else "close"
    if (params := exchange.fault("wrong_length")) is not None:
        return max(0, length + int(params.get("delta", 1000))), "length"
    return length, "length"


def _place(params: dict[str, Any], length: int, usual: int = 50) -> int:
    """The offset that `bytes` or `percent` speaks of."""
    if "bytes" in params:
        return min(length, int(params["bytes"]))
    return length * int(params.get("percent", usual)) // 100


def _damage(exchange: Exchange, body: bytes) -> bytes:
    params = exchange.fault("flip_byte")
    if params is None or not body or params.get("where") == "audio":
        return body  # damage inside the music is done where the archive is built
    start, length = 0, len(body)
    if params.get("where") == "entry" and body[:2] == b"PK":
        start, length = entry_data(body, "")
    offset = params.get("offset")
    at = int(offset) if offset is not None else length * int(params.get("percent", 50)) // 100
    return flipped(body, start + min(at, length - 1))


def _send_body(line: Line, exchange: Exchange, body: bytes, rate: int | None, chunked: bool) -> None:
    """The body up to where it breaks off, with pauses where they are asked for."""
    if (slow := exchange.fault("slow")) is not None:
        rate = int(slow.get("rate", 20_000))
    stops: list[tuple[int, str, dict[str, Any]]] = []
    for name in ("stall", "truncate", "reset"):
        if (params := exchange.fault(name)) is not None:
            stops.append((_place(params, len(body)), name, params))
    sent = 0
    for place, name, params in sorted(stops, key=lambda stop: stop[0]):
        _pour(line, body[sent:place], rate, chunked)
        sent = max(sent, place)
        if name == "stall":
            if line.stopping.wait(float(params.get("seconds", 30))):
                line.cut = True
                return
        elif name == "truncate":
            line.cut = True
            return
        else:
            line.reset()
            return
    _pour(line, body[sent:], rate, chunked)
    if chunked:
        line.sock.sendall(b"0\r\n\r\n")


def _pour(line: Line, data: bytes, rate: int | None, chunked: bool) -> None:
    """Send `data`, at `rate` bytes per second if there is one."""
    step = _CHUNK if not rate else max(1, min(_CHUNK, rate // 10))
    started, view = time.monotonic(), memoryview(data)
    for at in range(0, len(data), step):
        piece = bytes(view[at : at + step])
        line.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if rate:
            ahead = started + (at + len(piece)) / rate - time.monotonic()
            if ahead > 0 and line.stopping.wait(ahead):
                line.cut = True
                return
