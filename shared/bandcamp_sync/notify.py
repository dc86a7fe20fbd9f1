"""Telling the user, away from the screen, what needs them: each alarm once, through Apprise (NOTIFY_URLS)."""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bandcamp_sync.alarms import raised_alarms
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.library.names import for_terminal
from bandcamp_sync.logs.redact import register_secret
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

if TYPE_CHECKING:
    import apprise

log = logging.getLogger(__name__)

_TITLE = "BandcampSync needs you"
#: What stands in many an address, and is no secret.
_WORDS = frozenset({"webhooks", "services", "messages", "sendMessage"})


def tell_news(settings: Settings, data: DataFolder) -> None:
    """Send the alarms that want a person and were not sent yet. Never raises: a notification is no one's job."""
    if not settings.notify_urls:
        return
    told = _told(data)
    alarms = {str(a["name"]): a for a in raised_alarms(data) if a["needs_person"]}
    # The time since when it stands is what tells one alarm from the next of that name; its words may change.
    news = [alarm for name, alarm in alarms.items() if told.get(name) != alarm["since"]]
    text = "\n".join(for_terminal(str(alarm["sentence"])) for alarm in news)
    sent = news if not news or _send(settings.notify_urls, text) else []
    now_told = {**told, **{str(alarm["name"]): str(alarm["since"]) for alarm in sent}}
    now_told = {name: since for name, since in now_told.items() if name in alarms}
    if now_told != told:
        try:
            atomic.write_json(data.state / "notified.json", now_told)
        except OSError as error:
            log.warning("what was told cannot be remembered: %s", error.strerror)


def _told(data: DataFolder) -> dict[str, str]:
    try:
        value = read_json(data.state / "notified.json")
        return {str(name): str(since) for name, since in value.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _send(addresses: Sequence[str], body: str) -> bool:
    """Whether it reached somebody. Told to one of several is told: to tell all again would tell that one twice."""
    try:
        import apprise
    except ImportError:
        log.warning("NOTIFY_URLS is set, but Apprise is not installed here")
        return False
    _hide_tokens(addresses)
    # Apprise's own log lines quote addresses, and those hold the user's tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    reached = False
    for number, address in enumerate(addresses, start=1):
        problem = _send_one(apprise.Apprise(), address, body)
        if problem is None:
            reached = True
        else:
            log.warning("NOTIFY_URLS, address %d of %d: %s", number, len(addresses), problem)
    return reached


def _send_one(target: "apprise.Apprise", address: str, body: str) -> str | None:
    """Why it could not be sent there, without the address; None when it was sent."""
    try:
        if not target.add([address]):
            return "Apprise knows no such address"
        return None if target.notify(title=_TITLE, body=body) else "the notification was not sent"
    except Exception as error:  # plugins of some hundred services raise what they like
        return f"the notification was not sent ({type(error).__name__})"


def _hide_tokens(addresses: Iterable[str]) -> None:
    """Services put tokens anywhere in an address but in the host's name, and what connects there logs the address."""
    for address in addresses:
        _, _, rest = address.partition("://")
        place, slash, path = rest.partition("/")
        for piece in re.split(r"[/:@?&=,]+", place.rpartition("@")[0] + slash + path):
            if piece not in _WORDS:
                register_secret(unquote(piece))
