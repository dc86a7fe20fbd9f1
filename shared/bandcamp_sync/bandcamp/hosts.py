"""Which hosts may be asked, and which of them may see the cookies. Pure."""

import re
from urllib.parse import urljoin, urlsplit

from bandcamp_sync.errors import RedirectRefused

#: Where the files and the pictures are.
FILES = "bcbits.com"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
#: Scheme, a host of plain labels or an IPv6 address, a port above 0; then no backslash, space or control character.
_PLAIN = re.compile(
    rf"https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::0*[1-9][0-9]*)?(?:[/?#][^\s\\\x00-\x1f\x7f]*)?"
)


class HostPolicy:
    """Everything must lie under the base URL's host, its subdomains or bcbits.com.

    Plain HTTP is accepted only where the base URL is plain HTTP itself (a stand-in on this machine), and only there
    on the base's own port.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.base_url = base_url
        self.scheme, self.host, self.port = parts.scheme, (parts.hostname or "").lower(), _port(base_url)

    def check(self, url: str) -> str:
        """The URL itself when it may be asked. Raises RedirectRefused, naming the host alone."""
        # Libraries disagree about what is odd in an address; nothing odd is let through for them to disagree about.
        if not _PLAIN.fullmatch(url):
            raise RedirectRefused("an unreadable address") from None
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), _port(url)
        except ValueError:
            raise RedirectRefused("an unreadable address") from None
        if self._is_base(host) and parts.scheme == self.scheme and port == self.port:
            return url
        if _under(host, FILES) and parts.scheme == "https" and port == 443:
            return url
        raise RedirectRefused(f"{parts.scheme}://{host}" if host else "no host")

    def sees_cookies(self, url: str) -> bool:
        """Whether the login may be shown at this URL: at Bandcamp's own hosts, never at the file hosts, never in plain.

        By name: to which address a name leads is not looked at, as a name of Bandcamp's is in Bandcamp's hands, and TLS
        holds whoever answers to it.
        """
        try:
            return self.check(url) == url and self._is_base((urlsplit(url).hostname or "").lower())
        except RedirectRefused:
            return False

    def absolute(self, url: str, referrer: str | None = None) -> str:
        """`url` as an absolute address: relative ones from `referrer`, bare `host/path` ones with a scheme; checked."""
        if url.startswith(("http://", "https://")):
            return self.check(url)
        if url.startswith("//"):
            return self.check(f"{self.scheme}:{url}")
        if url.startswith("/"):
            return self.check(urljoin(referrer or self.base_url, url))
        return self.check(f"{self.scheme}://{url}")

    def _is_base(self, host: str) -> bool:
        return _under(host, self.host)


def _under(host: str, parent: str) -> bool:
    return host == parent or host.endswith("." + parent)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (80 if parts.scheme == "http" else 443)
