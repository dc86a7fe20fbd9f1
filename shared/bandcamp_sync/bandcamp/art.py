"""Small covers from Bandcamp's image host: no login, no cookie, one small request for each."""

from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy

import requests

from bandcamp_sync.bandcamp.answers import is_html
from bandcamp_sync.bandcamp.bodies import retry_after_s
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.sockets import CuttableAdapter
from bandcamp_sync.bandcamp.transport import USER_AGENT
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import RateLimited, Unreachable
from bandcamp_sync.pictures import JPEG, is_whole_jpeg, picture_size

MAX_BYTES = 512 * 1024
#: A small picture has no more pixels than this, however well it is packed.
_MAX_PIXELS = 4_000_000
_TIMEOUT_S, _LONGEST_S = 10.0, 30.0
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3
_LONGEST_WAIT_S = 86400.0


class ArtHost:
    """The host of the pictures. To be used by one thread at a time."""

    def __init__(self, policy: HostPolicy, clock: Clock) -> None:
        self._policy, self._clock = policy, clock
        self._host = "https://f4.bcbits.com" if is_bandcamp(policy) else policy.base_url
        self._session = requests.Session()
        adapter = CuttableAdapter()
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        clock.end_at_stop(adapter)
        self._adapter = adapter  # the clock knows it only as long as somebody holds it
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.auth = lambda request: request  # nor anything from .netrc
        self._session.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "image/jpeg,image/*;q=0.8", "Accept-Encoding": "identity"}
        )

    def address(self, art_id: int) -> str:
        """Where the picture of 210 pixels is (protocol notes 11: suffix `_9`)."""
        return f"{self._host}/img/a{art_id}_9.jpg"

    def small(self, art_id: int) -> bytes | None:
        """The picture of 210 pixels, a JPEG; None when there is none of that number, or what is there is no JPEG.

        Raises RateLimited, RedirectRefused or Unreachable; its `status` is None when nothing was answered.
        """
        url = self.address(art_id)
        try:
            with self._follow(url) as response:
                return self._judge(response, url)
        except requests.RequestException as error:
            raise Unreachable(url, f"no answer, {type(error).__name__}") from error

    def _follow(self, url: str) -> requests.Response:
        for _ in range(_MAX_REDIRECTS):
            response = self._session.get(
                self._policy.check(url), allow_redirects=False, stream=True, timeout=_TIMEOUT_S
            )
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response
            response.close()
            url = self._policy.absolute(target, url)
        raise requests.TooManyRedirects("too many redirects")

    def _judge(self, response: requests.Response, url: str) -> bytes | None:
        status = response.status_code
        if status in (404, 410):
            return None
        if status == 429:
            wait_s = min(retry_after_s(response, self._clock) or 0.0, _LONGEST_WAIT_S)
            raise RateLimited(self._clock.now() + timedelta(seconds=wait_s))
        if status != 200:
            raise Unreachable(url, str(status), status)
        content = self._body(response)
        if is_html(content[:4096].decode("utf-8", errors="replace")):
            # A challenge, or some gateway's page: that is about the line, and not about this picture.
            raise Unreachable(url, "a page came in place of a picture", status)
        size = picture_size(content) if content.startswith(JPEG) and len(content) <= MAX_BYTES else None
        if size is None or size[0] * size[1] > _MAX_PIXELS:
            return None
        if not is_whole_jpeg(content):
            raise Unreachable(url, "a picture that is cut off", status)
        return content

    def _body(self, response: requests.Response) -> bytes:
        """The body, or one byte too much of it."""
        content, until = b"", self._clock.monotonic() + _LONGEST_S
        for piece in response.iter_content(1 << 14):
            content += piece
            if len(content) > MAX_BYTES:
                break
            if self._clock.monotonic() > until:
                raise requests.ReadTimeout("it takes too long")
        return content


def is_bandcamp(policy: HostPolicy) -> bool:
    """Whether this is Bandcamp itself, and not a stand-in on this machine."""
    return policy.host == "bandcamp.com"
