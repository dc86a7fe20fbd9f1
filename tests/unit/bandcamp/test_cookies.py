import http.cookiejar
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.cookies import (
    Cookie,
    cookie_header,
    expiry_state,
    login_expiry,
    netscape_text,
    parse_cookies,
    read_cookies,
    session_cookies,
)
from bandcamp_sync.errors import CookiesInvalid, CookiesMissing
from hypothesis import given
from hypothesis import strategies as st

IDENTITY = "7%09k3ySECRETk3y%2Babc%3D%09%7B%22id%22%3A42%2C%22h1%22%3A%22f00d%22%2C%22ex%22%3A0%7D"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = 1_820_000_000
HEADER = "# Netscape HTTP Cookie File"


def row(
    name: str = "identity",
    value: str = IDENTITY,
    domain: str = ".bandcamp.com",
    expires: str = str(LATER),
    http_only: bool = True,
) -> str:
    return "\t".join(["#HttpOnly_" * http_only + domain, "TRUE", "/", "TRUE", expires, name, value])


def cookie(name: str, value: str, domain: str = ".bandcamp.com", expires: datetime | None = None) -> Cookie:
    return Cookie(domain, "/", name, value, expires, True, True)


def parsed(text: str) -> list[Cookie]:
    return parse_cookies(text, "cookies.txt")


def problem(text: str) -> CookiesInvalid:
    with pytest.raises(CookiesInvalid) as caught:
        parsed(text)
    assert "SECRET" not in str(caught.value) and "SECRET" not in repr(caught.value)
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return caught.value


# --- Netscape text ---------------------------------------------------------------------------------------------


def test_a_row_that_begins_with_http_only_is_a_cookie_and_no_comment() -> None:
    [found] = parsed(f"{HEADER}\n# a comment\n\n{row()}\n")
    assert (found.name, found.value, found.domain, found.path) == ("identity", IDENTITY, ".bandcamp.com", "/")
    assert found.http_only and found.secure
    assert found.expires == datetime.fromtimestamp(LATER, UTC)


@pytest.mark.parametrize("start", ["", "\ufeff", HEADER + "\n", "# HTTP Cookie File\n\n", "\n\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_line_ends_byte_order_marks_and_a_missing_header_do_no_harm(start: str, end: str) -> None:
    text = start + end.join([row("a", "1", http_only=False), row()] if end else [row()]) + end
    assert parsed(text)[-1].value == IDENTITY


@pytest.mark.parametrize("expires", ["0", "", "-1", " ", "0.0"])
def test_no_expiry_means_a_session_cookie(expires: str) -> None:
    assert parsed(row(expires=expires))[0].expires is None


@pytest.mark.parametrize("expires", [f"{LATER}.5", f"{LATER}500", f"{LATER}"])
def test_an_expiry_may_be_a_fraction_or_milliseconds(expires: str) -> None:
    found = parsed(row(expires=expires))[0].expires
    assert found is not None and found.replace(microsecond=0) == datetime.fromtimestamp(LATER, UTC)


def test_an_expiry_beyond_all_calendars_is_the_last_day() -> None:
    found = parsed(row(expires="9" * 30))[0].expires
    assert found is not None and found.year == 9999


def test_a_value_may_hold_anything_but_a_tab() -> None:
    value = "a=b; \u2028c\x85 #\"'{}%09 "
    assert parsed(row(value=value))[0].value == value


def test_an_empty_value_whose_tab_an_editor_took_away_is_empty() -> None:
    assert [c.value for c in parsed("\n".join([row("x", "").rstrip("\t"), row()]))] == ["", IDENTITY]


def test_spaces_for_tabs_are_told_with_the_line() -> None:
    error = problem(f"{HEADER}\n{row('a', '1')}\n{row().replace(chr(9), '    ')}\n")
    assert error.line == 3 and "spaces" in error.problem and "cookies.txt, line 3" in str(error)


def test_six_columns_are_told_with_the_line() -> None:
    error = problem(f"{HEADER}\r\n.bandcamp.com\tTRUE\t/\tTRUE\tidentity\t{IDENTITY}\r\n")
    assert error.line == 2 and "6 columns" in error.problem


def test_an_identity_without_its_value_is_told_with_the_line() -> None:
    assert problem(f"{row('a', '1')}\n{row(value='').rstrip()}").line == 2


def test_a_decoded_identity_has_too_many_columns() -> None:
    error = problem(row(value='7\tSECRET\t{"id":1}'))
    assert error.line == 1 and "9 columns" in error.problem


def test_an_expiry_that_is_no_number_is_told() -> None:
    assert "expiry" in problem(row(expires="tomorrow")).problem


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "empty", None),
        (" \r\n\n", "empty", None),
        ("\ufeff", "empty", None),
        ("# Netscape HTTP Cookie File\n# nothing\n", "no cookie", None),
        ("<!DOCTYPE html>\n<html>SECRET</html>", "HTML", 1),
        ("\n\n <html>", "HTML", 3),
        ('[\n{"name": "identity",\n"value": "SECRET"\n', "JSON is broken", 4),
        ('{"cookies": [{"name": "a", "value": "SECRET",}]}', "JSON is broken", 1),
        ("[]", "no cookie", None),
        ('{"cookies": []}', "no cookie", None),
        ('[{"url": "SECRET"}, 7, null]', "no cookie", None),
        ("[" * 100_000, "JSON", None),
        ("SQLite format 3\x00\x10\x00SECRET", "not a text file", None),
        ("just a sentence with SECRET", "neither", 1),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str, line: int | None) -> None:
    error = problem(text)
    assert words in error.problem
    assert line is None or error.line == line


