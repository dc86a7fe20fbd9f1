"""The token of a session, within requests of an application that has nothing else."""

from base64 import urlsafe_b64decode

import pytest
from flask import Flask, session

from services.dashboard.web.token import is_token, token

APP = Flask(__name__)
APP.secret_key = "only for tests"


def test_a_token_looks_different_each_time_and_is_the_sessions_each_time() -> None:
    with APP.test_request_context():
        several = [token() for _ in range(20)]
        assert len(set(several)) == 20
        assert all(map(is_token, several))


def test_what_is_told_has_no_part_in_common() -> None:
    with APP.test_request_context():
        first, second = (urlsafe_b64decode(token()) for _ in range(2))
        assert sum(a == b for a, b in zip(first, second, strict=True)) < 8


@pytest.mark.parametrize("guess", ["", "guess", "ä", "A" * 64, "A" * 63 + "\udc80", "=" * 64])
def test_a_guess_is_no_token(guess: str) -> None:
    with APP.test_request_context():
        token()
        assert not is_token(guess)


def test_without_a_session_nothing_is_a_token() -> None:
    with APP.test_request_context():
        given = token()
    with APP.test_request_context():
        assert not is_token(given)
        assert not is_token("")
        session["token"] = "short"
        assert not is_token("short")


def test_what_the_session_keeps_is_no_token_by_itself() -> None:
    with APP.test_request_context():
        token()
        assert not is_token(session["token"])
