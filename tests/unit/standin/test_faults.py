"""Each fault does what its name says, to the requests that its rule names and to no others."""

import http.client
import io
import time
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from standin import Rule, StandIn, World
from standin.faults import EVERY_FIRST_DOWNLOAD, FAULTS
from unit.standin.conftest import Client, page_data


@pytest.fixture
def url(client: Client) -> str:
    """A file's address."""
    return client.file_url(client.key("album"))


def test_truncation_ends_early_and_a_second_try_gets_the_rest(client: Client, url: str) -> None:
    whole = client.get(url).content
    client.standin.rules.add("truncate", times=1, percent=40)
    announced, start = _until_it_breaks(client, url)
    assert announced == len(whole)
    assert start == whole[: len(whole) * 40 // 100]
    rest = client.get(url, headers={"Range": f"bytes={len(start)}-"})
    assert rest.status_code == 206 and start + rest.content == whole


def test_a_reset_is_a_reset(client: Client, url: str) -> None:
    client.standin.rules.add("reset", bytes=50_000)
    with pytest.raises(requests.exceptions.RequestException, match="reset"):
        _ = client.get(url).content


def test_a_stall_outlasts_the_clients_patience(client: Client, url: str) -> None:
    client.standin.rules.add("stall", percent=30, seconds=30)
    with pytest.raises(requests.exceptions.ConnectionError):
        _ = client.http.get(url, timeout=0.5).content


def test_a_stalled_answer_does_not_hold_up_the_end_and_does_not_go_on() -> None:
    with StandIn(World.build(1)) as standin:
        own = Client(standin, requests.Session())
        own.http.headers["Cookie"] = f"identity={standin.world.identity}"
        url = own.file_url(own.key("album"))
        size = len(own.get(url).content)
        standin.rules.add("stall", percent=10, seconds=100)
        got = own.get(url, stream=True)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    with pytest.raises(requests.exceptions.RequestException):
        assert len(got.content) < size


def test_a_slow_line_takes_its_time(client: Client, url: str) -> None:
    size = len(client.get(url).content)
    client.standin.rules.add("slow", rate=size)
    started = time.monotonic()
    assert len(client.get(url).content) == size
    assert 0.8 < time.monotonic() - started < 3


def test_flipped_bytes_are_found_by_the_archives_checksum_or_not(client: Client, url: str) -> None:
    whole = client.get(url).content
    client.standin.rules.add("flip_byte", times=1, percent=50)
    damaged = client.get(url).content
    assert sum(a != b for a, b in zip(whole, damaged, strict=True)) == 1
    client.standin.rules.add("flip_byte", times=1, where="entry")
    with zipfile.ZipFile(io.BytesIO(client.get(url).content)) as archive:
        assert archive.testzip() is not None
    client.standin.rules.add("flip_byte", times=1, where="audio")
    with zipfile.ZipFile(io.BytesIO(client.get(url).content)) as archive:
        assert archive.testzip() is None, "the archive agrees with itself"
        name = archive.namelist()[0]
        assert archive.read(name) != zipfile.ZipFile(io.BytesIO(whole)).read(name)


@pytest.mark.parametrize("delta", [1000, -1000])
def test_a_wrong_length_is_announced_and_the_line_is_closed(client: Client, url: str, delta: int) -> None:
    size = len(client.get(url).content)
    client.standin.rules.add("wrong_length", delta=delta)
    announced, got = _until_it_breaks(client, url)
    assert announced == size + delta and len(got) == min(size, size + delta)


@pytest.mark.parametrize("mode", ["close", "chunked"])
def test_a_length_can_be_missing(client: Client, url: str, mode: str) -> None:
    whole = client.get(url).content
    client.standin.rules.add("no_length", mode=mode)
    got = client.get(url)
    assert "Content-Length" not in got.headers and got.content == whole


def test_limits_come_with_and_without_a_time_to_wait(client: Client) -> None:
    rules = client.standin.rules
    for wait in (7, "date:90", None):
        rules.add("rate_limit", match={"class": "page"}, times=1, retry_after=wait)
    answers = [client.get("/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[1].headers["Retry-After"].endswith("GMT")
    assert "Retry-After" not in answers[2].headers


def test_a_rule_counts_for_each_purchase_and_skips_what_it_should(client: Client) -> None:
    urls = [client.file_url(client.key(kind)) for kind in ("album", "track")]
    client.standin.rules.add("encoding", times=2, after=1, first_each=True)
    for url in urls:
        assert [client.get(url).status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_rule_for_one_key_leaves_the_others_alone(client: Client) -> None:
    album, track = (client.key(kind) for kind in ("album", "track"))
    client.standin.rules.add("withdrawn", match={"key": album})
    assert client.get(client.file_url(album)).status_code == 403
    assert client.get(client.file_url(track)).status_code == 200


def test_every_first_download_fails_and_every_later_one_does_not(client: Client) -> None:
    client.standin.rules.add("rotate", faults=EVERY_FIRST_DOWNLOAD, times=1, first_each=True)
    keys = [entry.key for entry in client.standin.world.purchases if entry.downloadable][:12]
    urls = [client.file_url(key, "mp3-v0") for key in keys]
    for url in urls:
        _until_it_breaks(client, url)
    met = {entry.fault for entry in client.standin.log.entries(kind="file")}
    assert met == {entry["fault"] for entry in EVERY_FIRST_DOWNLOAD if isinstance(entry, dict)}
    assert all(client.get(url).headers["Content-Type"] != "text/html" for url in urls)


def test_pages_stand_in_for_files(client: Client, url: str) -> None:
    for fault, text in (
        ("error_page", "Something went wrong"),
        ("expired_link", 'class="email-reauth-error" data-bind="visible: expiredError()" style=""'),
        ("cutoff", 'data-bind="visible: cutoffError()" style=""'),
        ("throttle_page", "slow down"),
        ("challenge403", "Varnish cache server"),
    ):
        client.standin.rules.clear()
        client.standin.rules.add(fault, match={"class": "file"})
        answer = client.get(url)
        assert text in answer.text and "Content-Disposition" not in answer.headers
        assert (answer.status_code == 403) == (fault == "challenge403")


def test_a_resumed_file_can_be_another_one_or_come_whole(client: Client, url: str) -> None:
    first = client.get(url)
    part = {"Range": "bytes=1000-"}
    client.standin.rules.add("ignore_range", times=1)
    assert client.get(url).content == first.content
    assert client.get(url, headers=part).status_code == 200
    client.standin.rules.add("changed_file", resume_only=True)
    other = client.get(url, headers={**part, "If-Range": first.headers["ETag"]})
    assert other.status_code == 200 and other.headers["ETag"] != first.headers["ETag"]
    with zipfile.ZipFile(io.BytesIO(other.content)) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("variant", "wanted"),
    [
        ("pending", {"result": "pending"}),
        ("expired", {"result": "err", "errortype": "ExpirationError", "retry_url": ""}),
        ("deleted", {"result": "err", "errortype": "DeletedError"}),
        ("retry_url", {"result": "err", "errortype": "ExpiredFreeDownloadError"}),
        ("ok_without_url", {"result": "ok"}),
    ],
)
def test_the_stat_step_answers_as_told(client: Client, url: str, variant: str, wanted: Any) -> None:
    client.standin.rules.add("stat", variant=variant, times=1)
    stat = url.replace("/download/", "/statdownload/")
    answer = client.get(stat, headers={"Accept": "application/json"}).json()
    assert wanted.items() <= answer.items() and "download_url" not in answer
    assert (variant != "retry_url") or client.get(answer["retry_url"]).content[:2] == b"PK"
    assert "download_url" in client.get(stat, headers={"Accept": "application/json"}).json()


def test_listings_lie_in_every_known_way(client: Client) -> None:
    rules = client.standin.rules
    honest = client.listing(count=5)

    def with_fault(fault: str, **params: Any) -> Any:
        rules.clear()
        rules.add(fault, match={"class": "collection"}, **params)
        return client.listing(count=5)

    assert honest["more_available"] is True
    assert with_fault("false_more")["more_available"] is False
    assert "more_available" not in with_fault("no_more_field")
    assert with_fault("null_redownload")["redownload_urls"] is None
    assert with_fault("logged_out")["redownload_urls"] == {}
    assert with_fault("logged_out", style="401")["error"] is True
    assert "redownload_urls" not in with_fault("rename_field")
    assert with_fault("overshoot", by=2)["last_token"] != honest["last_token"]
    assert with_fault("null_fields", fields=["band_name"])["items"][0]["band_name"] is None
    assert with_fault("drop_fields", fields=["purchased"])["items"][0].get("purchased", "-") == "-"
    assert with_fault("string_ids")["items"][0]["item_id"] == str(honest["items"][0]["item_id"])
    assert len(with_fault("short_page", count=2)["items"]) == 2
    rules.clear()
    rules.add("duplicates", count=2)
    again = client.listing(token=honest["last_token"], count=5)["items"]
    assert [item["token"] for item in again[:2]] == [item["token"] for item in honest["items"][3:]]
    rules.clear()
    rules.add("garbage")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.listing()


def test_a_hasty_second_call_is_told_that_there_is_no_more(client: Client) -> None:
    client.standin.settings.fast_call_ms = 400
    try:
        time.sleep(0.45)
        assert client.listing(count=5)["more_available"] is True
        assert client.listing(count=5)["more_available"] is False
    finally:
        client.standin.settings.fast_call_ms = 0


def test_download_pages_lack_what_they_should(client: Client) -> None:
    key = client.key("album")
    link = client.links()[key]

    def item(fault: str, **params: Any) -> Any:
        client.standin.rules.clear()
        client.standin.rules.add(fault, **params)
        return page_data(client.get(link).text)["digital_items"][0]

    assert "downloads" not in item("no_downloads")
    assert "downloads" not in item("unverified")
    assert "flac" not in item("no_format", format="flac")["downloads"]
    assert item("null_size")["downloads"]["flac"]["size_mb"] is None
    assert item("single_quotes")["sale_id"] == int(key[1:])
    client.standin.rules.clear()
    client.standin.rules.add("redesign")
    assert "pagedata" not in client.get(link).text
    client.standin.rules.clear()
    client.standin.rules.add("redirect_login")
    assert client.get(link).url.endswith("/login?from=fan_page")
    client.standin.rules.clear()
    client.standin.rules.add("not_found")
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"rotate", "popplers", "hang"}))
def test_no_fault_breaks_the_stand_in_itself(client: Client, url: str, fault: str) -> None:
    links = client.links()
    given: dict[str, Any] = {"seconds": 0, "rate": 5_000_000, "to": "http://127.0.0.1:9", "mebibytes": 4}
    client.standin.rules.add(fault, match={"class": "any"}, **given)
    for place in ("/", "/a_listener", links[client.key("album")], url, "/img/a4001001_10.jpg"):
        try:
            client.get(place)
        except requests.exceptions.RequestException:
            assert fault in ("drop", "reset", "truncate", "wrong_length", "redirect", "drip", "endless")
    assert client.get("/_standin/health").json() == {"ok": True}


