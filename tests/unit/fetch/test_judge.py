import io
from typing import Any

import pytest
import requests
from bandcamp_sync.errors import BandcampSyncError, Challenged, LinkStale, Reason, TransferBroken
from bandcamp_sync.fetch.judge import (
    CHUNK,
    CutOff,
    NotReadyYet,
    RangeRefused,
    ShownExpired,
    body,
    judge,
    reauthentication,
    served_range,
)
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import page, response
from urllib3 import HTTPResponse

SETTINGS = "https://bandcamp.com/settings"
CHALLENGE = b"<!DOCTYPE html><html><head><title>Client Challenge</title></head><body><script></script></body></html>"
EXPIRED = b'<html><div class="email-reauth-error" data-bind="visible: expiredError()" style="">Expired.</div></html>'
CUT_OFF = b'<html><div data-bind="visible: cutoffError()" style="">in one hour</div></html>'


@pytest.mark.parametrize("kind", ["application/zip", "audio/flac", "application/octet-stream", "application/ogg", ""])
@pytest.mark.parametrize("status", [200, 206])
def test_what_is_no_text_may_be_the_file_and_is_left_unread(status: int, kind: str) -> None:
    answer = response(b"PK\x03\x04", status, Content_Type=kind)
    judge(answer, SETTINGS)
    assert answer.raw.tell() == 0


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (CHALLENGE, Challenged),
        (EXPIRED, ShownExpired),
        (CUT_OFF, CutOff),
        (page({"digital_items": []}).encode(), LinkStale),
        (b"", LinkStale),
        (b"slow down", LinkStale),
        (b"\xff\xfe\x00", LinkStale),
    ],
)
def test_a_page_in_place_of_the_file_is_told_for_what_it_is(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        judge(response(content, 200, Content_Type="text/html; charset=utf-8"), SETTINGS)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (416, RangeRefused),
        (503, NotReadyYet),
        (500, TransferBroken),
        (502, TransferBroken),
        (404, LinkStale),
        (410, LinkStale),
        (403, LinkStale),
        (401, LinkStale),
        (302, LinkStale),
        (204, LinkStale),
    ],
)
def test_a_status_is_told_for_what_it_means(status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        judge(response(b"", status), SETTINGS)
    assert type(caught.value) is error


def test_a_challenge_with_403_is_a_challenge() -> None:
    with pytest.raises(Challenged):
        judge(response(CHALLENGE, 403, Content_Type="text/html"), SETTINGS)


@given(st.integers(100, 599), st.sampled_from(["text/html", "text/plain", "application/zip"]), st.binary(max_size=80))
def test_any_answer_is_the_file_or_an_error_of_ours(status: int, kind: str, content: bytes) -> None:
    try:
        judge(response(content, status, Content_Type=kind), SETTINGS)
    except (BandcampSyncError, RangeRefused):
        return
    assert status in (200, 206) and kind == "application/zip"


def test_a_page_without_end_is_not_read_to_its_end() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += size
            return b"x" * size

    answer = response(status=200, Content_Type="text/html")
    endless: Any = Endless()
    answer.raw = endless
    with pytest.raises(LinkStale):
        judge(answer, SETTINGS)
    assert endless.read_bytes <= 2 << 20


def test_what_needs_a_person_leads_to_the_page_that_mends_it() -> None:
    trouble = reauthentication(SETTINGS)
    assert (trouble.reason, trouble.link) == (Reason.REAUTH, SETTINGS)


# --- ranges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "served"),
    [
        (200, {"Content_Length": "82837504"}, (0, 82837504)),
        (200, {}, (0, None)),
        (200, {"Content_Length": "x"}, (0, None)),
        (200, {"Content_Length": "5", "Content_Range": "bytes 5-9/10"}, (0, 5)),
        (206, {"Content_Range": "bytes 100-199/200", "Content_Length": "100"}, (100, 200)),
    ],
)
def test_what_was_served_counts_and_not_what_was_asked_for(
    status: int, headers: dict[str, str], served: tuple[int, int | None]
) -> None:
    assert served_range(response(b"", status, **headers)) == served


@pytest.mark.parametrize("value", ["", "bytes */200", "bytes 5-9/*", "items 1-2/3", "bytes 5-9"])
def test_a_partial_answer_that_does_not_say_what_it_is_is_not_taken(value: str) -> None:
    with pytest.raises(RangeRefused):
        served_range(response(b"", 206, Content_Range=value))


# --- the body -------------------------------------------------------------------------------------------------------


def streaming(content: bytes, announced: int) -> requests.Response:
    """An answer as it comes from the network, with a length that is checked."""
    answer = requests.Response()
    answer.status_code = 200
    answer.raw = HTTPResponse(
        io.BytesIO(content),
        headers={"Content-Length": str(announced)},
        preload_content=False,
        enforce_content_length=True,
    )
    return answer


def test_a_body_comes_in_pieces_and_whole() -> None:
    content = bytes(200_000)
    parts = list(body(streaming(content, len(content))))
    assert b"".join(parts) == content and len(parts) > 1


def test_a_body_that_ends_early_is_a_broken_transfer_and_what_came_before_is_kept() -> None:
    got = b""
    with pytest.raises(TransferBroken, match="ended early"):
        for part in body(streaming(b"x" * 100_000, 200_000)):
            got += part
    assert len(got) > 100_000 - CHUNK
