"""Whoever opens a page in a test is told of everything that a good page does not do."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request

#: Said by the page itself, so that a violation counts also where the console is silent.
_TELL_OF_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_OF_THE_PAGE_ITSELF = ("data", "blob", "about")


@dataclass
class Watch:
    """Errors, dialogs and requests to elsewhere, of every page of a context. `allow` what a test brings about."""

    troubles: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)
    _home: str | None = None

    def over(self, context: BrowserContext) -> None:
        """Look at every page of this context from now on."""
        context.add_init_script(_TELL_OF_VIOLATIONS)
        context.on("page", self._look_at)
        context.on("request", self._left)

    def allow(self, pattern: str) -> None:
        """Trouble that matches this regular expression belongs to the test."""
        self._allowed.append(re.compile(pattern))

    def allow_restart(self) -> None:
        """The server goes away and comes back: its connections break, and the browser says so."""
        self.allow(r"ERR_(CONNECTION|INCOMPLETE|EMPTY|NETWORK|HTTP2|SOCKET)")

    def unexpected(self) -> list[str]:
        """What is left to complain of."""
        return [one for one in self.troubles if not any(pattern.search(one) for pattern in self._allowed)]

    def _look_at(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("dialog", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.troubles.append(f"console {message.type}: {message.text} ({where})")

    def _asked(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog {dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _left(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in _OF_THE_PAGE_ITSELF:
            return
        if self._home is None:
            self._home = parts.netloc
        elif parts.netloc != self._home:
            self.troubles.append(f"request to elsewhere: {request.url}")
