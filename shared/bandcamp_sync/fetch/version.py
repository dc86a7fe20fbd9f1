"""Which file it is: what an answer says of its version, and what the file itself would show. A download goes on only
where the rest is the same file's.
"""

from pathlib import Path

import requests

from bandcamp_sync.library.audio_kind import sniff


def strong_tag(response: requests.Response) -> str | None:
    """The tag that promises the same bytes; None when there is none."""
    # A weak tag does not promise the same bytes, so it is no ground for going on.
    tag: str | None = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else None


def mark(response: requests.Response) -> str:
    """What an answer says of the version of its file; empty when it says nothing."""
    told = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return " ".join(text for text in told if text)


def checks_itself(part: Path) -> bool:
    """Whether the music holds a sum of itself, so that a mixture of two files does not decode."""
    with part.open("rb") as file:
        return sniff(file.read(64)) == "flac"


def is_same(response: requests.Response, etag: str | None) -> bool:
    """Whether a part that was asked for is of the file with this strong tag."""
    return response.status_code == 206 and etag is not None and strong_tag(response) == etag
