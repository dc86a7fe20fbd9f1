import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from services.dashboard.web.guard import Tries, allowed_hosts, is_allowed_host, is_same_origin

NAMES = allowed_hosts("0.0.0.0:5000") | {"nas"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000", "192.168.1.7:5000", "nas:5000", "nas."]
)
def test_its_own_names_and_any_address_pass(host: str) -> None:
    assert is_allowed_host(host, NAMES)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example:5000", "127.0.0.1.evil.example", "a@b:c", "[::1", "nas.evil"]
)
def test_other_names_do_not(host: str) -> None:
    assert not is_allowed_host(host, NAMES)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Origin": "http://localhost:5000"}, True),
        ({"Origin": "https://localhost:5000"}, True),
        ({"Origin": "http://localhost:5001"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:5000"}, False),
    ],
)
def test_changes_come_from_the_same_origin(headers: dict[str, str], passes: bool) -> None:
    builder = EnvironBuilder(method="POST", base_url="http://localhost:5000", headers=list(headers.items()))
    assert is_same_origin(Request(builder.get_environ())) is passes


def test_guessing_passwords_is_slow() -> None:
    tries = Tries()
    for _ in range(9):
        tries.note(False)
    assert not tries.exhausted
    tries.note(False)
    assert tries.exhausted
