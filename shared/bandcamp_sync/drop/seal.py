"""The drop place: whoever hands something over can write it and never read it again, as it is sealed to a public key.

    drop/cookies.sealed   handed over, and not looked at yet; the newest wins
    drop/cookies.taken    taken by the scraper: it is being checked, or waits until Bandcamp answers
    state/drop.pub        the scraper's public key, in base64
    config/drop.key       the private one; `config/` is hidden from the dashboard

A sealed file is the line `bandcampsync-drop 1 KEY ID` and then the sealed content: KEY tells to which key it is
sealed, ID which hand-over it is, and both are public. The dashboard alone writes `.sealed`, the scraper alone
`.taken` and the keys; the rename from one to the other is the taking.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import NotAFile, read_bytes
from bandcamp_sync.paths import DataFolder

MAX_GIVEN_BYTES = 1024 * 1024
_MAX_SEALED_BYTES = 2 * MAX_GIVEN_BYTES
_HEAD = re.compile(rb"bandcampsync-drop 1 ([0-9a-f]{16}) ([0-9a-f]{16})\n")
_PRIVATE, _PUBLIC, _FOLDER = 0o600, 0o644, 0o700


@dataclass(frozen=True)
class Handed:
    """What was handed over. `given`: the bytes as the user gave them; `switch`: another account is wanted."""

    id: str
    given: bytes = field(repr=False)
    at: str
    switch: bool = False


@dataclass(frozen=True)
class Unopened:
    """What cannot be opened. `id`: None where not even that can be read. `damaged`: it never was what it says."""

    id: str | None
    problem: str
    damaged: bool


# --- the dashboard's side -------------------------------------------------------------------------------------------


def public_key(data: DataFolder) -> PublicKey | None:
    """The key to seal to; None as long as the scraper has not published one."""
    try:
        return PublicKey(base64.b64decode(read_bytes(data.drop_public), validate=False))
    except (OSError, ValueError, CryptoError):
        return None


def hand_over(data: DataFolder, key: PublicKey, given: bytes, now: datetime, switch: bool = False) -> str:
    """Seal what was given and put it down, in the place of what was handed over before and not taken yet.

    The id by which the verdict names it. Raises OSError.
    """
    drop_id = secrets.token_hex(8)
    content = {"id": drop_id, "at": rfc3339(now), "switch": switch, "given": base64.b64encode(given).decode()}
    sealed = SealedBox(key).encrypt(json.dumps(content).encode())
    make_folder(data)
    head = f"bandcampsync-drop 1 {_print_of(key)} {drop_id}\n".encode()
    atomic.write_bytes(sealed_path(data), head + sealed, _PRIVATE)
    return drop_id


def sealed_path(data: DataFolder) -> Path:
    """Where something lies that was handed over and not taken yet."""
    return data.drop / "cookies.sealed"


def make_folder(data: DataFolder) -> None:
    """The drop place, for its owner alone. Raises OSError."""
    atomic.make_folder(data.drop)
    if data.drop.stat().st_mode & 0o077:
        with suppress(OSError):  # a file system without permissions
            data.drop.chmod(_FOLDER)


# --- the scraper's side ---------------------------------------------------------------------------------------------


def own_key(data: DataFolder) -> PrivateKey:
    """The private key; a new one where there is none or it is broken. The public one is published beside it.

    Raises OSError.
    """
    make_folder(data)
    key = _read_key(data.drop_key)
    if key is None:
        fresh = PrivateKey.generate()
        text = base64.b64encode(bytes(fresh)) + b"\n"
        if not atomic.write_new(data.drop_key, text, _PRIVATE) and (key := _read_key(data.drop_key)) is None:
            atomic.write_bytes(data.drop_key, text, _PRIVATE)
        key = key or fresh
    public = base64.b64encode(bytes(key.public_key)) + b"\n"
    if not data.drop_public.exists() or read_bytes(data.drop_public) != public:
        atomic.write_bytes(data.drop_public, public, _PUBLIC)
    return key


def _read_key(path: Path) -> PrivateKey | None:
    try:
        return PrivateKey(base64.b64decode(read_bytes(path), validate=False))
    except (FileNotFoundError, NotAFile, ValueError, TypeError, CryptoError):
        return None  # no key at all: what was sealed to it is lost either way


def taken_path(data: DataFolder) -> Path:
    """Where something lies that the scraper has taken."""
    return data.drop / "cookies.taken"


def take(data: DataFolder) -> bool:
    """Take what lies there, in the place of what was taken before; False when nothing new does."""
    try:
        atomic.move(sealed_path(data), taken_path(data))
    except FileNotFoundError:
        return False
    return True


def open_taken(data: DataFolder, key: PrivateKey) -> Handed | Unopened | None:
    """What was taken; None when nothing was. Raises OSError."""
    try:
        content = _read(taken_path(data))
    except FileNotFoundError:
        return None
    head = _HEAD.match(content) if content is not None else None
    if content is None or head is None:
        return Unopened(None, "what was handed over is damaged", damaged=True)
    print_of_key, drop_id = (part.decode() for part in head.groups())
    if print_of_key != _print_of(key.public_key):
        return Unopened(drop_id, "it was sealed to a key that is no more", damaged=False)
    try:
        value = json.loads(SealedBox(key).decrypt(content[head.end() :]))
        handed = Handed(str(value["id"]), base64.b64decode(value["given"]), str(value["at"]), value["switch"] is True)
    except (CryptoError, ValueError, KeyError, TypeError):
        return Unopened(drop_id, "what was handed over is damaged", damaged=True)
    return handed if handed.id == drop_id else Unopened(drop_id, "what was handed over is damaged", damaged=True)


def forget_taken(data: DataFolder) -> None:
    """It was judged. Raises OSError."""
    atomic.remove(taken_path(data))


def _read(path: Path) -> bytes | None:
    """What a regular file holds, None for anything else: who can write here is not to be trusted with more."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    with os.fdopen(fd, "rb") as file:
        content = file.read(_MAX_SEALED_BYTES + 1)
    return content if len(content) <= _MAX_SEALED_BYTES else None


def _print_of(key: PublicKey) -> str:
    return hashlib.sha256(bytes(key)).hexdigest()[:16]
