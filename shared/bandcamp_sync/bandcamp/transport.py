"""HTTP to Bandcamp: every request is paced, limited to Bandcamp's hosts, classified, and retried politely.

Plain HTTP with `requests` first. Where Bandcamp answers with a browser challenge, a real browser passes it; what it was
given then serves the plain client. Where that is refused too, the browser goes on making the requests of this run.
"""

import json
import logging
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import Cookie as HttpCookie
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.cookies import create_cookie

from bandcamp_sync.bandcamp.answers import is_challenge, is_html, is_sure_challenge
from bandcamp_sync.bandcamp.browser import Browser, BrowserCookie
from bandcamp_sync.bandcamp.cookies import Cookie
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace, RequestClass
from bandcamp_sync.bandcamp.sockets import CuttableAdapter
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Challenged, LoggedOut, RateLimited, Refused, Unreachable
from bandcamp_sync.files import atomic

log = logging.getLogger(__name__)

#: Without a browser-like name Bandcamp challenges at once (protocol notes 5.2).
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
JSON = "application/json, text/javascript, */*; q=0.01"
_CONNECT_TIMEOUT_S = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_MAX_TRIES = 5
#: A server that says nothing at all for the whole stall time-out is not asked five times.
_MAX_SILENCES = 2
_MAX_PAGE_BYTES = 64 << 20


@dataclass(frozen=True)
class Answer:
    """An answer's status, its body as text, and the address it came from in the end."""

    status: int
    text: str
    url: str


