"""A server that is none of Bandcamp's: whoever comes is noted, with the cookies that were brought."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Visit:
    """A connection (`path` is empty), or a request on one."""

    path: str
    cookie: str | None


class Stranger:
    """A running server on this machine, with a port (and, where wanted, an address) of its own."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.visits: list[Visit] = []
        visits = self.visits

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> Any:
                found = super().get_request()
                visits.append(Visit("", None))
                return found

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(Visit(self.path.partition("?")[0], self.headers.get("Cookie")))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = Server((bind, 0), Handler)
        self.host = bind
        self.url = f"http://{bind}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "Stranger":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
