"""The ignore list: `config/ignore.txt`, one key a line, comments with `#`. A person may edit it by hand.

A list that is garbage, or cannot be read, must not mean that all is wanted: then the copy in `state/` counts, which the
last reader of a good one published.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import NotAFile, read_bytes, read_json
from bandcamp_sync.paths import DataFolder

log = logging.getLogger(__name__)


def read_ignored(data: DataFolder) -> frozenset[str]:
    """The ignored keys. Where `config/` is hidden (in the dashboard), the copy that the last reader published."""
    try:
        lines = _lines(data)
    except FileNotFoundError:
        return frozenset() if _is_uncovered(data) else _published(data)
    except (OSError, ValueError):
        return _published(data)
    return frozenset(key for line in lines if is_key(key := _key(line)))


def _is_uncovered(data: DataFolder) -> bool:
    """Whether `config/` is the real one: an empty one may be a cover, as in the dashboard's container."""
    try:
        return any(data.config.iterdir())
    except OSError:
        return False


def _lines(data: DataFolder) -> list[str]:
    """The list's lines. Raises OSError, and ValueError for what is no list of keys."""
    text = read_bytes(data.ignore).decode(errors="surrogateescape").removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError("it is no text")
    lines = text.splitlines()
    written = [line for line in lines if line.strip()]
    if written and not any(line.lstrip().startswith("#") or is_key(_key(line)) for line in written):
        raise ValueError("none of its lines is the key of a purchase")
    return lines


def _key(line: str) -> str:
    return line.partition("#")[0].strip()


def check_ignored(data: DataFolder) -> None:
    """Put a list that is garbage aside, and the copy in its place; say which lines of a good one are passed over."""
    try:
        lines = _lines(data)
    except FileNotFoundError:
        return
    except (NotAFile, ValueError) as error:
        quarantine(data.ignore, datetime.now(UTC), str(error.strerror if isinstance(error, NotAFile) else error))
        kept = _published(data)
        if kept:
            _write(data, [_HEAD, *sorted(kept)])
            log.warning("%s: its %d keys are as they were known last", data.ignore, len(kept))
        return
    except OSError as error:
        log.warning("%s cannot be read (%s); what was known of it last counts", data.ignore, error.strerror)
        return
    for number, line in enumerate(lines, start=1):
        if _key(line) and not is_key(_key(line)):
            log.warning("%s: line %d is not the key of a purchase; it is passed over", data.ignore, number)


def publish_ignored(data: DataFolder, keys: frozenset[str]) -> None:
    """Leave a copy for those who may not look into `config/`."""
    if keys != _published(data) or not data.published_ignored.exists():
        atomic.write_json(data.published_ignored, sorted(keys))


def _published(data: DataFolder) -> frozenset[str]:
    try:
        value = read_json(data.published_ignored)
        return frozenset(key for key in value if isinstance(key, str) and is_key(key))
    except (OSError, ValueError, TypeError):
        return frozenset()


_HEAD = "# Purchases that are not synced, one key a line."


def change_ignored(data: DataFolder, add: Iterable[str] = (), drop: Iterable[str] = ()) -> None:
    """Add and drop keys; a person's comments and order stay. Raises OSError."""
    check_ignored(data)
    try:
        lines = _lines(data)
    except FileNotFoundError:
        lines = [_HEAD]
    dropped = set(drop)
    kept = [line for line in lines if _key(line) not in dropped]
    present = {_key(line) for line in kept}
    kept += [key for key in add if key not in present]
    _write(data, kept)
    publish_ignored(data, read_ignored(data))


def _write(data: DataFolder, lines: Iterable[str]) -> None:
    # A comment in another encoding stays as it is.
    atomic.write_bytes(data.ignore, ("\n".join(lines) + "\n").encode(errors="surrogateescape"))
