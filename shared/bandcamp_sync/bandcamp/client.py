"""Bandcamp, as the stages see it: fan, listings, download page, stat, files. Each call is one subject."""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from bandcamp_sync.bandcamp import answers, downloads, fans, listings, stats
from bandcamp_sync.bandcamp.bodies import page_bytes
from bandcamp_sync.bandcamp.patience import RequestClass
from bandcamp_sync.bandcamp.transport import HTML, JSON, Answer, Transport
from bandcamp_sync.errors import BandcampSyncError, ItemTrouble, LoggedOut, Reason, ShapeChanged, Stopped, Unreachable

log = logging.getLogger(__name__)
T = TypeVar("T")

#: A picture of 1200 pixels has some hundred kilobytes.
_MOST_OF_COVER = 32 << 20
LISTINGS = {"collection": "collection_items", "hidden": "hidden_items"}


class Bandcamp:
    """One login at Bandcamp. `last_answer` is the body that was read last, for a sample when it has changed shape."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.last_answer = ""

    @property
    def base(self) -> str:
        """The base URL."""
        return self.transport.policy.base_url

    def close(self) -> None:
        """Close connections and the browser."""
        self.transport.close()

    # --- who is logged in -----------------------------------------------------------------------------------------

    def summary(self) -> fans.Fan:
        """The fan by the API, with everything that is owned. Raises LoggedOut, ShapeChanged, BandcampTrouble."""

        def ask() -> fans.Fan:
            answer = self._get(f"{self.base}/api/fan/2/collection_summary", RequestClass.COLLECTION, JSON)
            return fans.parse_summary(self._logged_in(answer, "collection_summary"))

        return _asked_again(ask)

    def fan_of_page(self, username: str | None = None) -> fans.Fan:
        """The fan by the home page, or by the profile page of `username` where that does not say."""
        try:
            return fans.parse_identity(self._get(f"{self.base}/", RequestClass.PAGE, HTML).text, "home page")
        except ShapeChanged:
            if username is None:
                raise
            html = self._get(f"{self.base}/{quote(username)}", RequestClass.PAGE, HTML).text
            return fans.parse_identity(html, "profile page")

    def fan_of_browser(self) -> fans.Fan:
        """The fan by a real browser on the home page, after its scripts ran."""
        browser = self.transport.browser
        html = browser.visit(f"{self.base}/")
        self.last_answer = html
        fan_id = answers.as_int(browser.evaluate("window.FanData && window.FanData.fan_id"))
        if fan_id is not None:
            return fans.Fan(fan_id, answers.as_text(browser.evaluate("window.FanData.username")))
        return fans.parse_identity(html, "home page (in the browser)")

    # --- listings -------------------------------------------------------------------------------------------------

    def counts(self, username: str) -> fans.Counts:
        """How many purchases the fan's own profile page counts; unknown where the page does not say."""
        answer = self._get(f"{self.base}/{quote(username)}", RequestClass.PAGE, HTML)
        return fans.parse_profile_counts(answer.text)

    def listing(self, name: str, fan_id: int, token: str, count: int) -> listings.ListingPage:
        """One page of `collection` or `hidden`, older than `token`. Raises LoggedOut, ShapeChanged, BandcampTrouble."""
        return _asked_again(lambda: self._listing(name, fan_id, token, count))

    def _listing(self, name: str, fan_id: int, token: str, count: int) -> listings.ListingPage:
        url = f"{self.base}/api/fancollection/1/{LISTINGS[name]}"
        answer = self.transport.post(
            url, RequestClass.COLLECTION, {"fan_id": fan_id, "older_than_token": token, "count": count}
        )
        self.last_answer = answer.text
        if name == "hidden" and (answer.status == 404 or '"bad version"' in answer.text[:200]):
            log.warning("Bandcamp has no list of hidden purchases any more; going on without it")
            return listings.ListingPage((), None, False, absent=True)
        return listings.parse_listing(self._logged_in(answer, LISTINGS[name]), hidden=name == "hidden")

    # --- from purchase to file ------------------------------------------------------------------------------------

    def download_page(self, redownload_url: str) -> downloads.DownloadPage:
        """The page of a purchase. Raises ItemTrouble (gone), LoggedOut, ShapeChanged, BandcampTrouble."""

        def ask() -> downloads.DownloadPage:
            answer = self._get(redownload_url, RequestClass.PAGE, HTML)
            if answer.status in (404, 410):
                raise ItemTrouble(Reason.GONE, "its download page is gone (refunded, removed or expired)")
            return downloads.parse_download_page(answer.text)

        return _asked_again(ask)

    def stat(self, url: str) -> stats.Stat | None:
        """Ask whether the file behind a `/download/` URL is ready; None when the answer is not a stat answer."""
        try:
            answer = self._get(stat_url(url, random.random()), RequestClass.STAT, JSON)
        except Unreachable as error:
            if error.status is None:
                raise
            return None  # the step is optional: the file itself may well be there
        return stats.parse_stat(answer.text) if answer.status == 200 else None

    @contextmanager
    def open_file(
        self, url: str, byte_range: str | None = None, if_range: str | None = None
    ) -> Iterator[requests.Response]:
        """An open GET of a file. Raises requests' errors and RateLimited; status and content are the caller's."""
        with self.transport.stream(url, byte_range, if_range) as response:
            yield response

    def cover(self, art_id: str) -> bytes | None:
        """A release's cover (1200 px JPEG); None when there is none to be had: a cover is a bonus. Raises Stopped."""
        host = "https://f4.bcbits.com" if self.transport.policy.host == "bandcamp.com" else self.base
        try:
            with (
                self.transport.stream(f"{host}/img/a{art_id}_10.jpg", None, None) as response,
                self.transport.in_time(),
            ):
                content = page_bytes(response, _MOST_OF_COVER)
        except Stopped:
            raise
        except (requests.RequestException, BandcampSyncError, OSError) as error:
            self.transport.check()
            log.info("no cover a%s (%s)", art_id, type(error).__name__)
            return None
        whole = content[:3] == b"\xff\xd8\xff" and b"\xff\xd9" in content[-64:]
        return content if response.status_code == 200 and whole else None

    def _get(self, url: str, kind: RequestClass, accept: str) -> Answer:
        answer = self.transport.get(url, kind, accept)
        self.last_answer = answer.text
        return answer

    @staticmethod
    def _logged_in(answer: Answer, where: str) -> str:
        if answer.status in (401, 403):
            raise LoggedOut(f"{where} answers {answer.status}")
        if answer.status != 200:
            raise ShapeChanged(f"{where} answer", f"an answer ({answer.status} came)")
        if answers.is_html(answer.text):
            raise ShapeChanged(f"{where} answer", "JSON (a page came instead)")
        return answer.text


def _asked_again(ask: Callable[[], T]) -> T:
    """What `ask` returns. An answer that cannot be read is asked for once more: most often it was cut or garbled."""
    try:
        return ask()
    except ShapeChanged as error:
        log.info("%s has not the shape that is known; asking once more", error.where)
        return ask()


def stat_url(url: str, random_part: float) -> str:
    """The stat URL of a `/download/` URL."""
    parts = urlsplit(url)
    path = parts.path.replace("/download/", "/statdownload/", 1)
    return urlunsplit(parts._replace(path=path, query=f"{parts.query}&.vrs=1&.rand={int(random_part * 10**13)}"))
