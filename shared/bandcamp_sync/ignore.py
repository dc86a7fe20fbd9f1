"""The ignore list: `config/ignore.txt`, one key a line, comments with `#`. A person may edit it by hand."""

import json
from collections.abc import Iterable

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder


def read_ignored(data: DataFolder) -> frozenset[str]:
    """The ignored keys. Where `config/` is hidden (in the dashboard), the copy that the last reader published."""
    try:
        text = data.ignore.read_text(errors="replace")
    except FileNotFoundError:
        # An empty config/ may be a cover, as in the dashboard's container; its readers publish the list.
        return frozenset() if data.config.is_dir() and any(data.config.iterdir()) else _published(data)
    except (PermissionError, IsADirectoryError, NotADirectoryError):
        return _published(data)
    keys = (line.partition("#")[0].strip() for line in text.replace("\ufeff", "").splitlines())
    return frozenset(key for key in keys if is_key(key))


def publish_ignored(data: DataFolder, keys: frozenset[str]) -> None:
    """Leave a copy for those who may not look into `config/`."""
    if keys != _published(data) or not (data.state / "ignored.json").exists():
        atomic.write_json(data.state / "ignored.json", sorted(keys))


def _published(data: DataFolder) -> frozenset[str]:
    try:
        value = json.loads((data.state / "ignored.json").read_bytes())
        return frozenset(key for key in value if isinstance(key, str) and is_key(key))
    except (OSError, ValueError, TypeError):
        return frozenset()


def change_ignored(data: DataFolder, add: Iterable[str] = (), drop: Iterable[str] = ()) -> None:
    """Add and drop keys; a person's comments and order stay."""
    try:
        lines = data.ignore.read_text(errors="replace").replace("\ufeff", "").splitlines()
    except FileNotFoundError:
        lines = ["# Purchases that are not synced, one key a line."]
    dropped = set(drop)
    kept = [line for line in lines if line.partition("#")[0].strip() not in dropped]
    present = {line.partition("#")[0].strip() for line in kept}
    kept += [key for key in add if key not in present]
    atomic.write_text(data.ignore, "\n".join(kept) + "\n")
    publish_ignored(data, read_ignored(data))
