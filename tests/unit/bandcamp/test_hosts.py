from urllib.parse import urlsplit

import pytest
import requests
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.errors import RedirectRefused
from hypothesis import example, given
from hypothesis import strategies as st

BANDCAMP = HostPolicy("https://bandcamp.com")
STANDIN = HostPolicy("http://127.0.0.1:8080")

ALLOWED = [
    "https://bandcamp.com",
    "https://bandcamp.com/download?from=collection&sig=0123",
    "https://BANDCAMP.com/",
    "https://bandcamp.com:443/x",
    "https://losfaros.bandcamp.com/album/night-ferry",
    "https://popplers5.bandcamp.com/download/album?enc=flac",
    "https://p4.bcbits.com/download/album/0f1e/flac/1?token=1",
    "https://bcbits.com/",
]
REFUSED = [
    "https://evil.example/",
    "https://evil-bandcamp.com/",
    "https://evilbandcamp.com/",
    "https://bandcamp.com.evil.example/",
    "https://bandcamp.com@evil.example/",
    "https://bandcamp.com:pw@evil.example/",
    "https://someone@bandcamp.com/",
    "https://someone:pw@p4.bcbits.com/",
    "https://evil.example\\@bandcamp.com/",
    "https://evil.example#@bandcamp.com/",
    "https://evil.example?.bandcamp.com/",
    "https://evil.example/.bandcamp.com/",
    "http://bandcamp.com/",
    "http://p4.bcbits.com/",
    "https://bandcamp.com:8443/",
    "https://bandcamp.com:80/",
    "https://p4.bcbits.com:8443/",
    "https://bandcamp.com:99999/",
    "https://bandcamp.com:x/",
    "https://evil-bcbits.com/",
    "https://bcbits.com.evil.example/",
    "https://localhost/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::1].bandcamp.com/",
    "https://[bandcamp.com]/",
    "https://169.254.169.254/latest/meta-data",
    "https://b\u0430ndcamp.com/",
    "https://bandcamp.com\uff0fevil.example/",
    "https://evil.example\uff0f.bandcamp.com/",
    "https://bandcamp\u3002com/",
    "https://bandcamp.com./",
    "https:///bandcamp.com/",
    "https://",
    "",
    "file:///etc/passwd",
    "ftp://bandcamp.com/",
    "javascript:alert(1)",
    "bandcamp.com",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_bandcamps_own_hosts_and_its_file_hosts_may_be_asked(url: str) -> None:
    assert BANDCAMP.check(url) == url


@pytest.mark.parametrize("url", REFUSED)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(RedirectRefused):
        BANDCAMP.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?sig=SECRET#SECRET",
        "https://u:SECRET@evil.example/SECRET",
        "https://bandcamp.com:SECRET/",
        "http://bandcamp.com/download?sig=SECRET",
    ],
)
def test_a_refusal_names_the_host_alone(url: str) -> None:
    with pytest.raises(RedirectRefused) as caught:
        BANDCAMP.check(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# --- what requests would really ask ---------------------------------------------------------------------------------


def asked_host(url: str) -> str | None:
    """The host that requests connects to; None when it refuses the address itself."""
    try:
        prepared = requests.Request("GET", url).prepare().url
    except (requests.RequestException, ValueError):
        return None
    return (urlsplit(str(prepared)).hostname or "").lower()


def is_bandcamps(host: str) -> bool:
    return any(host == own or host.endswith(f".{own}") for own in ("bandcamp.com", "bcbits.com"))


def allowed_host(url: str) -> str | None:
    try:
        return asked_host(BANDCAMP.check(url))
    except RedirectRefused:
        return None


PIECES = st.sampled_from(
    [
        "bandcamp.com",
        "evil.example",
        ".",
        "@",
        ":",
        "/",
        "#",
        "?",
        "[",
        "]",
        "::1",
        "443",
        "%2f",
        "%40",
        "\t",
        " ",
        "é",
        "．",
        "。",
        "＠",
        "127.0.0.1",
        "p4.bcbits.com",
        "//",
        "localhost",
    ]
)


@given(st.lists(PIECES, max_size=8).map(lambda pieces: "https://" + "".join(pieces)))
@example("https://bandcamp.com@evil.example/")
@example("https://evil.example@bandcamp.com/")
def test_what_may_be_asked_leads_to_bandcamp_and_nowhere_else(url: str) -> None:
    host = allowed_host(url)
    assert host is None or is_bandcamps(host)


@pytest.mark.parametrize("url", ["https://evil.example\\.bandcamp.com/", "https://evil.example\\.bcbits.com/x"])
def test_a_backslash_does_not_lead_elsewhere(url: str) -> None:
    host = allowed_host(url)
    assert host is None or is_bandcamps(host)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\t.bandcamp.com/",
        "https://a b.bandcamp.com/",
        "https://a%2f.bandcamp.com/",
        "https://.bandcamp.com/",
        "https://a..bandcamp.com/",
        "https://bandcamp.com:0/",
        "https://:pw@bandcamp.com/",
    ],
)
def test_an_address_that_is_no_plain_host_and_port_is_refused(url: str) -> None:
    with pytest.raises(RedirectRefused):
        BANDCAMP.check(url)


