"""`collection.json`: read and written whole, or not at all."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bandcamp_sync.collection.item import Capture
from bandcamp_sync.errors import FolderTrouble
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import NotAFile, read_bytes


def read_capture(path: Path, now: datetime) -> Capture | None:
    """The last capture, or None when there is none. A file that is not one is put into quarantine.

    Raises FolderTrouble when the file cannot be read at all (permissions, disk).
    """
    try:
        return Capture.model_validate_json(read_bytes(path))
    except FileNotFoundError:
        return None
    except NotAFile as error:
        quarantine(path, now, error.strerror or "it is no file")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        quarantine(path, now, f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}")
    except OSError as error:
        raise FolderTrouble(path, error.strerror or str(error)) from error
    return None


def write_capture(path: Path, capture: Capture) -> None:
    """Replace the capture in one step. Readable by its owner alone: it holds redownload URLs."""
    atomic.write_text(path, capture.model_dump_json(by_alias=True, indent=1) + "\n", mode=0o600)
