"""Many clients of event streams, in one thread: they read all that comes, and note when."""

import selectors
import socket
import time
from collections.abc import Sequence
from threading import Event, Lock, Thread
from urllib.parse import urlsplit


class Crowd:
    """Clients that hold a stream open each. `open` how many were let in, `received` bytes so far."""

    def __init__(self, url: str, paths: Sequence[str]) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._paths, self._over, self._lock = paths, Event(), Lock()
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[str, tuple[bytes, float, list[float]]] = {}
        self.open = self.received = 0
        self._thread = Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Crowd":
        for path in self._paths:
            connection = socket.create_connection(self._address, timeout=20)
            asked = f"GET {path} HTTP/1.1\r\nHost: {self._address[0]}\r\nAccept: text/event-stream\r\n\r\n"
            connection.sendall(asked.encode())
            self.open += b" 200 " in connection.recv(64)
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, path)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def await_mark(self, path: str, mark: bytes) -> None:
        """From now on, note how long each client of `path` waits until it receives `mark`."""
        with self._lock:
            self._waiting = {path: (mark, time.perf_counter(), [])}
            self._told: set[int] = set()

    def waits(self, path: str) -> list[float]:
        """Seconds that the clients of `path` have waited, of those that received the mark."""
        with self._lock:
            return list(self._waiting[path][2])

    def _read(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                try:
                    block = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
                except BlockingIOError:
                    continue
                if not block:
                    self._selector.unregister(key.fileobj)
                    continue
                self.received += len(block)
                self._note(key.data, key.fd, block)

    def _note(self, path: str, number: int, block: bytes) -> None:
        with self._lock:
            wanted = self._waiting.get(path)
            if wanted and wanted[0] in block and number not in self._told:
                self._told.add(number)
                wanted[2].append(time.perf_counter() - wanted[1])
