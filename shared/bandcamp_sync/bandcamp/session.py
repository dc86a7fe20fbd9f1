"""The login: from the cookies file to an open client, and what is known of the session, published in `state/`."""

import logging
import re
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.cookies import (
    Cookie,
    ExpiryState,
    expiry_state,
    login_expiry,
    read_cookies,
    session_cookies,
)
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace
from bandcamp_sync.bandcamp.patience import HOLD_BASE_S
from bandcamp_sync.bandcamp.transport import Transport
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.errors import (
    BandcampTrouble,
    CookiesExpired,
    CookiesInvalid,
    CookiesMissing,
    FolderTrouble,
    LoggedOut,
    ShapeChanged,
    Unreachable,
)
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import NotAFile, read_bytes, read_json
from bandcamp_sync.logs.redact import register_secret
from bandcamp_sync.paths import DataFolder, data_folder
from bandcamp_sync.settings import Settings

log = logging.getLogger(__name__)


def load_cookies(settings: Settings, now: datetime) -> list[Cookie]:
    """The login cookies; warns when others can read them.

    Raises CookiesMissing, CookiesInvalid, CookiesExpired, FolderTrouble.
    """
    path = settings.cookies_file.expanduser().absolute()
    try:
        everything = read_cookies(path)
    except FileNotFoundError:
        raise CookiesMissing(path) from None
    except IsADirectoryError:
        raise CookiesInvalid(path, "this is a folder, not a file") from None
    except OSError as error:
        raise FolderTrouble(path, error.strerror or str(error)) from error
    if (sentence := exposure(path)) is not None and (path, sentence) not in _warned:
        _warned.add((path, sentence))
        log.warning("%s", sentence)
    host = HostPolicy(settings.base_url).host
    try:
        cookies = session_cookies(everything, host, str(path))
    except CookiesInvalid as error:
        raise CookiesInvalid(path, error.problem, error.line) from None
    for cookie in cookies:
        register_secret(cookie.value)
    expires = login_expiry(cookies)
    if expires is not None and expires <= now:
        raise CookiesExpired(path, expires)
    return cookies


#: A session is opened again and again; each process says it once.
_warned: set[tuple[Path, str]] = set()


def exposure(path: Path) -> str | None:
    """How other users of this machine can get at the cookies, and the command that ends it; None when they cannot."""
    others_read, others_write = stat.S_IRGRP | stat.S_IROTH, stat.S_IWGRP | stat.S_IWOTH
    try:
        if path.stat().st_mode & (others_read | others_write):
            return f"{path} can be read by other users of this machine; run: chmod 600 {shlex.quote(str(path))}"
        folder = path.parent
        if folder.stat().st_mode & stat.S_IWOTH and not folder.stat().st_mode & stat.S_ISVTX:
            return f"any user of this machine can replace {path}; run: chmod 700 {shlex.quote(str(folder))}"
    except OSError:
        return None
    return None


def hold_base_s(settings: Settings) -> float:
    """The first wait after a 429 that names none: ten seconds, less where the user wants retries sooner."""
    return min(HOLD_BASE_S, max(0.1, settings.retry_base.total_seconds()))


def open_session(settings: Settings, clock: Clock) -> Bandcamp:
    """A client with the user's login; asks nothing yet. Raises what `load_cookies` raises."""
    data = data_folder(settings)
    cookies = load_cookies(settings, clock.now())
    pace = Pace(data.patience, settings.request_interval, clock, hold_base_s(settings))
    policy = HostPolicy(settings.base_url)
    return Bandcamp(Transport(policy, cookies, pace, clock, settings.stall_timeout, data.clearance))


# --- fan id ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FoundFan:
    """The fan, and which way found it: `API`, `page`, `browser`, `config/fan_id.txt` or `BANDCAMP_FAN_ID`.

    `said`: whose session it is in Bandcamp's own words; None where only what the user wrote is known.
    """

    fan: Fan
    way: str
    said: Fan | None = None


def find_fan(bandcamp: Bandcamp, settings: Settings, data: DataFolder) -> FoundFan:
    """Whose session it is: by API, by page, by a real browser, in that order.

    An id that the user wrote by hand (setting or file) wins over the one that is found. Raises LoggedOut when Bandcamp
    says that nobody is logged in, else the last way's error.
    """
    by_hand = _by_hand(settings, data)
    try:
        found = _discover(bandcamp, settings.username)
    except BandcampTrouble as error:
        if by_hand is None or not _answers_oddly(error):
            raise
        log.warning("the fan id cannot be found by itself; going on with the one from %s", by_hand.way)
        return by_hand
    if by_hand is None:
        fan = found.fan
        return FoundFan(Fan(fan.fan_id, fan.username or settings.username, fan.owned), found.way, fan)
    if by_hand.fan.fan_id != found.fan.fan_id:
        log.warning("%s says fan %d, the session is fan %d's", by_hand.way, by_hand.fan.fan_id, found.fan.fan_id)
    username = by_hand.fan.username or found.fan.username
    return FoundFan(Fan(by_hand.fan.fan_id, username, found.fan.owned), by_hand.way, found.fan)


