"""The server itself: a thread for each connection, and a raw socket for each answer."""

import contextlib
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from standin import cookies
from standin.control import Control
from standin.exchange import Exchange, Request
from standin.requestlog import RequestLog
from standin.rules import RuleBook
from standin.settings import Settings
from standin.site import Site
from standin.wire import Line, deliver
from standin.world import World


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a stalled answer must not hold up the end
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], standin: "StandIn") -> None:
        self.standin = standin
        self._open: set[socket.socket] = set()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that the end of the server is the end of it too."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Cut the connections that clients keep alive."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else is a fault of ours and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | BrokenPipeError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        standin = self.server.standin
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        route = standin.site.route(request)
        entry = standin.log.open(request, route)

        def count(sent: int) -> None:
            entry.bytes_sent += sent

        line = Line(self.connection, standin.stopping, count)
        try:
            if route.kind == "control":
                exchange = Exchange(request, route, [], logged_in=False)
                response = standin.control.respond(request, route.args[0])
            else:
                exchange, response = standin.site.respond(request, route)
            silent = any(exchange.fault(name) is not None for name in ("drop", "hang"))
            entry.status = 0 if silent else response.status
            entry.fault = "+".join(name for name, _ in exchange.faults) or None
            rate = standin.settings.rate if route.kind in ("file", "stream") else None
            deliver(line, exchange, response, rate)
        except Exception:
            line.cut = True
            raise
        finally:
            self.close_connection = self.close_connection or line.cut
            standin.log.close(entry)

    do_GET = do_POST = do_HEAD = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the request log has it all."""


class StandIn:
    """A running stand-in Bandcamp.

    Used as a context manager: `with StandIn(World.build()) as s: requests.get(s.url)`. `port` 0
    takes a free one.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        bind: str = "127.0.0.1",
        port: int = 0,
        settings: Settings | None = None,
    ) -> None:
        self.world = world or World.build()
        self.settings = settings or Settings()
        self.rules = RuleBook()
        self.log = RequestLog()
        self.site = Site(self.world, self.settings, self.rules)
        self.control = Control(self.site, self.log)
        self.stopping = threading.Event()
        self._server = _Server((bind, port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base address, for a client on this machine."""
        host = str(self._server.server_address[0])
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        return f"http://{host}:{self.port}"

    def start(self) -> "StandIn":
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; answers in mid-air end at once."""
        self.stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.hang_up()

    def write_cookies(
        self,
        path: str | Path,
        style: str = "netscape",
        *,
        domain: str = ".bandcamp.com",
        http_only: bool = False,
    ) -> Path:
        """Write a cookie file that logs in (`netscape`, `json` or `header`), and return its path."""
        place = Path(path)
        identity = self.world.identity or "logged-out"
        text = cookies.cookie_file(identity, style, domain=domain, http_only=http_only)
        cookies.write(place, text)
        return place

    def serve_instead(self, key: str, data: bytes, mime: str = "application/zip") -> None:
        """Serve a test's own bytes as the file of a purchase."""
        purchase = self.world.by_key(key)
        assert purchase is not None and purchase.release is not None
        self.site.shelf.serve_instead(purchase.release, data, mime)

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
