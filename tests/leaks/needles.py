"""Secrets as they could be spelled, and a search for them in any bytes. Pure.

A hit is told by the needle's name and what stands around it, never by the secret itself.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from standin import World

#: Shorter pieces of a secret occur by chance.
_MIN_PIECE = 16
#: A parameter that is a secret whatever its value, with a value behind it that was not cut.
_SHAPES = {
    "a signed address": re.compile(
        rb"(?i)(?:(?<![a-z0-9_.-])|(?<=%26)|(?<=%3F)|(?<=%2526)|(?<=%253F))(?:reauth_sig|fsig|sig|token|payment_id)(?:=|%3D|%253D|\\u003d|&#61;)"
        rb"(?!\*\*\*|%2A%2A%2A)[\w.%+/-]{6,}"
    ),
    "a download's address": re.compile(rb"(?i)(?:download(?:/|%2F)(?:album|track)|stream)(?:/|%2F)[0-9a-f]{16,}"),
    "an identity cookie": re.compile(rb"\d(?:\t|\\t|%09|%2509)[0-9a-f]{16,}"),
}
_CONTEXT = 60


@dataclass(frozen=True)
class Hit:
    """Where a secret was seen: its name, and the text before it."""

    name: str
    before: str

    def __str__(self) -> str:
        return f"{self.name} after {self.before!r}"


class Needles:
    """What to look for. `secrets`: a name for each value, as a report may print it. `shapes`: also look for what is a
    secret by its looks alone."""

    def __init__(self, secrets: Mapping[str, str], shapes: bool = True) -> None:
        self._spelled = {spelled: name for name, value in secrets.items() for spelled in spellings(value)}
        self._shapes = _SHAPES if shapes else {}

    def __len__(self) -> int:
        return len(self._spelled)

    def hits(self, data: bytes) -> list[Hit]:
        """Each secret that is in `data`, once."""
        found: dict[str, Hit] = {}
        for spelled, name in self._spelled.items():
            if name not in found and (at := data.find(spelled)) >= 0:
                found[name] = Hit(name, _before(data, at))
        for name, pattern in self._shapes.items():
            if (match := pattern.search(data)) is not None:
                found[name] = Hit(name, _before(data, match.start()))
        return list(found.values())


def spellings(value: str) -> Iterator[bytes]:
    """`value`, plain and encoded, and so each long piece of it."""
    plain = unquote(value)
    pieces = [piece for piece in re.split(r"""[\t"'\s{}:,;=]+""", plain) if len(piece) >= _MIN_PIECE]
    for text in dict.fromkeys((value, plain, *pieces)):
        yield from dict.fromkeys(_encoded(text))


def _encoded(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    for safe in ("", "/"):
        once = quote(text, safe=safe)
        yield once.encode()
        yield quote(once, safe="").encode()
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), once).encode()
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text).replace("/", "\\/")[1:-1].encode()
    yield html.escape(text).encode()
    yield html.escape(json.dumps(text)[1:-1]).encode()
    yield raw.hex().encode()
    yield from in_base64(raw)


def in_base64(raw: bytes) -> Iterator[bytes]:
    """What of `raw` is the same in each base64 that holds it, wherever in it it begins; both alphabets."""
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + raw)
        # The first characters hold bits of what comes before, the last ones of what comes behind.
        sure = coded[-(-lead * 8 // 6) : (lead + len(raw)) * 8 // 6]
        yield sure
        yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def of_world(world: World, identities: Iterable[str]) -> dict[str, str]:
    """The secrets of a stand-in's fan: the logins, and what signs the addresses of each purchase."""
    found = {f"login {number}": value for number, value in enumerate(dict.fromkeys(identities), 1)}
    for purchase in world.purchases:
        download = world.sign("download", purchase.payment_id, purchase.sale_id)[:32]
        found[f"redownload link of {purchase.key}"] = download
        found[f"file link of {purchase.key}"] = world.sign("file", purchase.sale_id)[:32]
        for fmt in purchase.formats:
            found[f"{fmt} place of {purchase.key}"] = world.sign("place", purchase.key, fmt)[:32]
    return found


def _before(data: bytes, at: int) -> str:
    return data[max(0, at - _CONTEXT) : at].decode(errors="replace")
