"""One request, and the answer to it while it is being made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What the client sent. Header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        """The path without the query, as sent."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        """The query; the last of several values counts."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies byte for byte, not decoded."""
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}

    @property
    def base(self) -> str:
        """The address under which the client reached us, whatever name it used."""
        scheme = self.headers.get("x-forwarded-proto", "http")
        return f"{scheme}://{self.headers.get('host', 'localhost')}"

    def json(self) -> Any:
        """The body as JSON, whatever Content-Type it claims; ValueError when it is none."""
        return json.loads(self.body or b"null")


@dataclass
class Response:
    """What goes back, before the line does anything to it."""

    status: int = 200
    body: bytes = b""
    mime: str = "text/html; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Route:
    """What a request is about."""

    name: str
    kind: str  # the class that rules match
    key: str | None = None
    args: tuple[str, ...] = ()


@dataclass
class Exchange:
    """A request with its route and the faults drawn for it."""

    request: Request
    route: Route
    faults: list[tuple[str, dict[str, Any]]]
    logged_in: bool

    def fault(self, name: str) -> dict[str, Any] | None:
        """The parameters of a fault that this request meets, or None."""
        for fault, params in self.faults:
            if fault == name:
                return params
        return None


def html(body: str, status: int = 200) -> Response:
    """A page."""
    return Response(status, body.encode("utf-8", "surrogatepass"))


def as_json(data: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(data).encode(), "application/json")


def redirect(place: str) -> Response:
    """302 to another address."""
    return Response(302, b"", headers=[("Location", place)])
