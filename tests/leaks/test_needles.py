"""The search itself: what is planted in any spelling is found, and what was cut is not."""

import base64
import html
import json
from urllib.parse import quote, unquote

import pytest
from bandcamp_sync.logs.redact import redact, register_secret
from standin import World

from leaks.needles import Needles, of_world

WORLD = World.build(purchases=12, seed=5)
LOGIN = WORLD.identity or ""
SECRETS = {**of_world(WORLD, [LOGIN]), "password": 'pa"ss/wo rd&<7>'}
NEEDLES = Needles(SECRETS, shapes=False)


def in_any_base64(text: str) -> list[bytes]:
    coded = [base64.b64encode(lead + text.encode() + b" end") for lead in (b"", b"a", b"ab", b"abc")]
    return [*coded, *(base64.urlsafe_b64encode(b"?>~" + lead + text.encode()) for lead in (b"", b"a", b"ab"))]


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_planted_is_found_in_every_spelling(name: str) -> None:
    value = SECRETS[name]
    plain = unquote(value)
    spelled = [value, plain, quote(value, safe=""), quote(plain, safe=""), quote(quote(plain, safe=""), safe="")]
    spelled += [json.dumps({"a": plain}), html.escape(plain), html.escape(json.dumps(plain)), plain.encode().hex()]
    planted = [text.encode() for text in spelled] + in_any_base64(value) + in_any_base64(plain)
    for what in planted:
        for around in (b"", b"\xff\x00binary\n" * 500):
            assert name in {hit.name for hit in NEEDLES.hits(around + what + around)}, what


def test_half_of_a_login_is_found_too() -> None:
    token = unquote(LOGIN).split("\t")[1].rstrip("=")
    assert len(token) == 40
    assert NEEDLES.hits(f"7 {token} and no more".encode())


@pytest.mark.parametrize(
    "text",
    [
        "https://bandcamp.com/download?from=collection&payment_id=80012&sig=0123456789abcdef&sitem_id=1",
        "GET /download%3Fpayment_id%3D80012%26sig%3D0123456789abcdef",
        "token=1790000000_0123456789abcdef0123456789abcdef",
        "fsig=ab12cd34ef",
        "https://p4.bcbits.com/download/album/0123456789abcdef0123456789abcdef/flac/1",
        "https://t4.bcbits.com/stream/0123456789abcdef0123456789abcdef/mp3-128/1",
        "identity=7%09abcdefabcdefabcdefabcdef%3D",
        r'"7\tabcdefabcdefabcdefabcdef="',
    ],
)
def test_what_looks_like_a_secret_is_found_and_what_was_cut_is_not(text: str) -> None:
    shapes = Needles({})
    assert shapes.hits(f"2026 INFO said {text} there".encode())
    assert not shapes.hits(redact(f"2026 INFO said {text} there").encode())


def test_a_hit_tells_where_and_never_what() -> None:
    register_secret(LOGIN)
    [hit] = [one for one in Needles({"login": LOGIN}).hits(f"said in passing: {LOGIN}".encode()) if one.name == "login"]
    assert "said in passing" in str(hit)
    assert not NEEDLES.hits(str(hit).encode())


def test_ordinary_lines_hold_none() -> None:
    lines = b"2026-11-23T12:00:00.000Z INFO  worker p500000003 Los Faros - Night Ferry is in place (flac, 3 files)\n"
    sums = json.dumps({"sha256": "0123456789abcdef" * 4, "size": 12, "art_id": "1234567890"}).encode()
    pages = b'<input type="hidden" name="token" value="AbCdEfGhIjKlMnOp"> headers["X-CSRF-Token"] = token;'
    assert not Needles(SECRETS).hits(lines + sums + pages)
