"""The key that signs the session cookie: made once, kept in `state/`, so that a restart logs nobody out."""

import secrets

from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_bytes
from bandcamp_sync.paths import DataFolder

_BYTES = 32


def signing_key(data: DataFolder) -> bytes:
    """The key; a new one that lasts for this process alone where the folder cannot be written."""
    path = data.state / "dashboard.key"
    fresh = secrets.token_bytes(_BYTES)
    try:
        if atomic.write_new(path, fresh, 0o600):
            return fresh
        kept = read_bytes(path)
        if len(kept) == _BYTES:
            return kept
        atomic.write_bytes(path, fresh, 0o600)
    except OSError:
        return fresh
    return fresh
