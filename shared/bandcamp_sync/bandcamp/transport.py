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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from bandcamp_sync.bandcamp.answers import is_challenge, is_html, is_sure_challenge
from bandcamp_sync.bandcamp.bodies import TooLarge, page_bytes, retry_after_s, within
from bandcamp_sync.bandcamp.browser import Browser, BrowserCookie
from bandcamp_sync.bandcamp.cookies import Cookie
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace, alone
from bandcamp_sync.bandcamp.patience import RequestClass, Why
from bandcamp_sync.bandcamp.sockets import CuttableAdapter
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Challenged, LoggedOut, RateLimited, RedirectRefused, Refused, Unreachable
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.machine import local_cause

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
#: A page that takes longer than so many stall time-outs, drop by drop, never comes.
_PAGE_WITHIN_STALLS = 3.0


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
        self._page_s = _CONNECT_TIMEOUT_S + _PAGE_WITHIN_STALLS * self._stall_s
        self._session = requests.Session()
        self._adapter = CuttableAdapter()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        clock.end_at_stop(self._adapter)
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
            cookies = [_browser_cookie(c, self.policy) for c in self._cookies]
            self._browser = Browser(self.policy, cookies, self._clock)
        return self._browser

    @property
    def user_agent(self) -> str:
        """The name under which requests are made."""
        return str(self._session.headers["User-Agent"])

    def check(self) -> None:
        """Raise `Stopped` when asked to end: what was cut off then says nothing of Bandcamp."""
        self._clock.check()

    def in_time(self) -> AbstractContextManager[None]:
        """Within it, a page has to come in its time. Raises requests.ReadTimeout."""
        return within(self._page_s, self._adapter)

    def wait_turn(self, kind: RequestClass) -> None:
        """Sleep until this request's turn. Who goes first after an outage asks the home page whether it is over.

        Raises RateLimited.
        """
        while (why := self._pace.wait_turn(kind)) is not None and why.is_outage:
            if self._is_back():
                self._pace.answered()

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
            self.wait_turn(kind)
            try:
                with self._owing():
                    answer, retry_after = self._ask(method, url, body, accept)
            except TooLarge:
                raise Unreachable(_path(url), "its answer is far too large") from None
            except requests.RequestException as error:
                problem, status = _problem(error), None
                held = self._unanswered(error, url)
                silences += isinstance(error, requests.Timeout)
                if silences >= _MAX_SILENCES:
                    break
                self._between_tries(attempt, url, problem, held)
                continue
            if answer.status == 429 or (answer.status == 503 and retry_after is not None):
                held = self._told_to_wait(answer.status, retry_after)
                if attempt == _MAX_TRIES:
                    raise held
                continue
            if answer.status >= 500:
                problem, status = str(answer.status), answer.status
                held = self._pace.troubled(_mark(url), Why.BUSY)
                self._between_tries(attempt, url, problem, held)
                continue
            if self._wants_browser(answer, kind) and self._take_browser(method, url, answer):
                self._pace.gave_up()
                continue
            self._pace.answered()
            return answer
        # In an outage no try is lost, as the home page is asked in this one's place: it is this page that is broken.
        raise Unreachable(_path(url), problem, status)

    @contextmanager
    def _owing(self) -> Iterator[None]:
        """A request, whatever becomes of it: the others may be waiting for what it meets."""
        try:
            yield
        except (LoggedOut, RedirectRefused, TooLarge):
            self._pace.answered()
            raise
        except requests.RequestException:
            raise
        except BaseException:
            self._pace.gave_up()
            raise

    def _unanswered(self, error: requests.RequestException, url: str) -> RateLimited | None:
        """Note that nothing answered; the hold that began with it. Raises Stopped, and OSError of this machine's."""
        cause = local_cause(error)
        if self._clock.stopped or cause is not None:
            self._pace.gave_up()
        self._clock.check()
        if cause is not None:
            raise cause from None
        return self._pace.troubled(_mark(url), Why.DOWN)

    def _is_back(self) -> bool:
        """Whether the home page is answered at all."""
        try:
            with self._owing(), self.in_time():
                response = self._follow("GET", self.policy.base_url + "/", {"Accept": HTML}, None)
                response.close()
        except (LoggedOut, RedirectRefused):
            return True
        except requests.RequestException as error:
            self._unanswered(error, self.policy.base_url + "/")
            return False
        if response.status_code == 429:
            self._told_to_wait(429, retry_after_s(response, self._clock))
        elif response.status_code >= 500:
            self._pace.troubled(_mark(self.policy.base_url + "/"), Why.BUSY)
        return response.status_code < 500 and response.status_code != 429

    def _told_to_wait(self, status: int, retry_after: float | None) -> RateLimited:
        held = self._pace.limited(retry_after, Why.LIMITED if status == 429 else Why.BUSY)
        log.warning("Bandcamp asks for patience (%d); everyone waits until %s UTC", status, f"{held.until:%H:%M:%S}")
        return held

    def _between_tries(self, attempt: int, url: str, problem: str, held: RateLimited | None) -> None:
        if held is not None:
            log.warning("no use of %s (%s); %s", _path(url), problem, held)
        elif attempt < _MAX_TRIES:
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
        with self.in_time(), self._follow(method, url, headers, body) as response:
            text = page_bytes(response).decode("utf-8", errors="replace")
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
            if urlsplit(url).path.rstrip("/") == "/login":
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
                self._pace.troubled(_mark(url), Why.REFUSED)
                raise Refused(_path(url))
            if is_sure_challenge(answer.text):
                self._pace.limited(None, Why.CHALLENGED)
                raise Challenged(_path(url), "the browser is challenged too")
            return False
        if _path(url) in self._passed:
            log.info("plain requests are still challenged; the browser makes them from here on")
            self._through_browser = True
            return True
        log.warning("browser challenge at %s (%d); a real browser takes over", _path(url), answer.status)
        self._passed.add(_path(url))
        self._pass_challenge(url if method == "GET" else self.policy.base_url + "/")
        return True

    def clear_challenge(self) -> None:
        """Let the browser pass a challenge that a file's answer showed. Raises Challenged."""
        self._pass_challenge(self.policy.base_url + "/")

    def _pass_challenge(self, url: str) -> None:
        """The browser's turn, one process at a time; what another one was given meanwhile is tried first."""
        with alone(self._clearance, self._clock):
            if _version(self._clearance) != self._known_clearance and self._use_clearance():
                return
            try:
                self._adopt(self.browser.pass_challenge(url))
            except Challenged:
                self._pace.limited(None, Why.CHALLENGED)
                raise

    def _adopt(self, cookies: list[BrowserCookie]) -> None:
        own = {c.name for c in self._cookies}
        given = [c for c in cookies if c.name not in own]
        self._held.update({cookie.name: cookie for cookie in given})
        self._session.headers["User-Agent"] = self.browser.user_agent
        stored = {"user_agent": self.browser.user_agent, "cookies": [asdict(c) for c in given]}
        try:
            atomic.write_json(self._clearance, stored, mode=0o600)
            self._known_clearance = _version(self._clearance)
        except OSError:
            log.debug("the browser's clearance serves this run only: %s cannot be written", self._clearance.name)

    def _use_clearance(self) -> bool:
        """Take what a browser was given earlier, or in another process; whether there was something."""
        self._known_clearance = _version(self._clearance)
        try:
            own, stored = {c.name for c in self._cookies}, read_json(self._clearance)
            for entry in stored["cookies"]:
                cookie = BrowserCookie(**entry)
                if cookie.name not in own:
                    self._held[cookie.name] = cookie
            self._session.headers["User-Agent"] = str(stored["user_agent"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True

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
        url = self.policy.absolute(url)  # who takes a turn must ask, or the others wait for what it meets
        self.wait_turn(RequestClass.FILE)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if byte_range is not None:
            headers["Range"] = f"bytes={byte_range}"
            if if_range:
                headers["If-Range"] = if_range
        with self.opened(url, headers) as response:
            yield response

    @contextmanager
    def opened(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """An open GET whose turn it is; what it shows of Bandcamp's patience is noted. Raises as `stream` does."""
        url = self.policy.absolute(url)
        try:
            with self._owing(), self.in_time():
                response = self._follow("GET", url, headers, None)
        except requests.RequestException as error:
            self._unanswered(error, url)
            raise
        try:
            status = response.status_code
            if status == 429:
                raise self._told_to_wait(status, retry_after_s(response, self._clock))
            if status >= 500:
                # A 503 with Retry-After, too, speaks of this file alone: it is still being made (protocol notes 4).
                self._pace.troubled(_mark(url), Why.BUSY)
            else:
                self._pace.answered()
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


def _mark(url: str) -> str:
    """What tells one thing that is asked for from another, also after its link was renewed; nothing can be read of it.

    A listing is one thing, whichever part of it.
    """
    parts = urlsplit(url)
    named = [value for name, value in parse_qsl(parts.query) if name in ("sitem_id", "id", "payment_id")]
    return sha256("\n".join([parts.path, *named]).encode("utf-8", "replace")).hexdigest()[:12]


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


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
