"""A real browser (Playwright's Chromium), for what Bandcamp shows to nothing else.

Started only when it is needed, closed with the run. It gets the same cookies as the HTTP client and hands back what it
was given. A browser belongs to the thread that made it.
"""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bandcamp_sync.bandcamp.answers import is_challenge, is_sure_challenge
from bandcamp_sync.bandcamp.hosts import FILES, HostPolicy
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Challenged, RedirectRefused
from bandcamp_sync.logs.redact import redact

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import BrowserContext, Page, Response, Route

log = logging.getLogger(__name__)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Whose scripts a challenge may need beside Bandcamp's own.
_CHALLENGE_HOST = "challenges.cloudflare.com"
_PASS_WITHIN_S = 30.0
_DOUBT_WITHIN_S = 8.0


@dataclass(frozen=True)
class BrowserCookie:
    """A cookie on its way into or out of the browser. `expires`: seconds since 1970, None for a session's."""

    name: str
    value: str
    domain: str
    path: str
    expires: float | None
    secure: bool


@dataclass(frozen=True)
class BrowserAnswer:
    """What the browser got for a request of ours."""

    status: int
    text: str
    url: str


def find_chromium(playwright_path: str | None) -> str | None:
    """Playwright's own Chromium where it was downloaded, else the system's; None when there is none."""
    if playwright_path and Path(playwright_path).exists():
        return playwright_path
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """One browser with one context. Use as a context manager, or call `close()`.

    When the clock is stopped, whatever waits for a page is cut off, and raises Stopped.
    """

    def __init__(self, policy: HostPolicy, cookies: Iterable[BrowserCookie], clock: Clock) -> None:
        self._policy, self._cookies, self._clock = policy, list(cookies), clock
        self._process: int | None = None
        self._ending = threading.Lock()
        self._playwright: Any = None
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self.user_agent = ""

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the browser; safe to call twice."""
        self._forget_process()
        if self._playwright is not None:
            try:
                if self._context is not None and self._context.browser is not None:
                    self._context.browser.close()
            except _playwright_errors() as error:
                log.debug("the browser had ended already (%s)", _first_line(error))
            finally:
                self._playwright.stop()
                self._playwright = self._context = self._page = None

    def end(self) -> None:
        """End the browser's process, from any thread; its pages' own thread hears of it at once. Idempotent.

        Nothing gentler will do: Playwright's objects belong to one thread, and that one waits in them.
        """
        with self._ending:
            if self._process is not None:
                with suppress(OSError):
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def pass_challenge(self, url: str) -> list[BrowserCookie]:
        """Open `url` and wait until the challenge is over; returns the browser's cookies for Bandcamp's hosts.

        Raises Challenged when there is no browser or it does not get through; Stopped.
        """
        page = self._open()
        try:
            page.goto(url, wait_until="domcontentloaded", timeout=_PASS_WITHIN_S * 1000)
            started, reloaded = time.monotonic(), False
            while is_challenge(content := _content(page)):
                self._clock.check()
                waited = time.monotonic() - started
                if waited > _PASS_WITHIN_S:
                    raise Challenged("browser", "the browser did not get past it within 30 s")
                if waited > _DOUBT_WITHIN_S and not is_sure_challenge(content):
                    break  # a small page that only looked like one; what it is, the reader of it will say
                if waited > _DOUBT_WITHIN_S and not reloaded:
                    reloaded = True  # one of the challenge's own requests may have been lost
                    page.reload(wait_until="domcontentloaded", timeout=_PASS_WITHIN_S * 1000)
                page.wait_for_timeout(250)
            return self.cookies()
        except _playwright_errors() as error:
            raise self._failed(error) from None

    def cookies(self) -> list[BrowserCookie]:
        """What the browser holds for Bandcamp's own hosts."""
        if self._context is None:
            return []
        found = []
        for c in self._context.cookies():
            expires = float(c.get("expires", -1))
            kept = None if expires < 0 else expires
            found.append(
                BrowserCookie(c["name"], c["value"], c["domain"], c.get("path", "/"), kept, bool(c.get("secure")))
            )
        return found

    def request(self, method: str, url: str, body: str | None, accept: str) -> BrowserAnswer:
        """Make a request with the browser's own network stack. Raises Challenged when even that is challenged."""
        for _ in range(3):
            answer = self._request_once(method, url, body, accept)
            if not is_sure_challenge(answer.text):
                return answer
            self.pass_challenge(url if method == "GET" else self._policy.base_url + "/")
        raise Challenged("browser", "the browser is challenged again and again")

    def screenshot(self, path: Path) -> bool:
        """A picture of what the browser shows; False when it shows nothing."""
        if self._page is None:
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._page.screenshot(path=str(path))
        except _playwright_errors():
            return False
        return True

    def visit(self, url: str) -> str:
        """The page's content after its scripts ran."""
        self.pass_challenge(url)
        try:
            return _content(self._open())
        except _playwright_errors() as error:
            raise self._failed(error) from None

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value on the page that is open."""
        try:
            return self._open().evaluate(expression)
        except _playwright_errors():
            self._clock.check()
            return None

    # --- inside ---------------------------------------------------------------------------------------------------

    def _request_once(self, method: str, url: str, body: str | None, accept: str) -> BrowserAnswer:
        page = self._open()
        try:
            if method == "GET":
                response = page.goto(url, wait_until="domcontentloaded", timeout=60_000)
                if response is None:
                    raise Challenged("browser", "no answer")
                self._policy.check(page.url)
                return BrowserAnswer(response.status, _body(response, page), page.url)
            if not page.url.startswith(self._policy.base_url):
                self.pass_challenge(self._policy.base_url + "/")
            value = page.evaluate(
                """async ([method, url, body, accept]) => {
                    const headers = {"Accept": accept, "Content-Type": "application/json"};
                    const r = await fetch(url, {method, body, headers, credentials: "include"});
                    return {status: r.status, text: await r.text(), url: r.url};
                }""",
                [method, url, body, accept],
            )
            return BrowserAnswer(int(value["status"]), str(value["text"]), str(value["url"]))
        except _playwright_errors() as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> Challenged:
        """What an error of Playwright's means. Raises Stopped when it was `end` that cut it off."""
        self._clock.check()
        return Challenged("browser", _first_line(error))

    def _let_through(self, route: "Route") -> None:
        """What a page loads must be of Bandcamp's hosts, by the same scheme and at the same port as all else."""
        url = route.request.url
        try:
            if not url.startswith((f"https://{_CHALLENGE_HOST}/", "data:", "blob:", "about:")):
                self._policy.check(url)
        except RedirectRefused as error:
            log.debug("the browser's page wants something of %s: refused", error.host)
            route.abort()
        else:
            route.continue_()

    def _open(self) -> "Page":
        if self._page is None:
            self._start()
        assert self._page is not None
        return self._page

    def _start(self) -> None:
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError:
            raise Challenged("browser", "Playwright is not installed here") from None
        self._clock.check()
        self._playwright = sync_playwright().start()
        try:
            path = find_chromium(self._playwright.chromium.executable_path)
            if path is None:
                raise Challenged("browser", "no Chromium is installed here (`make setup` installs one)")
            log.info("starting a browser")
            browser = self._playwright.chromium.launch(
                executable_path=path, headless=True, args=[*_QUIET, resolver_rules(self._policy)]
            )
            self._process = _process_of(browser)
            self._clock.end_at_stop(self)
            probe = browser.new_page()
            # A headless browser says so in its name; everything else of it is the real thing.
            self.user_agent = str(probe.evaluate("navigator.userAgent")).replace("Headless", "")
            probe.close()
            self._context = browser.new_context(user_agent=self.user_agent)
            self._context.add_cookies([_for_playwright(c) for c in self._cookies])  # type: ignore[misc]
            self._context.route("**/*", self._let_through)
            # No page of Bandcamp's needs one, and the cookies of a host go to each of its ports.
            self._context.route_web_socket("**/*", lambda one: one.close())
            self._page = self._context.new_page()
        except Error as error:
            self.close()
            self._clock.check()
            raise Challenged("browser", f"the browser does not start: {_first_line(error)}") from None
        except BaseException:
            self.close()
            raise

    def _forget_process(self) -> None:
        with self._ending:
            if self._process is not None:
                os.close(self._process)
                self._process = None


