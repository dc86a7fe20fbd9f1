"""The streams of what has no download, through yt-dlp's Python API: V0 for owners, else 128 kbit/s.

yt-dlp's extractors know `*.bandcamp.com` alone; here they are told to accept the pages of whatever Bandcamp is set.
What it asks, `tool_requests.py` asks for it. Tags and cover are ours to write: a stream has none.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Item
from bandcamp_sync.errors import ItemTrouble, Reason, RedirectRefused, TransferBroken
from bandcamp_sync.fetch.tool_requests import polite_tool
from bandcamp_sync.library.album import Fetched
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.tags import Tags, write_tags
from bandcamp_sync.logs.redact import redact

log = logging.getLogger(__name__)

#: yt-dlp would take 128 kbit/s before V0, whose bit rate it does not know.
_FORMATS = "mp3-v0/flac/mp3-320/mp3-128"


@dataclass(frozen=True)
class Streamed:
    """The tracks of a streamed release. `format`: the least of what its tracks came in."""

    files: list[Fetched]
    format: str
    year: int | None


def fetch_stream(
    bandcamp: Bandcamp,
    item: Item,
    folder: Path,
    clock: Clock,
    notice: Callable[[int, int | None, int], None],
    cover: bytes | None,
) -> Streamed:
    """Fetch, check and tag every track of the item's public page into `folder`.

    Raises ItemTrouble (no stream, or a broken one), Stopped, LeaseLost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        url = bandcamp.transport.policy.absolute(item.item_url or "")
        entries = _Tool(bandcamp, folder, clock, notice).fetch(url)
    except RedirectRefused as error:
        raise ItemTrouble(Reason.OTHER, str(error)) from None
    if not entries:
        raise ItemTrouble(Reason.NO_STREAM, "it has no download, and its page has no streams")
    files = [_take(entry, position, item, cover) for position, entry in enumerate(entries, start=1)]
    formats = {str(entry.get("format_id")) for entry in entries}
    years = [int(date[:4]) for entry in entries if re.match(r"\d{8}", date := str(entry.get("release_date") or ""))]
    return Streamed(files, "mp3-128" if "mp3-128" in formats else sorted(formats)[0], min(years, default=None))


def _take(entry: dict[str, Any], position: int, item: Item, cover: bytes | None) -> Fetched:
    path = Path(entry["requested_downloads"][0]["filepath"])
    decode(path)
    number = entry.get("track_number") or position
    artists = entry.get("artists") or [entry.get("artist") or item.artist]
    tags = Tags(
        title=entry.get("track") or entry.get("title"),
        artist=", ".join(map(str, artists)),
        album=entry.get("album") or (None if item.item_type == "track" else item.title),
        album_artist=item.artist,
        track_number=int(number),
        year=None,
    )
    write_tags(path, tags, cover)
    return Fetched(path, f"{number:02d} {path.name}", sha256(path.read_bytes()).hexdigest())


class _Tool:
    """yt-dlp for one release."""

    def __init__(
        self, bandcamp: Bandcamp, folder: Path, clock: Clock, notice: Callable[[int, int | None, int], None]
    ) -> None:
        self._bandcamp, self._folder, self._clock, self._notice = bandcamp, folder, clock, notice
        self._before = 0
        self._last: tuple[object, int] = (None, 0)

    def fetch(self, url: str) -> list[dict[str, Any]]:
        """The tracks' entries, downloaded. Raises ItemTrouble, RedirectRefused."""
        from yt_dlp.utils import YoutubeDLError

        transport = self._bandcamp.transport
        with polite_tool(transport, self._options()) as tool:
            for extractor in _extractors():
                tool.add_info_extractor(extractor)
            try:
                found = tool.extract_info(url, download=False)
                entries = [e for e in (found.get("entries") or [found]) if e] if found else []
                for entry in entries:
                    transport.policy.check(str(entry["url"]))
                    if entry.get("protocol") not in (None, "http", "https"):
                        # Its other downloaders hand addresses to programs that know nothing of our hosts.
                        raise ItemTrouble(Reason.NO_STREAM, "it has no download, and a kind of stream that is unknown")
                return [self._download(tool, entry) for entry in entries]
            except YoutubeDLError as error:
                raise _trouble(str(error)) from None

    def _download(self, tool: Any, entry: dict[str, Any]) -> dict[str, Any]:
        self._clock.check()
        done: dict[str, Any] = tool.process_ie_result(entry, download=True)
        self._before += int(done["requested_downloads"][0].get("filesize") or 0)
        return done

    def _options(self) -> dict[str, Any]:
        return {
            "format": _FORMATS,
            "paths": {"home": str(self._folder)},
            "outtmpl": "%(track_id)s.%(ext)s",
            "allowed_extractors": ["Bandcamp.*"],
            "retries": 5,
            "socket_timeout": 30,
            "quiet": True,
            "noprogress": True,
            "cachedir": False,
            "logger": _Logger(),
            "progress_hooks": [self._progress],
            "fixup": "never",
            "check_formats": False,
        }

    def _progress(self, event: dict[str, Any]) -> None:
        self._clock.check()
        if event.get("status") == "downloading":
            total, done = event.get("total_bytes"), int(event.get("downloaded_bytes") or 0)
            name, before = self._last
            # The first event of a track tells of what was there already, too; nobody knows how much that is.
            came = max(0, done - before) if name == event.get("filename") else 0
            self._last = event.get("filename"), done
            self._notice(self._before + done, None if total is None else self._before + int(total), came)


class _Logger:
    """yt-dlp's own lines, in our log. Addresses in them are cut by the log's filter, and here for exceptions."""

    def debug(self, message: str) -> None:
        # What it would print comes here as well; its true debug lines say that they are.
        log.log(logging.DEBUG if message.startswith("[debug] ") else logging.INFO, "yt-dlp: %s", message)

    def info(self, message: str) -> None:
        log.info("yt-dlp: %s", message)

    def warning(self, message: str) -> None:
        log.warning("yt-dlp: %s", message)

    def error(self, message: str) -> None:
        log.warning("yt-dlp: %s", message)


def _extractors() -> list[Any]:
    from yt_dlp.extractor import bandcamp as theirs

    # The classes keep their names: yt-dlp finds the track extractor by its class's name.
    class BandcampIE(theirs.BandcampIE):  # type: ignore[misc]
        _VALID_URL = r"https?://(?P<uploader>[^/?#]+)/track/(?P<id>[^/?#&]+)"

    class BandcampAlbumIE(theirs.BandcampAlbumIE):  # type: ignore[misc]
        _VALID_URL = r"https?://(?P<subdomain>[^/?#]+)/album/(?P<id>[^/?#&]+)"

        @classmethod
        def suitable(cls, url: str) -> bool:
            return re.match(cls._VALID_URL, url) is not None

    return [BandcampIE(), BandcampAlbumIE()]


def _trouble(message: str) -> ItemTrouble:
    text = redact(re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: "))[:300]
    if re.search(r"No video formats|Requested format is not available|not available", text):
        return ItemTrouble(Reason.NO_STREAM, "it has no download, and not every track has a stream")
    if "HTTP Error 404" in text:
        return ItemTrouble(Reason.GONE, "it has no download, and its page is gone")
    return TransferBroken(f"the stream cannot be fetched: {text}")