# --- a stand-in on this machine -------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "https://p4.bcbits.com/x"])
def test_a_base_with_plain_http_allows_its_own_port_and_bandcamps_file_hosts(url: str) -> None:
    assert STANDIN.check(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8081/",
        "https://127.0.0.1:8080/",
        "http://p4.bcbits.com/",
        "http://localhost:8080/",
        "https://bandcamp.com/",
        "http://10.0.0.1:8080/",
    ],
)
def test_a_base_with_plain_http_allows_no_other_port_scheme_or_host(url: str) -> None:
    with pytest.raises(RedirectRefused):
        STANDIN.check(url)


def test_a_base_may_be_an_ipv6_address() -> None:
    policy = HostPolicy("http://[::1]:8080")
    assert policy.check("http://[::1]:8080/x") == "http://[::1]:8080/x"
    with pytest.raises(RedirectRefused):
        policy.check("http://[::2]:8080/x")


# --- cookies and relative addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://bandcamp.com/x", True),
        ("https://popplers5.bandcamp.com/download/album", True),
        ("https://p4.bcbits.com/download/album", False),
        ("https://bcbits.com/", False),
        ("https://evil.example/", False),
        ("https://bandcamp.com.evil.example/", False),
        ("https://bandcamp.com@evil.example/", False),
        ("https://evil-bandcamp.com/", False),
    ],
)
def test_the_login_is_for_bandcamps_own_hosts_and_never_for_its_file_hosts(url: str, shown: bool) -> None:
    assert BANDCAMP.sees_cookies(url) is shown


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        (
            "popplers5.bandcamp.com/statdownload/album?enc=flac",
            "https://popplers5.bandcamp.com/statdownload/album?enc=flac",
        ),
        ("//p4.bcbits.com/x", "https://p4.bcbits.com/x"),
        ("/login?from=x", "https://a.bandcamp.com/login?from=x"),
        ("https://bandcamp.com/x", "https://bandcamp.com/x"),
    ],
)
def test_an_address_without_a_scheme_or_a_host_gets_them(url: str, absolute: str) -> None:
    assert BANDCAMP.absolute(url, "https://a.bandcamp.com/album/x") == absolute


def test_a_relative_address_without_a_referrer_is_of_the_base() -> None:
    assert BANDCAMP.absolute("/x") == "https://bandcamp.com/x"


@pytest.mark.parametrize("url", ["//evil.example/x", "evil.example/x", "///evil.example", "HTTP://bandcamp.com/", ""])
def test_a_relative_address_is_checked_as_well(url: str) -> None:
    with pytest.raises(RedirectRefused):
        BANDCAMP.absolute(url, "https://bandcamp.com/")


@given(st.text(max_size=40))
def test_any_text_is_an_address_of_bandcamp_or_refused(text: str) -> None:
    try:
        BANDCAMP.absolute(text)
    except RedirectRefused:
        return
