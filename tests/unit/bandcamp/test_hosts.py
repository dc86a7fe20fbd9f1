from urllib.parse import urlsplit

import pytest
import requests
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.errors import RedirectRefused
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

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


# --- three readings of one address ----------------------------------------------------------------------------------

HOSTILE_HOSTS = [
    "localhost",
    "localhost.localdomain",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",
    "0",
    "169.254.169.254",
    "[::1]",
    "[::]",
    "[::ffff:7f00:1]",
    "[fe80::1%25eth0]",
    "bandcamp.com@localhost",
    "bandcamp.com:443@127.0.0.1",
    "bandcamp.com%40localhost",
    "bandcamp.com%2elocalhost",
    "localhost%23.bandcamp.com",
    "localhost\\.bandcamp.com",
    "localhost\\@bandcamp.com",
    "bandcamp.com.",
    "bandcamp.com..",
    "bandcamp。com",
    "bandcamp．com",
    "bаndcamp.com",
    "xn--bndcamp-2fg.com",
    "bandcamp.com\u200b",
    "ｂandcamp.com",
    "bandcamp.com\x00.evil.example",
    "bandcamp.com\r\nHost: evil.example",
    "evil.example\tbandcamp.com",
    "bandcamp.com;evil.example",
    "bandcamp.com,evil.example",
    "evil.example bandcamp.com",
]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
@pytest.mark.parametrize(
    "form", ["https://{}/x", "http://{}/x", "https://{}:443/x", "//{}/x", "\\\\{}/x", "{}/x", "/\\{}/x"]
)
def test_this_machine_and_lookalikes_are_refused_in_every_form(form: str, host: str) -> None:
    try:
        found = BANDCAMP.absolute(form.format(host), "https://bandcamp.com/")
    except RedirectRefused:
        return
    # Below a slash it is a path of the base, and no host at all.
    assert is_bandcamps(str(asked_host(found)))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://bandcamp.com/etc/passwd",
        "ftp://bandcamp.com/",
        "javascript:alert(1)//bandcamp.com",
        "data:text/html,bandcamp.com",
        "gopher://bandcamp.com/",
        "unix:///run/x",
        "http+unix://bandcamp.com/",
        "view-source:https://bandcamp.com/",
        "hTTps://bandcamp.com/",
        " https://bandcamp.com/",
        "https:bandcamp.com",
        "https:/bandcamp.com",
        "https:\\\\bandcamp.com",
    ],
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(RedirectRefused):
        BANDCAMP.absolute(url)


def connected_to(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of the connection that requests' adapter would take from its pool."""
    prepared = requests.Request("GET", url).prepare()
    host, _ = requests.adapters.HTTPAdapter().build_connection_pool_key_attributes(prepared, verify=True)
    port = host["port"] or (443 if host["scheme"] == "https" else 80)
    return str(host["scheme"]), str(host["host"]).strip("[]").lower(), int(port)


SOUP = st.lists(
    st.sampled_from(
        [
            *HOSTILE_HOSTS,
            "bandcamp.com",
            "popplers5.",
            "p4.bcbits.com",
            *"@:/\\#?.[]%;&=~_-",
            "443",
            "80",
            "//",
            "é",
            "%00",
        ]
    ),
    max_size=7,
).map("".join)


@given(st.sampled_from(["https://", "http://", "//", "/", ""]), SOUP | st.text(max_size=30))
@example("https://", "bandcamp.com:0443/x")
@example("https://", "a_b.bandcamp.com/%2f%2fevil.example")
def test_what_is_let_through_is_read_alike_by_the_policy_urllib3_and_requests(start: str, rest: str) -> None:
    try:
        url = BANDCAMP.absolute(start + rest, "https://bandcamp.com/album/x")
    except RedirectRefused:
        return
    split, parsed = urlsplit(url), parse_url(url)
    host = (split.hostname or "").lower()
    assert (parsed.scheme, (parsed.host or "").lower(), parsed.port or 443) == ("https", host, 443)
    assert parsed.auth is None and is_bandcamps(host)
    assert connected_to(url) == ("https", host, 443)


@pytest.mark.parametrize(
    "url",
    [
        "http://bandcamp.com/",
        "https://bandcamp.com:8443/",
        "http://a.bandcamp.com/",
        "https://x@bandcamp.com/",
        "nothing",
    ],
)
def test_the_login_is_never_shown_in_plain_or_at_another_port(url: str) -> None:
    assert not BANDCAMP.sees_cookies(url)


def test_a_name_of_bandcamps_is_judged_by_name_wherever_it_leads() -> None:
    # Who can make it lead to this machine has no certificate for it; so the address behind it is not looked at.
    assert BANDCAMP.check("https://localhost.bandcamp.com/") == "https://localhost.bandcamp.com/"
