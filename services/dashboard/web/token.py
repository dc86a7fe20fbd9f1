"""The token of a session, without which nothing is changed.

It is never shown as it is: each answer holds it under a mask of its own. Answers are compressed, and whoever may choose
a part of one and see its size could otherwise find out a text that all of them have in common (BREACH).
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from flask import g, session

TOKEN_HEADER = "X-CSRF-Token"
_BYTES = 24


def token() -> str:
    """This session's token, masked anew; made when the session has none."""
    secret = _secret()
    if secret is None:
        secret = secrets.token_bytes(_BYTES)
        session["token"] = urlsafe_b64encode(secret).decode()
    g.holds_token = True
    mask = secrets.token_bytes(_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, secret)).decode()


def is_token(given: str) -> bool:
    """Whether `given` is this session's token under any mask."""
    secret, masked = _secret(), _decoded(given)
    if secret is None or len(masked) != 2 * _BYTES:
        return False
    return hmac.compare_digest(_xor(masked[:_BYTES], masked[_BYTES:]), secret)


def _secret() -> bytes | None:
    kept = session.get("token")
    secret = _decoded(kept) if isinstance(kept, str) else b""
    return secret if len(secret) == _BYTES else None


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode())
    except ValueError:
        return b""


def _xor(mask: bytes, secret: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, secret, strict=True))
