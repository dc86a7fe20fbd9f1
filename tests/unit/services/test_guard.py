import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from services.dashboard.web.guard import allowed_hosts, is_allowed_host, is_foreign_fetch, is_same_origin

NAMES = allowed_hosts("0.0.0.0:5000") | {"nas"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000", "[fe80::1%eth0]", "10.1.2.3", "nas:5000", "nas."],
)
def test_its_own_names_and_any_address_pass(host: str) -> None:
    assert is_allowed_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example:5000",
        "127.0.0.1.evil.example",
        "127.0.0.1%.evil.example",
        "2130706433",
        "a@b:c",
        "[::1",
        "nas.evil",
    ],
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


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("https://music.example.org", True),
        ("https://Music.Example.ORG:8443", True),
        ("http://127.0.0.1:5000", True),
        ("https://evil.example", False),
        ("https://music.example.org.evil.example", False),
        ("https://music.example.org@evil.example", False),
        ("https://[", False),
        ("null", False),
    ],
)
def test_behind_a_proxy_that_renames_us_changes_come_from_our_own_names(origin: str, passes: bool) -> None:
    builder = EnvironBuilder(method="POST", base_url="http://127.0.0.1:5000", headers=[("Origin", origin)])
    assert is_same_origin(Request(builder.get_environ()), frozenset({"music.example.org"})) is passes


@pytest.mark.parametrize(
    ("site", "mode", "foreign"),
    [
        (None, None, False),
        ("same-origin", "cors", False),
        ("none", "navigate", False),
        ("cross-site", "navigate", False),
        ("cross-site", "no-cors", True),
        ("same-site", "cors", True),
        ("cross-site", None, True),
    ],
)
def test_a_page_of_another_site_may_lead_here_but_fetch_nothing(
    site: str | None, mode: str | None, foreign: bool
) -> None:
    headers = [(f"Sec-Fetch-{name}", value) for name, value in (("Site", site), ("Mode", mode)) if value]
    assert is_foreign_fetch(Request(EnvironBuilder(headers=headers).get_environ())) is foreign


@pytest.mark.parametrize(
    ("method", "origin", "foreign"),
    [
        ("GET", "http://nas:5000", False),
        ("GET", "https://music.example.org", False),
        ("GET", "http://evil.example", True),
        ("HEAD", "null", True),
        ("OPTIONS", "http://evil.example", False),
    ],
)
def test_where_a_browser_does_not_say_whose_page_asks_its_origin_tells(method: str, origin: str, foreign: bool) -> None:
    builder = EnvironBuilder(method=method, base_url="http://nas:5000", headers=[("Origin", origin)])
    assert is_foreign_fetch(Request(builder.get_environ()), frozenset({"music.example.org"})) is foreign
