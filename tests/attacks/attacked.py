"""A dashboard under gunicorn to be attacked, and the bytes with which one does it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard
from integration.dashboards import fill

#: What must come out nowhere: a login, which the real dashboard's container could not even see.
COOKIE_LINE = "#HttpOnly_.bandcamp.com\tTRUE\t/\tTRUE\t1900000000\tidentity\t7%09PLANTEDplantedPLANTED%09%7B%7D\n"


@contextmanager
def attacked(root: Path) -> Iterator[Dashboard]:
    """A dashboard that goes by `music.example.org` as well, over a folder with a login and covers in it."""
    data = DataFolder(root / "data")
    fill(data)
    data.config.mkdir()
    (data.config / "cookies.txt").write_text(COOKIE_LINE)
    data.covers.mkdir()
    with Dashboard(data, DASHBOARD_HOSTS="music.example.org") as one:
        yield one


class Browser(requests.Session):
    """One that was here before: it has the session's cookie, with which attackers let it act, and knows its token."""

    def __init__(self, served: Dashboard) -> None:
        super().__init__()
        self.trust_env = False
        self.token = {"X-CSRF-Token": str(self.get(f"{served.url}/api/token", timeout=10).json()["token"])}


def raw(served: Dashboard, request: bytes, within_s: float = 30) -> bytes:
    """The beginning of what the server answers to these very bytes, `BIND` in which is its address; nothing when it
    just hangs up."""
    host, _, port = served.bind.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=within_s) as connection:
        try:
            connection.sendall(request.replace(b"BIND", served.bind.encode()))
            return connection.recv(65536)
        except ConnectionError:
            return b""


def get(served: Dashboard, path: str) -> bytes:
    """The same, to a GET of this very path."""
    return raw(served, f"GET {path} HTTP/1.1\r\nHost: BIND\r\nConnection: close\r\n\r\n".encode())


def status(answer: bytes) -> int:
    """The number of its status; 0 where the connection was closed without a word."""
    return int(answer.split()[1]) if answer else 0


def is_well(served: Dashboard) -> bool:
    """Whether it answers everybody else."""
    return requests.get(f"{served.url}/healthz", timeout=10).status_code == 200