def _process_of(browser: "Chromium") -> int | None:
    """A file descriptor that stands for the browser's process, as its number may be another's later; None where
    that cannot be had: a stop waits for the page then.
    """
    no_such: tuple[type[Exception], ...] = (OSError, AttributeError, KeyError, TypeError, StopIteration)
    try:
        found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        return os.pidfd_open(next(one["id"] for one in found if one["type"] == "browser"))
    except no_such + _playwright_errors() as error:
        log.debug("the browser cannot be ended from outside (%s)", type(error).__name__)
        return None


def resolver_rules(policy: HostPolicy) -> str:
    """The argument that keeps a browser from every other host, also where a redirect or a socket leads there. Pure."""
    own = (policy.host, f"*.{policy.host}", FILES, f"*.{FILES}", _CHALLENGE_HOST)
    return "--host-resolver-rules=" + ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in own)])


def _for_playwright(cookie: BrowserCookie) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": cookie.name,
        "value": cookie.value,
        "domain": cookie.domain,
        "path": cookie.path,
    }
    value |= {"secure": cookie.secure, "expires": cookie.expires if cookie.expires is not None else -1}
    return value


def _body(response: "Response", page: "Page") -> str:
    try:
        return response.text()
    except _playwright_errors():
        # The challenge's script navigates away while we read: what the page shows now is what counts.
        return _content(page)


def _content(page: "Page") -> str:
    for _ in range(20):
        try:
            return page.content()
        except _playwright_errors():
            page.wait_for_timeout(100)
    return ""


def _playwright_errors() -> tuple[type[Exception], ...]:
    try:
        from playwright.sync_api import Error
    except ImportError:
        return ()
    return (Error,)


def _first_line(error: Exception) -> str:
    # Playwright's messages carry call logs with whole addresses.
    return redact(str(error).splitlines()[0] if str(error) else type(error).__name__)[:200]
