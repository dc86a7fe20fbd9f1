"""How the dashboard and the command line ask for things: files in `control/`.

`<verb>.request` asks for something as a whole; `<verb>.<key>.request` asks it for one purchase, so that two clicks
on two purchases are two files. A content of `{"keys": [...]}` names purchases too. Whoever acts takes a request by
renaming it to `.taken`, and removes it when the deed is done: a request that comes meanwhile is a new file, and one
whose taker was killed is found again.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bandcamp_sync.clock import rfc3339
from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import parse_json, read_bytes
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)

_REQUEST, _TAKEN = ".request", ".taken"


class Verb(StrEnum):
    """What can be asked for."""

    SCRAPE = "scrape"
    RECONCILE = "reconcile"
    RETRY = "retry"
    VERIFY = "verify"
    IGNORE = "ignore"
    UNIGNORE = "unignore"
    CHOOSE = "choose"


@dataclass(frozen=True)
class Request:
    """Requests for one verb, taken together. `keys`: the purchases named; `everything`: one request named none."""

    verb: Verb
    keys: tuple[str, ...]
    everything: bool
    paths: tuple[Path, ...]

    def done(self) -> None:
        """Forget it."""
        for path in self.paths:
            atomic.remove(path)


def ask(data: DataFolder, verb: Verb, key: str | None = None, content: Mapping[str, Any] | None = None) -> None:
    """Ask for `verb`, as a whole or for one purchase. Asking twice is asking once.

    `content`: what else the request says, for who takes it to read.
    """
    if key is not None and not is_key(key):
        raise ValueError(f"{key!r} is no key of a purchase")
    name = f"{verb}.{key}" if key else str(verb)
    atomic.write_json(data.control / f"{name}{_REQUEST}", {**(content or {}), **({"keys": [key]} if key else {})})


def is_asked(data: DataFolder, verbs: Iterable[Verb]) -> bool:
    """Whether any of these is asked for."""
    wanted = tuple(verbs)
    return any(_verb_of(path) in wanted for path in _paths(data))


def take(data: DataFolder, verb: Verb) -> Request | None:
    """Take what is asked for, with what a killed taker left; None when nothing is."""
    paths = [taken for path in _paths(data) if _verb_of(path) == verb and (taken := _taken(path)) is not None]
    if not paths:
        return None
    named = [(path, _keys(path)) for path in paths]
    keys = dict.fromkeys(key for _, found in named for key in found or ())
    return Request(verb, tuple(keys), any(found is None for _, found in named), tuple(paths))


def pause(data: DataFolder, now: datetime) -> None:
    """Pause the pipeline. Idempotent; the file says since when."""
    if not data.paused.exists():
        atomic.write_text(data.paused, rfc3339(now) + "\n")


def resume(data: DataFolder) -> None:
    """Go on. Idempotent."""
    atomic.remove(data.paused)


def _paths(data: DataFolder) -> list[Path]:
    try:
        return sorted(p for p in data.control.iterdir() if p.suffix in (_REQUEST, _TAKEN) and p.name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        return []


def _verb_of(path: Path) -> str:
    return path.name.split(".", 1)[0]


def _taken(path: Path) -> Path | None:
    if path.suffix == _TAKEN:
        return path
    # A name of its own, so that it replaces nothing that a killed taker left. The capital tells it from a key.
    target = path.with_name(f"{path.stem}.T{secrets.token_hex(4)}{_TAKEN}")
    try:
        atomic.move(path, target)
    except FileNotFoundError:
        return None
    return target


def _keys(path: Path) -> list[str] | None:
    """The keys in the file's name and content; None when it names none, and so asks for everything."""
    named: list[object] = [part for part in path.name.split(".")[1:2] if is_key(part)]
    try:
        value = parse_json(read_bytes(path) or b"{}")
        listed = value.get("keys") if isinstance(value, dict) else None
        named += listed if isinstance(listed, list) else []
    except (OSError, ValueError):
        log.debug("%s holds no JSON; it counts as a request without names", path.name)
    if not named:
        return None
    return [key for key in dict.fromkeys(map(str, named)) if is_key(key)]
