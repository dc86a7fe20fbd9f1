"""What an answer to "give me the file" really is. A status of 200 proves nothing (protocol notes 4.4)."""

import re
from collections.abc import Iterator

import requests
import urllib3

from bandcamp_sync.bandcamp.answers import is_html, is_sure_challenge
from bandcamp_sync.bandcamp.downloads import shown_error
from bandcamp_sync.errors import Challenged, ItemTrouble, LinkStale, Reason, TransferBroken

CHUNK = 1 << 16
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class NotReadyYet(ItemTrouble):
    """Bandcamp is still encoding."""

    def __init__(self) -> None:
        super().__init__(Reason.NOT_READY, "Bandcamp is still preparing the files")


class RangeRefused(Exception):
    """The server does not give that range (any more): what is here does not fit what is there."""


class CutOff(LinkStale):
    """Requested too often: Bandcamp names an hour."""

    def __init__(self) -> None:
        super().__init__("Bandcamp says that this was downloaded too often, and may be tried again in an hour")


class ShownExpired(LinkStale):
    """The page says that the link expired. Once, a new link may mend it; twice, a person must."""

    def __init__(self, settings_link: str) -> None:
        self.settings_link = settings_link
        super().__init__("Bandcamp says that this download expired")


def judge(response: requests.Response, settings_link: str) -> None:
    """Return when the body may be the file. Raises what else it is.

    ItemTrouble (LinkStale, NotReadyYet, TransferBroken, a person is needed), Challenged, RangeRefused.
    """
    status = response.status_code
    if status == 416:
        raise RangeRefused
    if status == 503:
        raise NotReadyYet
    if status >= 500:
        raise TransferBroken(f"the file server answered {status}")
    if status in (404, 410):
        raise LinkStale(f"the file's link answered {status}")
    kind = response.headers.get("Content-Type", "").lower()
    if status == 403 or kind.startswith("text/"):
        _judge_page(_some(response), status, settings_link)
    if status not in (200, 206):
        raise LinkStale(f"the file's link answered {status}")


def _judge_page(text: str, status: int, settings_link: str) -> None:
    if is_sure_challenge(text):
        raise Challenged("file", "a page for browsers came instead of the file")
    error = shown_error(text)
    if error == "expired":
        raise ShownExpired(settings_link)
    if error == "cutoff":
        raise CutOff
    if status == 403:
        raise LinkStale("the file server refuses this file (403)")
    if is_html(text) or not text.strip():
        raise LinkStale("a page came instead of the file")
    raise LinkStale("a text came instead of the file")


def reauthentication(settings_link: str) -> ItemTrouble:
    """The purchase wants its e-mail address confirmed."""
    return ItemTrouble(
        Reason.REAUTH,
        "Bandcamp wants the purchase's e-mail address confirmed: add it to your account (Settings, payment e-mail "
        "addresses) or use the link that Bandcamp mailed, then retry",
        settings_link,
    )


def _some(response: requests.Response) -> str:
    content = b""
    for chunk in response.iter_content(1 << 15):
        content += chunk
        if len(content) >= 1 << 20:
            break
    return content.decode("utf-8", errors="replace")


def served_range(response: requests.Response) -> tuple[int, int | None]:
    """(first byte, size of the whole file or None) of an answer: what was served, not what was asked for."""
    if is_encoded(response):
        # What it counts is not what will come of it.
        if response.status_code == 206:
            raise RangeRefused
        return 0, None
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if response.status_code == 206 and match:
        return int(match[1]), int(match[3])
    if response.status_code == 206:
        raise RangeRefused
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def is_encoded(response: requests.Response) -> bool:
    """Whether the body comes packed (gzip), although that was not asked for."""
    return response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def body(response: requests.Response) -> Iterator[bytes]:
    """The body in pieces. Raises TransferBroken where the connection breaks, stalls or ends early."""
    try:
        # What came is passed on at once: filled pieces would lose the last one where a body ends early.
        while piece := response.raw.read1(CHUNK, decode_content=is_encoded(response)):
            yield piece
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise TransferBroken(_how(error)) from None
    except OSError as error:
        raise TransferBroken(f"the connection broke ({error.strerror or type(error).__name__})") from None


def _how(error: Exception) -> str:
    text = str(error)
    if "timed out" in text.lower():
        return "the connection stalled"
    if "IncompleteRead" in text:
        return "the download ended early"
    return "the connection broke"
