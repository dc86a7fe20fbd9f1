"""Who listens to a stream: noticed when a client is gone, and cut off when it has stopped to read.

A thread that writes to a client that does not read hangs in that write. It holds up nobody but itself, yet it takes a
place; so does one that waits for news on behalf of a client that left. Both are seen from outside, by the socket.
"""

import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

#: What a client has not taken by then, it does not want.
HANGS_AFTER_S = 30.0
#: Closed by the other side. Where the system cannot tell (no Linux), a failed write does.
_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Listener:
    """One client. `connection`: its socket, where the server lends it (gunicorn does). `is_over`: whether it may listen
    no more."""

    def __init__(self, connection: socket.socket | None, is_over: Callable[[], bool] = lambda: False) -> None:
        self.connection, self._is_over = connection, is_over
        self.is_gone = False
        self._writing_since: float | None = None

    def told(self, texts: Iterable[str]) -> Iterator[str]:
        """The same texts; while the server writes one of them, it is known since when. Ends when the client is gone,
        or may listen no more."""
        for text in texts:
            if self.is_gone or self._is_over():
                return
            if text:
                self._writing_since = time.monotonic()
                yield text
                self._writing_since = None

    def hangs(self, for_s: float = HANGS_AFTER_S) -> bool:
        """Whether it has not taken in so many seconds what was written to it."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > for_s

    def cut_off(self) -> None:
        """Let a write that hangs fail."""
        self.is_gone = True
        if self.connection is not None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


def left(listeners: Iterable[Listener]) -> list[Listener]:
    """Those of them whose client has closed the connection since the last question."""
    poll, by_number = select.poll(), {}
    for listener in listeners:
        number = -1 if listener.connection is None else listener.connection.fileno()
        if number >= 0 and not listener.is_gone:
            poll.register(number, _CLOSED)
            by_number[number] = listener
    gone = [by_number[number] for number, _ in poll.poll(0)] if by_number else []
    for listener in gone:
        listener.is_gone = True
    return gone
