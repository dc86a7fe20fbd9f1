"""gunicorn's worker with threads, which parts with clients that stop in the middle.

A thread that reads what a client never sends, or writes what it never takes, is lost; so many clients as there are
threads, and nobody else is answered. And for a client to close its end gunicorn waits up to two seconds in the one
thread that accepts all. Here a connection without a request waits in the poller, where it costs no thread; what is
waited for beyond that is waited for in the connection's own thread, and until a deadline.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from services.dashboard.web.guard import HEADERS

#: Seconds from a request's first byte to the end of its headers; to the end of the answer to a change, whose body is
#: 1 MiB at most; and to the end of any other answer. Streams and whole logs last while they are taken.
HEADERS_WITHIN_S, CHANGED_WITHIN_S, ANSWERED_WITHIN_S = 10.0, 20.0, 120.0
#: How long a client may take to close its end, and what it may send meanwhile: closing at once would discard the last
#: of the answer to one that is still sending.
_CLOSED_WITHIN_S, _MOST_DRAINED_BYTES = 1.0, 64 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]
    """Connections wait for their requests in the poller; a thread that holds one does so until a deadline."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._deadlines: dict[TConn, float] = {}
        #: The connections that may last, as somebody else looks after them.
        self.spared: Callable[[], Collection[socket.socket]] = tuple

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection to a thread; one that is new once it has sent something."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Read a request and answer it, in a thread; True when the connection can be kept."""
        self._deadlines[conn] = time.monotonic() + HEADERS_WITHIN_S
        try:
            is_kept = super().handle(conn)
            if is_kept is False:
                self._deadlines[conn] = float("inf")
                _take_leave(conn.sock)
            return is_kept
        finally:
            self._deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose headers are here."""
        within_s = ANSWERED_WITHIN_S if req.method in ("GET", "HEAD") else CHANGED_WITHIN_S
        self._deadlines[conn] = time.monotonic() + within_s
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what cannot be read as a request as every other error is answered, for gunicorn would send a page."""
        told = _Told()
        super().handle_error(req, told, addr, exc)
        with suppress(OSError):
            write_nonblock(client, refused(told.content))

    def murder_pending(self) -> None:
        """Close what has waited for too long; called about once a second."""
        super().murder_pending()
        now = time.monotonic()
        late = [conn for conn, deadline in self._deadlines.copy().items() if deadline < now]
        spared = self.spared() if late else ()
        for conn in late:
            if conn.sock not in spared:
                # Seen from the thread, the client has closed the connection.
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)


class _Told:
    """A socket that keeps what is written to it."""

    def __init__(self) -> None:
        self.content = b""

    def gettimeout(self) -> float:
        """It never waits."""
        return 0.0

    def sendall(self, data: bytes) -> None:
        """Keep `data`."""
        self.content += data


def refused(page: bytes) -> bytes:
    """The whole answer of problem details with the status of gunicorn's own page, whose first line has it."""
    status, _, reason = page.partition(b"\r\n")[0].decode("latin1").partition(" ")[2].partition(" ")
    detail = f"the server cannot read this request ({reason.lower()})" if status < "5" else "it could not be answered"
    body = json.dumps({"type": "about:blank", "title": reason, "status": int(status), "detail": detail}).encode()
    told = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        **HEADERS,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("latin1") + body


def _take_leave(connection: socket.socket) -> None:
    """Wait for the client to close its end, so that the poller's thread, which closes ours, has not to."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        until, drained = time.monotonic() + _CLOSED_WITHIN_S, 0
        while drained < _MOST_DRAINED_BYTES and (left_s := until - time.monotonic()) > 0:
            connection.settimeout(left_s)
            came = connection.recv(4096)
            if not came:
                return
            drained += len(came)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