class Transport:
    """One HTTP session with one login. Belongs to one thread."""

    def __init__(
        self,
        policy: HostPolicy,
        cookies: Sequence[Cookie],
        pace: Pace,
        clock: Clock,
        stall_timeout: timedelta,
        clearance: Path,
    ) -> None:
        self.policy, self._cookies, self._pace, self._clock = policy, list(cookies), pace, clock
        self._stall_s, self._clearance = stall_timeout.total_seconds(), clearance
        self._session = requests.Session()
        self._adapter = CuttableAdapter()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        clock.cut_at_stop(self._adapter)
        # Which host sees which cookie is decided here, by the host policy, and not by what an answer sets.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._held: dict[str, BrowserCookie] = {}
        self._session.auth = _no_auth  # .netrc knows nothing of Bandcamp, and would add a header of its own
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Language": "en-US,en;q=0.9"})
        self._browser: Browser | None = None
        self._through_browser = False
        self._passed: set[str] = set()
        self.requests_made = 0
        for cookie in cookies:
            self._held[cookie.name] = _browser_cookie(cookie, policy)
        self._use_clearance()

    def close(self) -> None:
        """Close connections and the browser."""
        self._session.close()
        if self._browser is not None:
            self._browser.close()
            self._browser = None

    @property
    def browser(self) -> Browser:
        """The browser of this session, started at its first use."""
        if self._browser is None:
            self._browser = Browser(self.policy, [_browser_cookie(c, self.policy) for c in self._cookies])
        return self._browser

    @property
    def user_agent(self) -> str:
        """The name under which requests are made."""
        return str(self._session.headers["User-Agent"])

    @property
    def interval_s(self) -> float:
        """The spacing of page requests, for tools that make their own."""
        return self._pace.interval_s

    def session_cookies(self) -> list[HttpCookie]:
        """The cookies as they are now, for tools that make their own requests."""
        return [_http_cookie(cookie) for cookie in self._held.values()]

    def wait_turn(self, kind: RequestClass) -> None:
        """Take a turn at the gate, for tools that make their own requests."""
        self._pace.wait_turn(kind)

    def screenshot(self, path: Path) -> bool:
        """A picture of what the browser shows, where one was used."""
        return self._browser is not None and self._browser.screenshot(path)

    # --- pages and answers ----------------------------------------------------------------------------------------

    def get(self, url: str, kind: RequestClass, accept: str = HTML) -> Answer:
        """GET a page or an answer. See `_fetch` for what is raised."""
        return self._fetch("GET", self.policy.absolute(url), kind, None, accept)

    def post(self, url: str, kind: RequestClass, body: dict[str, Any]) -> Answer:
        """POST JSON. See `_fetch` for what is raised."""
        return self._fetch("POST", self.policy.absolute(url), kind, json.dumps(body), JSON)

    def _fetch(self, method: str, url: str, kind: RequestClass, body: str | None, accept: str) -> Answer:
        """An answer with status 200, 401, 403 (JSON) or 404.

        Raises RateLimited, Challenged, Refused, LoggedOut (sent to a login page), Unreachable, RedirectRefused.
        """
        problem, status, silences = "no answer", None, 0
        for attempt in range(1, _MAX_TRIES + 1):
            self._pace.wait_turn(kind)
            try:
                answer, retry_after = self._ask(method, url, body, accept)
            except requests.RequestException as error:
                self._clock.check()
                problem, status = _problem(error), None
                silences += isinstance(error, requests.Timeout)
                if silences >= _MAX_SILENCES:
                    break
                self._between_tries(attempt, url, problem)
                continue
            if answer.status == 429:
                until = self._pace.limited(retry_after)
                log.warning("Bandcamp asks for patience (429); everyone waits until %s UTC", f"{until:%H:%M:%S}")
                if attempt == _MAX_TRIES:
                    raise RateLimited(until)
                continue
            if answer.status >= 500:
                problem, status = str(answer.status), answer.status
                self._between_tries(attempt, url, problem)
                continue
            if self._wants_browser(answer, kind) and self._take_browser(method, url, answer):
                continue
            self._pace.answered()
            return answer
        raise Unreachable(_path(url), problem, status)

    def _between_tries(self, attempt: int, url: str, problem: str) -> None:
        if attempt < _MAX_TRIES:
            wait_s = min(0.5 * 2 ** (attempt - 1), 8.0) * random.uniform(0.8, 1.2)
            log.info("no use of %s (%s); asking again in %.1f s", _path(url), problem, wait_s)
            self._clock.sleep(wait_s)

    def _ask(self, method: str, url: str, body: str | None, accept: str) -> tuple[Answer, float | None]:
        if self._through_browser:
            self.requests_made += 1
            seen = self.browser.request(method, url, body, accept)
            return Answer(seen.status, seen.text, self.policy.check(seen.url)), None
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = self._follow(method, url, headers, body)
        with response:
            text = _text(response)
            return Answer(response.status_code, text, response.url), retry_after_s(response, self._clock)

    def _follow(self, method: str, url: str, headers: dict[str, str], body: str | None) -> requests.Response:
        """One request with its redirects, each of them checked before it is asked."""
        for _ in range(_MAX_REDIRECTS):
            self.requests_made += 1
            response = self._session.request(
                method,
                url,
                data=body.encode() if body is not None else None,
                headers={**headers, **self._cookie_header(url)},
                allow_redirects=False,
                stream=True,
                timeout=(_CONNECT_TIMEOUT_S, self._stall_s),
            )
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response
            response.close()
            url = self.policy.absolute(target, url)
            if "/login" in _path(url):
                raise LoggedOut("sent to the login page")
            method, body = ("GET", None) if response.status_code in (301, 302, 303) else (method, body)
        raise requests.TooManyRedirects("too many redirects")

    # --- challenges -----------------------------------------------------------------------------------------------

    def _wants_browser(self, answer: Answer, kind: RequestClass) -> bool:
        if answer.status == 403:
            # A refusal of the API is JSON; the shield's is a page, or nothing.
            return not answer.text.lstrip().startswith("{")
        page_for_json = kind is RequestClass.COLLECTION and answer.status == 200 and is_html(answer.text)
        return is_challenge(answer.text) or page_for_json

    def _take_browser(self, method: str, url: str, answer: Answer) -> bool:
        """Let the browser pass what came, or make the requests itself; True: ask again. Raises Refused, Challenged.

        False when the browser gets the same and it is no challenge for sure: then the answer is what Bandcamp shows.
        """
        if self._through_browser:
            if answer.status == 403:
                raise Refused(_path(url))
            if is_sure_challenge(answer.text):
                raise Challenged(_path(url), "the browser is challenged too")
            return False
        if _path(url) in self._passed:
            log.info("plain requests are still challenged; the browser makes them from here on")
            self._through_browser = True
            return True
        log.warning("browser challenge at %s (%d); a real browser takes over", _path(url), answer.status)
        self._passed.add(_path(url))
        self._adopt(self.browser.pass_challenge(url if method == "GET" else self.policy.base_url + "/"))
        return True

    def clear_challenge(self) -> None:
        """Let the browser pass a challenge that a file's answer showed. Raises Challenged."""
        self._adopt(self.browser.pass_challenge(self.policy.base_url + "/"))

    def _adopt(self, cookies: list[BrowserCookie]) -> None:
        own = {c.name for c in self._cookies}
        given = [c for c in cookies if c.name not in own]
        self._held.update({cookie.name: cookie for cookie in given})
        self._session.headers["User-Agent"] = self.browser.user_agent
        stored = {"user_agent": self.browser.user_agent, "cookies": [asdict(c) for c in given]}
        try:
            atomic.write_json(self._clearance, stored, mode=0o600)
        except OSError:
            log.debug("the browser's clearance serves this run only: %s cannot be written", self._clearance.name)

    def _use_clearance(self) -> None:
        try:
            stored = json.loads(self._clearance.read_bytes())
            for entry in stored["cookies"]:
                cookie = BrowserCookie(**entry)
                self._held.setdefault(cookie.name, cookie)
            self._session.headers["User-Agent"] = str(stored["user_agent"])
        except (OSError, ValueError, KeyError, TypeError):
            return

    def _cookie_header(self, url: str) -> dict[str, str]:
        """The login and what a browser was given, for Bandcamp's own hosts; nothing for any other."""
        if not self.policy.sees_cookies(url):
            return {}
        now, host = time.time(), (urlsplit(url).hostname or "").lower()
        sent = [
            f"{cookie.name}={cookie.value}"
            for cookie in self._held.values()
            if (cookie.expires is None or cookie.expires > now) and _is_for(cookie, host)
        ]
        return {"Cookie": "; ".join(sent)} if sent else {}

    # --- files ----------------------------------------------------------------------------------------------------

    @contextmanager
    def stream(self, url: str, byte_range: str | None, if_range: str | None) -> Iterator[requests.Response]:
        """An open GET of a file; the caller judges status and content. Raises requests' errors and RateLimited."""
        self._pace.wait_turn(RequestClass.FILE)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if byte_range is not None:
            headers["Range"] = f"bytes={byte_range}"
            if if_range:
                headers["If-Range"] = if_range
        response = self._follow("GET", self.policy.absolute(url), headers, None)
        try:
            if response.status_code == 429:
                until = self._pace.limited(retry_after_s(response, self._clock))
                log.warning("Bandcamp asks for patience (429); everyone waits until %s UTC", f"{until:%H:%M:%S}")
                raise RateLimited(until)
            yield response
        finally:
            response.close()


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _browser_cookie(cookie: Cookie, policy: HostPolicy) -> BrowserCookie:
    # The login is the user's own for the base URL that the user set, whatever site the file says it is of.
    domain = cookie.domain.lstrip(".")
    if domain != policy.host and not domain.endswith("." + policy.host):
        domain = policy.host
    if re.search(r"[a-z]$", domain) and "." in domain:
        domain = f".{domain}"  # its subdomains too, which an address does not have
    expires = cookie.expires.timestamp() if cookie.expires else None
    return BrowserCookie(
        cookie.name,
        cookie.value,
        domain,
        cookie.path or "/",
        expires,
        cookie.secure and policy.scheme == "https",
    )


