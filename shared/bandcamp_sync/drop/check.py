"""What becomes of cookies that were handed over: are they a login, whose is it, may it take the present one's place?

Everything here is done with the candidate alone; the cookies in use, and what is known of them, stay as they are until
`accept`.
"""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bandcamp_sync import alarms, control
from bandcamp_sync.actions import By, asking
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.cookies import (
    IDENTITY,
    Cookie,
    bandcamp_cookies,
    cookies_in,
    login_expiry,
    netscape_text,
    session_cookies,
)
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.bandcamp.pace import Pace
from bandcamp_sync.bandcamp.session import FoundFan, find_fan, hold_base_s, publish_session, remember_fan
from bandcamp_sync.bandcamp.transport import Transport
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.control import Verb
from bandcamp_sync.errors import FolderTrouble, HandedRefused
from bandcamp_sync.files import atomic
from bandcamp_sync.logs.redact import register_secret
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

log = logging.getLogger(__name__)

#: How it is named in what the user reads.
_SOURCE = "what you handed over"
#: A hold of Bandcamp's that is longer is told, and not slept through.
_PATIENCE_S = 3.0
#: The identity's value alone, as developer tools copy it; and as they copy it decoded, which cannot be sent.
_BARE = re.compile(rb"\d{1,3}%09[!-:<-~]{8,4000}")
_DECODED = re.compile(rb"\d{1,3}\t[!-~]{8,4000}\t\{")


@dataclass(frozen=True)
class Login:
    """A login that works. `expires`: UTC, None where the cookies do not say."""

    cookies: Sequence[Cookie]
    expires: datetime | None
    found: FoundFan


def read_login(given: bytes, settings: Settings, now: datetime) -> list[Cookie]:
    """Bandcamp's cookies in what was given, in any of the forms that people have. Asks nobody.

    Raises HandedRefused or CookiesInvalid; neither tells a word of what was given.
    """
    host = HostPolicy(settings.base_url).host
    every = _every_cookie(given)
    own = bandcamp_cookies(every, host)
    for cookie in own:
        register_secret(cookie.value)
    if not any(cookie.name == IDENTITY for cookie in own):
        # Not by the names that are there, as other errors do: of what was pasted, a name may be half a secret.
        raise HandedRefused(_no_identity(len(every), len(own)))
    cookies = session_cookies(every, host, _SOURCE)
    expires = login_expiry(cookies)
    if expires is not None and expires <= now:
        raise HandedRefused(
            f"this login expired on {expires:%Y-%m-%d}: log in to Bandcamp again, and export the cookies after that"
        )
    return cookies


def _every_cookie(given: bytes) -> list[Cookie]:
    text = given.strip()
    if _BARE.fullmatch(text):
        return [Cookie("", "/", IDENTITY, text.decode(), None, True, True)]
    if _DECODED.match(text):
        raise HandedRefused(
            "this is the identity cookie's value, but decoded: copy it as it is (in the developer tools, without "
            "“Show URL-decoded”)"
        )
    return cookies_in(given, _SOURCE)


def _no_identity(every: int, own: int) -> str:
    if not own:
        cookies = "1 cookie" if every == 1 else f"{every} cookies"
        return f"there is no cookie of Bandcamp's in it ({cookies} of other sites): export those of bandcamp.com"
    cookies = "1 cookie" if own == 1 else f"{own} cookies"
    return (
        f"there is no identity cookie in it, which is the login ({cookies} of Bandcamp's without it): log in at "
        "bandcamp.com in that browser first, and export after that"
    )


def find_login(cookies: Sequence[Cookie], settings: Settings, data: DataFolder, clock: Clock) -> Login:
    """Ask Bandcamp whose session these cookies are, at the pace that all share.

    Raises LoggedOut, BandcampTrouble, Stopped.
    """
    pace = Pace(data.patience, settings.request_interval, clock, hold_base_s(settings), _PATIENCE_S)
    transport = Transport(HostPolicy(settings.base_url), cookies, pace, clock, settings.stall_timeout, data.clearance)
    bandcamp = Bandcamp(transport)
    try:
        return Login(cookies, login_expiry(cookies), find_fan(bandcamp, settings, data))
    finally:
        bandcamp.close()


def check_account(login: Login, settings: Settings, data: DataFolder, now: datetime, switch: bool) -> None:
    """Whether the login is of the account whose purchases are kept here. Raises HandedRefused, FolderTrouble."""
    fan, said = login.found.fan, login.found.said
    if said is not None and said.fan_id != fan.fan_id:
        raise HandedRefused(
            f"{login.found.way} names fan {fan.fan_id}, and these are the cookies of {_who(said.fan_id, said.username)}"
            f": hand over those of fan {fan.fan_id}, or change {login.found.way}"
        )
    capture = read_capture(data.collection, now)
    if capture is None or capture.fan_id == fan.fan_id or switch:
        return
    raise HandedRefused(
        f"these are the cookies of {_who(fan.fan_id, fan.username)}; the {len(capture.items)} purchases here are those "
        f"of {_who(capture.fan_id, capture.username)}. With them, the collection would become "
        f"{fan.username or 'the other account'}'s; music that is there already stays",
        can_switch=True,
    )


def _who(fan_id: int, username: str | None) -> str:
    return f"{username} (fan {fan_id})" if username else f"fan {fan_id}"


def accept(login: Login, settings: Settings, data: DataFolder, clock: Clock) -> None:
    """Put the cookies into their place, say whose session it is, and ask for a scrape.

    Raises FolderTrouble, OSError.

    Only Bandcamp's own are written: what else an export holds is nobody's business here.
    """
    path = cookies_place(settings)
    try:
        atomic.write_text(path, netscape_text(login.cookies, HostPolicy(settings.base_url).host), 0o600)
    except OSError as error:
        raise FolderTrouble(path, f"cannot be written ({error.strerror or error})") from error
    remember_fan(data, login.found)
    publish_session(data, clock.now(), login.found.fan, login.expires, None)
    alarms.clear_alarm(data, alarms.SESSION)
    with asking(data, clock.now(), Verb.SCRAPE, By.DASHBOARD):
        control.ask(data, Verb.SCRAPE)
    until = f"until {login.expires:%Y-%m-%d}" if login.expires else "for as long as the browser's session lasts"
    log.info("new cookies: logged in as fan %d, %s", login.found.fan.fan_id, until)


def cookies_place(settings: Settings) -> Path:
    """The cookies file itself, where a link stands for it."""
    # Not `resolve`, which raises for a link that leads to itself.
    return Path(os.path.realpath(settings.cookies_file.expanduser()))
