"""Connections that can be cut from outside, so that a process that is asked to end does not wait for a silent server.

Also resolves everything under `localhost` to this machine, as RFC 6761 wants; not every C library does.
"""

import socket
import threading
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class CuttableAdapter(HTTPAdapter):
    """An adapter that knows its open sockets."""

    def __init__(self) -> None:
        self._open: WeakSet[socket.socket] = WeakSet()
        self._is_ended = False
        self._registering = threading.Lock()
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the pools make connections that register their sockets here."""
        super().init_poolmanager(*args, **kwargs)
        opened = self._opened

        class Plain(HTTPConnection):
            def connect(self) -> None:
                _resolve_localhost(self)
                super().connect()
                opened(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                _resolve_localhost(self)
                super().connect()
                opened(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def cut(self) -> None:
        """End every open connection; whoever reads from one gets its end at once."""
        with self._registering:
            registered = list(self._open)
        for one in registered:
            _shut_down(one)

    def end(self) -> None:
        """Cut what is open, and what is opened from now on."""
        self._is_ended = True
        self.cut()

    def _opened(self, connected: socket.socket) -> None:
        with self._registering:
            self._open.add(connected)
        if self._is_ended:
            _shut_down(connected)


def _shut_down(one: socket.socket) -> None:
    with suppress(OSError):
        # Not closed: another thread may be reading from it just now, and its number must not be reused.
        one.shutdown(socket.SHUT_RDWR)


def _resolve_localhost(connection: HTTPConnection) -> None:
    if connection.host.endswith(".localhost"):
        connection._dns_host = "127.0.0.1"