def _is_for(cookie: BrowserCookie, host: str) -> bool:
    domain = cookie.domain.lstrip(".").lower()
    return host == domain or host.endswith("." + domain)


def _http_cookie(cookie: BrowserCookie) -> HttpCookie:
    made: HttpCookie = create_cookie(  # type: ignore[no-untyped-call]
        cookie.name,
        cookie.value,
        domain=cookie.domain,
        path=cookie.path,
        secure=cookie.secure,
        expires=None if cookie.expires is None else int(cookie.expires),
        discard=cookie.expires is None,
    )
    return made


def _text(response: requests.Response) -> str:
    content = b""
    for chunk in response.iter_content(1 << 16):
        content += chunk
        if len(content) > _MAX_PAGE_BYTES:
            raise requests.RequestException("the answer is far too large")
    return content.decode("utf-8", errors="replace")


def retry_after_s(response: requests.Response, clock: Clock) -> float | None:
    """`Retry-After` in seconds (from now), whether it came as seconds or as a date; None without one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - clock.now()).total_seconds()) if value else None
    except (ValueError, TypeError):
        return None


def _path(url: str) -> str:
    # Never the query: it is where the secrets are.
    return url.partition("?")[0]


def _problem(error: requests.RequestException) -> str:
    # requests' own messages quote whole addresses.
    if isinstance(error, requests.Timeout):
        return "time-out"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failure"
    if isinstance(error, requests.TooManyRedirects):
        return "too many redirects"
    return "connection failed"