def test_rules_come_over_the_wire_and_bad_ones_are_refused(client: Client) -> None:
    call = client.standin.url + "/_standin/rules"
    rule = {"match": {"class": "page", "path": "^/$"}, "do": {"fault": "status", "code": 502}, "times": 1}
    assert client.http.post(call, json=rule, timeout=5).json()["ok"] is True
    assert [client.get("/").status_code for _ in range(2)] == [502, 200]
    assert client.get("/_standin/rules").json()[0]["hits"] == 1
    for bad in ({"do": "fly"}, {"do": "status", "match": {"class": "pages"}}, {"do": "status", "when": 1}):
        assert client.http.post(call, json=bad, timeout=5).status_code == 400
        with pytest.raises(ValueError):
            Rule.from_json(bad)
    client.http.post(call + "/clear", timeout=5)
    assert client.get("/_standin/rules").json() == []


def _until_it_breaks(client: Client, url: str) -> tuple[int, bytes]:
    """The announced length and what really came. (requests throws away the end of a broken body.)"""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        line.request("GET", f"{parts.path}?{parts.query}", headers=dict(client.http.headers))
        answer = line.getresponse()
        try:
            data = answer.read()
        except http.client.IncompleteRead as broken:
            data = broken.partial
        except ConnectionError:
            data = b""
        return int(answer.headers["Content-Length"]), data
    finally:
        line.close()