# --- JSON ------------------------------------------------------------------------------------------------------


def test_cookie_quick_manager_is_read() -> None:
    entry = {
        "Host raw": "https://.bandcamp.com/",
        "Name raw": "identity",
        "Path raw": "/",
        "Content raw": IDENTITY,
        "Expires": "03-09-2027 04:26:40",
        "Expires raw": str(LATER),
        "Send for raw": "true",
        "HTTP only raw": "true",
    }
    [found] = parsed(json.dumps([entry]))
    assert found == Cookie(".bandcamp.com", "/", "identity", IDENTITY, datetime.fromtimestamp(LATER, UTC), True, True)


def test_the_export_of_other_add_ons_is_read() -> None:
    entry = {
        "domain": ".bandcamp.com",
        "expirationDate": LATER + 0.25,
        "httpOnly": True,
        "name": "identity",
        "path": "/",
        "secure": True,
        "session": False,
        "storeId": "0",
        "value": IDENTITY,
    }
    [found] = parsed(json.dumps([entry], indent=2))
    assert found.value == IDENTITY and found.http_only and found.expires is not None


def test_a_playwright_state_is_read_and_minus_one_is_a_session_cookie() -> None:
    state = {
        "cookies": [{"name": "identity", "value": IDENTITY, "domain": ".bandcamp.com", "expires": -1}],
        "origins": [],
    }
    [found] = parsed("\ufeff" + json.dumps(state))
    assert found.value == IDENTITY and found.expires is None


@pytest.mark.parametrize("mark", [{"userContextId": 3}, {"userContextId": "2"}, {"storeId": "firefox-container-1"}])
def test_a_container_s_cookie_is_used_only_where_there_is_no_other(mark: dict[str, object]) -> None:
    plain = {"name": "identity", "value": "plain", "domain": "bandcamp.com", "userContextId": 0}
    contained = {"name": "identity", "value": "contained", "domain": ".bandcamp.com", "expires": LATER, **mark}
    assert [c.value for c in parsed(json.dumps([contained, plain]))] == ["plain"]
    assert [c.value for c in parsed(json.dumps([contained]))] == ["contained"]


# --- bare headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "Cookie: ", "cookie:", "GET / HTTP/2\nHost: bandcamp.com\nCookie: "])
def test_a_bare_header_is_read_also_behind_a_value_in_json(prefix: str) -> None:
    found = parsed(f'{prefix}cookie_preferences={{"allow":[]}}; identity={IDENTITY}; js_logged_in=1\n')
    assert {c.name: c.value for c in found} == {
        "cookie_preferences": '{"allow":[]}',
        "identity": IDENTITY,
        "js_logged_in": "1",
    }
    assert session_cookies(found, "bandcamp.com") == found


VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), min_size=1, max_size=80)


@given(VALUES)
def test_values_arrive_byte_for_byte_in_every_form(value: str) -> None:
    texts = [
        row(value=value),
        json.dumps([{"name": "identity", "value": value, "domain": "bandcamp.com"}]),
        json.dumps({"cookies": [{"name": "identity", "value": value, "domain": "bandcamp.com"}]}),
        json.dumps([{"Name raw": "identity", "Content raw": value, "Host raw": "https://.bandcamp.com/"}]),
        f"Cookie: a=b; identity={value}",
    ]
    for text in texts:
        chosen = session_cookies(parsed(text), "bandcamp.com")
        assert cookie_header([c for c in chosen if c.name == "identity"], NOW) == f"identity={value}"


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        assert parse_cookies(text, "c")
    except CookiesInvalid as error:
        assert error.problem


# --- choosing --------------------------------------------------------------------------------------------------


def test_other_sites_cookies_are_left_out() -> None:
    cookies = [
        cookie("identity", "right"),
        cookie("x", "1", "example.com"),
        cookie("y", "2", "notbandcamp.com"),
        cookie("z", "3", "bandcamp.com.evil.example"),
    ]
    assert [c.value for c in session_cookies(cookies, "bandcamp.com")] == ["right"]


def test_of_two_identities_the_later_expiry_wins_in_any_order() -> None:
    early, late = NOW + timedelta(days=1), NOW + timedelta(days=300)
    pair = [cookie("identity", "late", expires=late), cookie("identity", "early", ".BANDCAMP.com", early)]
    for cookies in (pair, pair[::-1]):
        assert [c.value for c in session_cookies(cookies, "bandcamp.com")] == ["late"]


