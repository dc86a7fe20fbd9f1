"""Every error that this package raises on purpose.

Four families say what the caller should do: `AskUser` (only a person can mend it), `BandcampTrouble` (stop and come
back later), `LocalTrouble` (this machine needs mending) and `ItemTrouble` (this purchase only; the rest goes on).
The first three are "trouble of ours": they cost a job no attempt. Errors carry fields; `exit_code` turns them into exit
codes, and `str()` of each is the one clear line that a user reads. No field ever holds a cookie or a signed URL.
"""

import errno
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path

#: Of a wrong value no more is shown.
_SHOWN_CHARS = 200


class BandcampSyncError(Exception):
    """Base of all errors raised on purpose."""


class SettingInvalid(BandcampSyncError):
    """A setting has a value that it may not have."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        self.name, self.value, self.allowed = name, value, allowed
        shown = repr(value) if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]!r}..."
        super().__init__(f"{name}={shown} is not valid: it may be {allowed}")


class UnknownKey(BandcampSyncError):
    """A purchase was named that is not in the books."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"no purchase {key!r} in the collection; `bandcampsync status --json` lists the keys")


class NotABackup(BandcampSyncError):
    """What was given to be restored is no backup, or is damaged. Nothing was changed."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"this is no backup that can be restored: {problem}; nothing was changed")


# --- only a person can mend it -------------------------------------------------------------------------------------


class AskUser(BandcampSyncError):
    """The session does not work; the user must act."""


def _place(path: Path | str) -> str:
    """A path as a person finds it: the containers know the data folder by another name than its owner does."""
    if f"{path}/".startswith("/data/music/"):
        return f"{path} (a container's /data/music is your MUSIC_DIR, or music/ in your data folder)"
    if f"{path}/".startswith("/data/"):
        return f"{path} (a container's /data is your ./volumes, or DATA_DIR)"
    return str(path)


class CookiesMissing(AskUser):
    """There is no cookies file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            "no cookies yet: hand them over on the dashboard's Set-up page (log in to Bandcamp in a browser, and "
            "export the cookies of bandcamp.com: cookies.txt, JSON or the Cookie header), or save them as "
            f"{_place(path)}"
        )


class CookiesInvalid(AskUser):
    """The cookies file cannot be used. `line` counts from 1, None when no line is to blame."""

    def __init__(self, path: Path | str, problem: str, line: int | None = None) -> None:
        self.path, self.problem, self.line = path, problem, line
        where = f"{_place(path)}, line {line}" if line is not None else _place(path)
        super().__init__(f"{where}: {problem}; export the cookies of bandcamp.com again")


class CookiesExpired(AskUser):
    """The identity cookie says itself that it is over."""

    def __init__(self, path: Path, expired_at: datetime) -> None:
        self.path, self.expired_at = path, expired_at
        super().__init__(
            f"the login in {path} expired on {expired_at:%Y-%m-%d}: log in to Bandcamp again and export new cookies"
        )


class LoggedOut(AskUser):
    """Bandcamp treats the session as logged out. `evidence` says which answer showed it."""

    def __init__(self, evidence: str) -> None:
        self.evidence = evidence
        super().__init__(f"not logged in to Bandcamp ({evidence}): log in again in a browser and export new cookies")


class HandedRefused(AskUser):
    """What was handed over cannot be used. `can_switch`: it could, if the user wants another account's purchases."""

    def __init__(self, sentence: str, can_switch: bool = False) -> None:
        self.can_switch = can_switch
        super().__init__(sentence)


# --- Bandcamp does not answer as it should: stop, come back later ---------------------------------------------------


class BandcampTrouble(BandcampSyncError):
    """Bandcamp cannot be reached or refuses."""


class Unreachable(BandcampTrouble):
    """No usable answer: connection failure, time-out or 5xx (then `status` is its number)."""

    def __init__(self, what: str, problem: str, status: int | None = None) -> None:
        self.what, self.problem, self.status = what, problem, status
        super().__init__(f"Bandcamp cannot be reached ({what}: {problem}); it is tried again later")


class RateLimited(BandcampTrouble):
    """Nobody asks anything for now: Bandcamp said so (429), or is out of order. `until`: when asking is allowed again.

    `why`: what it is, as the beginning of a sentence.
    """

    def __init__(self, until: datetime, why: str = "Bandcamp asks for patience (429)") -> None:
        self.until, self.why = until, why
        super().__init__(f"{why}; nothing is asked before {until:%Y-%m-%d %H:%M:%S} UTC")


class Challenged(BandcampTrouble):
    """Bandcamp wants a real browser, and the browser did not get through either (or there is none)."""

    def __init__(self, what: str, problem: str) -> None:
        self.what, self.problem = what, problem
        super().__init__(f"Bandcamp shows a browser challenge ({what}): {problem}")


