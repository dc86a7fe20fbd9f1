"""How much of an answer is taken, and for how long it is waited for; whatever a server sends, it comes to an end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import requests

from bandcamp_sync.bandcamp.sockets import CuttableAdapter
from bandcamp_sync.clock import Clock

#: Of a page, unpacked: the longest that was ever seen, a profile with thousands of purchases, has some megabytes.
MAX_PAGE_BYTES = 64 << 20
#: `Retry-After` says no more than that.
_LONGEST_WAIT_S = 86400.0 * 7


class TooLarge(requests.RequestException):
    """An answer is longer than any can be."""


@contextmanager
def within(seconds: float, adapter: CuttableAdapter) -> Iterator[None]:
    """Cut the adapter's connections when the block takes longer: raises requests.ReadTimeout then.

    A time-out for silence is none for a server that sends a byte now and then, be it of a header.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        adapter.cut()

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (requests.RequestException, OSError):
        if over.is_set():
            raise requests.ReadTimeout(f"not done within {seconds:g} s") from None
        raise
    finally:
        timer.cancel()
    if over.is_set():
        raise requests.ReadTimeout(f"not done within {seconds:g} s")


def page_bytes(response: requests.Response, most: int = MAX_PAGE_BYTES) -> bytes:
    """The whole body. Raises requests.RequestException: TooLarge when it has more than `most` bytes, unpacked."""
    content = bytearray()
    for chunk in response.iter_content(1 << 16):
        content += chunk
        if len(content) > most:
            raise TooLarge("the answer is far too large")
    return bytes(content)


def retry_after_s(response: requests.Response, clock: Clock) -> float | None:
    """`Retry-After` in seconds (from now), whether it came as seconds or as a date; None without one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:20]), _LONGEST_WAIT_S)
    try:
        return max(0.0, (parsedate_to_datetime(value) - clock.now()).total_seconds()) if value else None
    except (ValueError, TypeError, OverflowError):
        return None
