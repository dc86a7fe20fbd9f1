import json
from datetime import UTC, datetime, timedelta

import pytest
from bandcamp_sync.bandcamp.cookies import netscape_text, parse_cookies
from bandcamp_sync.drop.check import read_login
from bandcamp_sync.errors import AskUser, HandedRefused
from bandcamp_sync.settings import Settings
from hypothesis import given as example
from hypothesis import strategies as st
from unit.factories import NOW

SETTINGS = Settings.from_environment({})
IDENTITY = "7%09k3ySECRETk3y%2Babc%3D%09%7B%22id%22%3A42%2C%22h1%22%3A%22f00d%22%2C%22ex%22%3A0%7D"
LATER = int((NOW + timedelta(days=200)).timestamp())
HEADER = "# Netscape HTTP Cookie File\n"


def row(name: str = "identity", value: str = IDENTITY, domain: str = ".bandcamp.com", expires: int = LATER) -> str:
    return f"{domain}\tTRUE\t/\tTRUE\t{expires}\t{name}\t{value}\n"


def refused(given: str | bytes) -> str:
    content = given.encode() if isinstance(given, str) else given
    with pytest.raises(AskUser) as caught:
        read_login(content, SETTINGS, NOW)
    assert "SECRET" not in str(caught.value) and "SECRET" not in repr(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        HEADER + row(),
        HEADER + row("js_logged_in", "1") + "#HttpOnly_" + row(),
        json.dumps([{"name": "identity", "value": IDENTITY, "domain": ".bandcamp.com", "expirationDate": LATER}]),
        f"Cookie: js_logged_in=1; identity={IDENTITY}",
        f"identity={IDENTITY}",
        IDENTITY,
        f"  {IDENTITY}\r\n",
    ],
)
def test_a_login_is_read_in_whatever_form_people_have_it(given: str) -> None:
    cookies = {cookie.name: cookie.value for cookie in read_login(given.encode(), SETTINGS, NOW)}
    assert cookies["identity"] == IDENTITY


def test_a_file_that_an_editor_saved_as_utf_16_is_read() -> None:
    [cookie] = read_login((HEADER + row()).encode("utf-16"), SETTINGS, NOW)
    assert (cookie.value, cookie.expires) == (IDENTITY, datetime.fromtimestamp(LATER, UTC))


def test_of_a_whole_browsers_cookies_only_bandcamps_are_kept() -> None:
    given = HEADER + row("session", "SECRETbank", "bank.example") + row() + row("csrf", "x", "evil-bandcamp.com")
    cookies = read_login(given.encode(), SETTINGS, NOW)
    assert [cookie.name for cookie in cookies] == ["identity"]
    assert "SECRETbank" not in netscape_text(cookies, "bandcamp.com")


def test_what_is_written_reads_back_as_what_was_given() -> None:
    given = HEADER + row() + row("js_logged_in", "1") + row("empty", "", expires=0)
    cookies = read_login(given.encode(), SETTINGS, NOW)
    again = parse_cookies(netscape_text(cookies, "bandcamp.com"), "x")
    assert {(c.name, c.value, c.expires) for c in again} == {(c.name, c.value, c.expires) for c in cookies}


def test_no_cookies_at_all_is_told() -> None:
    assert "neither a cookie" in refused("dear scraper, please log in")
    assert "HTML" in refused("<!doctype html><title>SECRET</title>")
    assert "UTF-8" in refused(b"\xffSECRET\xfe\x80")
    assert "line 3" in refused(HEADER + row() + "SECRET TRUE / TRUE 0 identity SECRET\n")


def test_without_an_identity_it_is_said_what_is_missing() -> None:
    said = refused(HEADER + row("session", "SECRET") + row("client_id", "SECRET"))
    assert "no identity cookie" in said and "2 cookies of Bandcamp's" in said and "log in" in said


def test_with_other_sites_cookies_alone_it_is_said_so() -> None:
    assert "no cookie of Bandcamp's in it (1 cookie of other sites)" in refused(HEADER + row(domain="example.com"))


def test_an_expired_login_is_told_with_its_day() -> None:
    said = refused(HEADER + row(expires=int((NOW - timedelta(days=3)).timestamp())))
    assert "expired on 2026-11-20" in said and "log in to Bandcamp again" in said


def test_a_value_that_developer_tools_decoded_is_told_apart() -> None:
    assert "URL-decoded" in refused('7\tk3ySECRETk3y+abc=\t{"id":42,"h1":"f00d","ex":0}')


def test_a_secret_that_looks_like_a_cookies_name_is_not_told() -> None:
    assert "no identity cookie" in refused("k3ySECRETk3y+abcdefghijklmnop==")


WORDS = st.text(alphabet=st.sampled_from("abcXYZ019%=;\t\n {}[]\"'#.<:,/"), max_size=120)


@example(before=WORDS, after=WORDS)
def test_whatever_is_given_none_of_it_is_told(before: str, after: str) -> None:
    secret = "Kx7secretQ9wEr5tY"
    try:
        read_login(f"{before}{secret}{after}".encode(), SETTINGS, NOW)
    except AskUser as error:
        assert secret not in str(error) and secret[:12] not in str(error)
        assert isinstance(error, AskUser | HandedRefused)