def test_the_base_host_wins_over_bandcamp() -> None:
    cookies = [
        cookie("identity", "stand-in", "127.0.0.1"),
        cookie("identity", "real", expires=NOW + timedelta(days=300)),
        cookie("only", "there"),
    ]
    assert {c.value for c in session_cookies(cookies, "127.0.0.1:8080")} == {"stand-in", "there"}


def test_the_main_domain_wins_over_a_band_s() -> None:
    cookies = [cookie("identity", "main"), cookie("identity", "band", "x.bandcamp.com", NOW + timedelta(days=9))]
    assert [c.value for c in session_cookies(cookies, "bandcamp.com")] == ["main"]
    assert [c.value for c in session_cookies(cookies[1:], "bandcamp.com")] == ["band"]


def test_without_an_identity_the_names_that_are_there_are_told_and_no_value() -> None:
    cookies = [cookie("logout", "SECRET"), cookie("js_logged_in", "1"), cookie("other", "SECRET", "example.com")]
    with pytest.raises(CookiesInvalid) as caught:
        session_cookies(cookies, "bandcamp.com", "cookies.txt")
    text = str(caught.value)
    assert "no identity cookie" in text and "js_logged_in, logout" in text and "cookies.txt" in text
    assert "SECRET" not in text and "other," not in text


def test_with_other_sites_alone_that_is_told() -> None:
    with pytest.raises(CookiesInvalid, match="all of other sites"):
        session_cookies([cookie("identity", "x", "example.com")], "bandcamp.com")


@pytest.mark.parametrize("value", ["", "7\tSECRET\t{}", "a\r\nSECRET: 1", "é", "a;b"])
def test_an_identity_that_cannot_be_sent_is_refused(value: str) -> None:
    with pytest.raises(CookiesInvalid) as caught:
        session_cookies([cookie("identity", value)], "bandcamp.com")
    assert "SECRET" not in str(caught.value)


def test_another_cookie_that_cannot_be_sent_is_left_out() -> None:
    cookies = [cookie("identity", "x"), cookie("bad", "a\r\nInjected: 1"), cookie("na me\n", "1")]
    assert [c.name for c in session_cookies(cookies, "bandcamp.com")] == ["identity"]


# --- using -----------------------------------------------------------------------------------------------------


def test_an_expired_cookie_is_not_sent() -> None:
    cookies = [cookie("identity", "x"), cookie("old", "1", expires=NOW), cookie("new", "2", expires=NOW + timedelta(1))]
    assert cookie_header(cookies, NOW) == "identity=x; new=2"


def test_the_login_s_expiry_is_the_identity_s() -> None:
    cookies = [cookie("a", "1", expires=NOW), cookie("identity", "x", expires=NOW + timedelta(3))]
    assert login_expiry(cookies) == NOW + timedelta(3)
    assert login_expiry([cookie("identity", "x")]) is None
    assert login_expiry([]) is None


@pytest.mark.parametrize(
    ("days", "state"), [(-1, "expired"), (0, "expired"), (1, "about to expire"), (14, "about to expire"), (15, "valid")]
)
def test_an_expiry_is_put_into_words(days: int, state: str) -> None:
    assert expiry_state(NOW + timedelta(days), NOW) == state


def test_no_expiry_is_unknown() -> None:
    assert expiry_state(None, NOW) == "unknown"


def test_no_repr_shows_a_value() -> None:
    assert "SECRET" not in repr(cookie("identity", "SECRET")) + str([cookie("identity", "SECRET")])


@pytest.mark.parametrize("domain", ["bandcamp.com", "127.0.0.1"])
def test_the_copy_for_yt_dlp_is_a_cookies_file_and_reads_back(domain: str, tmp_path: Path) -> None:
    cookies = [cookie("identity", IDENTITY, expires=datetime.fromtimestamp(LATER, UTC)), cookie("session", "1")]
    path = tmp_path / "copy.txt"
    path.write_text(netscape_text(cookies, domain))
    jar = http.cookiejar.MozillaCookieJar(str(path))
    jar.load(ignore_discard=True, ignore_expires=True)
    assert {c.name: c.value for c in jar} == {"identity": IDENTITY, "session": "1"}
    assert [(c.name, c.value, c.expires) for c in read_cookies(path)] == [(c.name, c.value, c.expires) for c in cookies]


# --- reading ---------------------------------------------------------------------------------------------------


def test_a_file_that_an_editor_saved_as_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_bytes(f"{HEADER}\r\n{row()}\r\n".encode("utf-16"))
    assert read_cookies(path)[0].value == IDENTITY


def test_a_missing_file_a_folder_and_a_huge_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CookiesMissing):
        read_cookies(tmp_path / "none.txt")
    with pytest.raises(CookiesInvalid, match="folder"):
        read_cookies(tmp_path)
    huge = tmp_path / "huge.txt"
    huge.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(CookiesInvalid, match="1 MiB"):
        read_cookies(huge)


def test_bytes_that_are_no_text_are_told_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_bytes(b"# one\n# two\n\x80\x81\n")
    with pytest.raises(CookiesInvalid) as caught:
        read_cookies(path)
    assert caught.value.line == 3
