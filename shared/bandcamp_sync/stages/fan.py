"""fan-id: whose session is it, and until when."""

from contextlib import suppress
from dataclasses import dataclass

from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.cookies import expiry_state, login_expiry
from bandcamp_sync.bandcamp.session import (
    FoundFan,
    exposure,
    find_fan,
    load_cookies,
    open_session,
    publish_session,
    remember_fan,
)
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import AskUser
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings


@dataclass(frozen=True)
class Login:
    """A session that works: the fan, and how its cookie's expiry looks today."""

    found: FoundFan
    expires: str
    expiry: str


def open_or_tell(settings: Settings, data: DataFolder, clock: Clock) -> Bandcamp:
    """`open_session`; when the cookies are no good, the session's state and its alarm say so too."""
    try:
        bandcamp = open_session(settings, clock)
    except AskUser as error:
        publish_session(data, clock.now(), None, getattr(error, "expired_at", None), str(error))
        alarms.raise_alarm(data, alarms.SESSION, str(error), True, clock.now())
        raise
    _tell_exposure(settings, data, clock)
    return bandcamp


def _tell_exposure(settings: Settings, data: DataFolder, clock: Clock) -> None:
    """An alarm while other users can get at the cookies; it is a warning, and stops nothing."""
    sentence = exposure(settings.cookies_file.expanduser().absolute())
    with suppress(OSError):
        if sentence is None:
            alarms.clear_alarm(data, alarms.EXPOSED)
        else:
            alarms.raise_alarm(data, alarms.EXPOSED, sentence, True, clock.now())


def check_login(settings: Settings, data: DataFolder, clock: Clock) -> Login:
    """Find the fan and publish the session. Raises AskUser, BandcampTrouble, FolderTrouble."""
    bandcamp = open_or_tell(settings, data, clock)
    try:
        expires = login_expiry(load_cookies(settings, clock.now()))
        try:
            found = find_fan(bandcamp, settings, data)
        except AskUser as error:
            publish_session(data, clock.now(), None, expires, str(error))
            alarms.raise_alarm(data, alarms.SESSION, str(error), True, clock.now())
            raise
        remember_fan(data, found)
        publish_session(data, clock.now(), found.fan, expires, None)
        alarms.clear_alarm(data, alarms.SESSION)
    finally:
        bandcamp.close()
    shown = f"{expires:%Y-%m-%d}" if expires else "with the browser's session"
    return Login(found, shown, expiry_state(expires, clock.now()))