def _discover(bandcamp: Bandcamp, username: str | None) -> FoundFan:
    ways: tuple[tuple[str, Callable[[], Fan]], ...] = (
        ("API", bandcamp.summary),
        ("page", lambda: bandcamp.fan_of_page(username)),
        ("browser", bandcamp.fan_of_browser),
    )
    first: BandcampTrouble | None = None
    for way, ask in ways:
        try:
            return FoundFan(ask(), way)
        except LoggedOut as error:
            # The API's word alone is not taken for it: one redesign looked just like a logout.
            if way == "API" and _page_says_logged_in(bandcamp, username):
                continue
            raise error
        except BandcampTrouble as error:
            if not _answers_oddly(error):
                raise
            log.warning("fan id by %s: %s", way, error)
            first = first or error
    assert first is not None
    raise first


def _answers_oddly(error: BandcampTrouble) -> bool:
    """Whether Bandcamp answers, but not to this question; then another way may work."""
    return isinstance(error, ShapeChanged) or (isinstance(error, Unreachable) and error.status is not None)


def _page_says_logged_in(bandcamp: Bandcamp, username: str | None) -> bool:
    try:
        bandcamp.fan_of_page(username)
    except (LoggedOut, ShapeChanged):
        return False
    return True


def _by_hand(settings: Settings, data: DataFolder) -> FoundFan | None:
    if settings.fan_id is not None:
        return FoundFan(Fan(settings.fan_id, settings.username), "BANDCAMP_FAN_ID")
    try:
        text = read_bytes(data.fan_id).decode(errors="replace")
    except OSError:
        return None
    lines = [line.strip() for line in text.replace("\ufeff", "").splitlines()]
    if any(line == _FOUND_MARK for line in lines):
        return None  # we wrote it; what the session says now is newer
    words = " ".join(line for line in lines if not line.startswith("#")).split()
    number = next((word for word in words if re.fullmatch(r"\d{1,20}", word)), None)
    if number is None:
        log.warning("%s holds no fan id (a whole number); it is not used", data.fan_id)
        return None
    name = next((word for word in words if not word.isdigit()), settings.username)
    return FoundFan(Fan(int(number), name), "config/fan_id.txt")


_FOUND_MARK = "# found by bandcampsync; remove this line to make it yours"


def remember_fan(data: DataFolder, found: FoundFan) -> None:
    """Write `config/fan_id.txt`, unless a person did. A folder that cannot be written is no trouble."""
    if found.way in ("config/fan_id.txt", "BANDCAMP_FAN_ID"):
        return
    text = f"{_FOUND_MARK}\n{found.fan.fan_id}\n" + (f"{found.fan.username}\n" if found.fan.username else "")
    try:
        before = _fan_file(data)
        if before != text.encode():
            atomic.write_text(data.fan_id, text)
    except OSError as error:
        log.debug("%s is not written: %s", data.fan_id, error.strerror)


def _fan_file(data: DataFolder) -> bytes | None:
    """What `config/fan_id.txt` holds, None where there is nothing; what a person wrote in vain is put aside."""
    try:
        before = read_bytes(data.fan_id)
    except FileNotFoundError:
        return None
    except NotAFile as error:
        quarantine(data.fan_id, datetime.now(UTC), str(error.strerror))
        return None
    if before.strip() and _FOUND_MARK.encode() not in before:
        quarantine(data.fan_id, datetime.now(UTC), "it holds no fan id (a whole number)")
        return None
    return before


# --- what is known of the session -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SessionState:
    """What `state/session.json` says. `expires`, `checked_at`: RFC 3339 or None. `problem`: one line for the user."""

    logged_in: bool
    fan_id: int | None = None
    username: str | None = None
    expires: str | None = None
    checked_at: str | None = None
    problem: str | None = None

    @property
    def ends(self) -> datetime | None:
        """When the login ends by its own account, in UTC; None when that is not known."""
        try:
            return datetime.fromisoformat(str(self.expires)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def expiry(self, now: datetime) -> ExpiryState:
        """In words for people how long the login lasts."""
        return expiry_state(self.ends, now)


def read_session(path: Path) -> SessionState:
    """The session as it was found last; logged out when nothing is known."""
    try:
        value = read_json(path)
        return SessionState(**{k: value.get(k) for k in SessionState.__dataclass_fields__ if k in value})
    except (OSError, ValueError, TypeError, AttributeError):
        return SessionState(logged_in=False, problem="not checked yet")


def publish_session(
    data: DataFolder, now: datetime, fan: Fan | None, expires: datetime | None, problem: str | None
) -> SessionState:
    """Write what is known now."""
    state = SessionState(
        logged_in=fan is not None,
        fan_id=fan.fan_id if fan else None,
        username=fan.username if fan else None,
        expires=rfc3339(expires) if expires else None,
        checked_at=rfc3339(now),
        problem=problem,
    )
    atomic.write_json(data.session, state.__dict__)
    return state