class Refused(BandcampTrouble):
    """403 for the browser too."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"Bandcamp refuses ({what}: 403), to a real browser as well; it is tried again later")


class ShapeChanged(BandcampTrouble):
    """A page or an answer does not have the shape that this version knows."""

    def __init__(self, where: str, field: str) -> None:
        self.where, self.field = where, field
        super().__init__(
            f"Bandcamp's {where} has changed shape: {field!r} is not where it was; a sample without secrets is in "
            "debug/, and nothing was changed. Please report it"
        )


class ListingShort(BandcampTrouble):
    """A listing ended before everything that Bandcamp says is owned had been listed."""

    def __init__(self, listed: int, owned: int) -> None:
        self.listed, self.owned = listed, owned
        super().__init__(f"Bandcamp listed {listed} of {owned} purchases and then stopped; the old collection stays")


class SuddenlyShrunk(BandcampTrouble):
    """The collection came back empty or far smaller than it was."""

    def __init__(self, before: int, after: int) -> None:
        self.before, self.after = before, after
        super().__init__(
            f"the collection came back with {after} purchases where it had {before}; the old one stays. If this is "
            "right, run `bandcampsync scrape --full --accept-shrink`"
        )


class RedirectRefused(BandcampTrouble):
    """An answer points outside Bandcamp's hosts, or from HTTPS to plain HTTP. `host` is safe to show."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"an answer points at {host}, which is none of Bandcamp's hosts; refused")


# --- this machine needs mending -------------------------------------------------------------------------------------


class LocalTrouble(BandcampSyncError):
    """The disk, the folders or their permissions are in the way."""


class DiskFull(LocalTrouble):
    """Not enough room. Sizes in bytes."""

    def __init__(self, path: Path, free: int, wanted: int) -> None:
        self.path, self.free, self.wanted = path, free, wanted
        super().__init__(
            f"too little room at {path}: {_room(free)} free, {_room(wanted)} wanted (MIN_FREE_SPACE "
            "included); make room, and it goes on by itself"
        )


def _room(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


class FolderTrouble(LocalTrouble):
    """A folder or file cannot be read or written."""

    def __init__(self, path: Path | str, problem: str) -> None:
        self.path, self.problem = path, problem
        mends = f"; run: chown {os.getuid()}:{os.getgid()} {path}" if problem == os.strerror(errno.EACCES) else ""
        super().__init__(f"{_place(path)}: {problem}{mends}")


class MusicFolderMissing(LocalTrouble):
    """The music folder lacks its marker although the books know of music in it: most likely it is not mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is not the music folder that the books know (its marker is missing): is the disk mounted? Nothing "
            "is downloaded and nothing is called missing until it is back. If you emptied it on purpose, run "
            "`bandcampsync adopt`"
        )


class Paused(BandcampSyncError):
    """The user paused the pipeline."""

    def __init__(self) -> None:
        super().__init__("paused; `bandcampsync resume` goes on")


class Stopped(BandcampSyncError):
    """This process was asked to end; what it held is handed back."""


class LeaseLost(BandcampSyncError):
    """Another worker holds the job now; this one must leave it alone."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"the claim on {key} was lost (its lease ran out); another worker has it")


# --- this purchase only ---------------------------------------------------------------------------------------------


class Reason(StrEnum):
    """Why a purchase is not on disk. What drives behaviour is in `spool/retry.py`; this explains it."""

    TRANSFER = "transfer"
    ARCHIVE = "archive"
    AUDIO = "audio"
    NOT_READY = "not_ready"
    SERVER = "server"
    LINK = "link"
    REFUSED_FILE = "refused_file"
    REAUTH = "reauth"
    UNVERIFIED = "unverified"
    PREORDER = "preorder"
    NO_DOWNLOAD = "no_download"
    NO_STREAM = "no_stream"
    NO_FORMAT = "no_format"
    GONE = "gone"
    LEASE = "lease"
    SHAPE = "shape"
    OTHER = "other"


class ItemTrouble(BandcampSyncError):
    """One purchase failed. `sentence` is shown; `link` is a page that the user may open."""

    def __init__(self, reason: Reason, sentence: str, link: str | None = None) -> None:
        self.reason, self.sentence, self.link = reason, sentence, link
        super().__init__(sentence)


class TransferBroken(ItemTrouble):
    """A download ended early, stalled, or was not what was asked for; going on later makes sense."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Reason.TRANSFER, sentence)


class LinkStale(ItemTrouble):
    """The file's link does not work any more; a new one from the download page may."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Reason.LINK, sentence)


class ArchiveBroken(ItemTrouble):
    """The archive cannot be what the artist uploaded (CRC, structure, limits)."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Reason.ARCHIVE, sentence)


class BadAudio(ItemTrouble):
    """An audio file does not decode to its end."""

    def __init__(self, file_name: str, problem: str) -> None:
        self.file_name, self.problem = file_name, problem
        super().__init__(Reason.AUDIO, f"{file_name} does not decode: {problem}")


# --- how a command ends that met one --------------------------------------------------------------------------------

#: Which family of errors ends with which exit code.
EXIT_CODES: tuple[tuple[type[BandcampSyncError], int], ...] = (
    (SettingInvalid, 2),
    (UnknownKey, 2),
    (NotABackup, 2),
    (AskUser, 3),
    (BandcampTrouble, 4),
    (LocalTrouble, 5),
    (Paused, 1),
    (Stopped, 130),
)


def exit_code(error: BandcampSyncError) -> int:
    """The exit code of an error that ended a command or a unit's run; see the README."""
    return next((code for family, code in EXIT_CODES if isinstance(error, family)), 1)
