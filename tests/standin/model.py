"""What the invented collection is made of: bands, tracks, releases, purchases."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

#: Bandcamp's format keys with file extension, MIME type and description, in the site's order.
FORMATS: dict[str, tuple[str, str, str]] = {
    "mp3-v0": (".mp3", "audio/mpeg", "MP3 V0"),
    "mp3-320": (".mp3", "audio/mpeg", "MP3 320"),
    "flac": (".flac", "audio/flac", "FLAC"),
    "aac-hi": (".m4a", "audio/mp4", "AAC"),
    "vorbis": (".ogg", "application/ogg", "Ogg Vorbis"),
    "alac": (".m4a", "audio/alac", "ALAC"),
    "wav": (".wav", "audio/x-wav", "WAV"),
    "aiff-lossless": (".aiff", "audio/x-aiff", "AIFF"),
}


@dataclass(frozen=True)
class Band:
    """The seller: an artist's own page, or a label's."""

    band_id: int
    name: str | None
    subdomain: str


@dataclass(eq=False)
class Track:
    """One track. `duration` is in seconds and is what the audio really lasts."""

    track_id: int
    number: int
    title: str
    artist: str
    duration: float
    slug: str
    listed: bool = True  # False: in the archive, but not on the page (a hidden track)
    released: bool = True  # False: a pre-order's track that cannot be had yet


@dataclass(eq=False)
class Release:
    """An album (`a`) or a single track (`t`), apart from who bought it."""

    letter: str
    release_id: int
    title: str
    artist: str
    band: Band
    slug: str
    art_id: int
    date: datetime
    tracks: list[Track]
    bare: bool = False  # arrives as one audio file and not as a zip
    extras: bool = False  # a booklet and a video lie in the archive too
    tags: tuple[str, ...] = ("stand-in",)
    revision: int = 1  # rises when the artist changes the release

    @property
    def word(self) -> str:
        """`album` or `track`, as the addresses spell it."""
        return "album" if self.letter == "a" else "track"

    def available(self) -> list[Track]:
        """The tracks that a download holds today, hidden ones included."""
        return [track for track in self.tracks if track.released]

    def on_page(self) -> list[Track]:
        """The tracks that the public page names."""
        return [track for track in self.tracks if track.listed]


@dataclass(eq=False)
class Purchase:
    """One sale as the collection lists it. `release` is None where there is no music."""

    sale_type: str
    sale_id: int
    payment_id: int
    item_type: str
    item_id: int
    title: str | None
    band: Band
    band_name: str | None
    release: Release | None
    bought: datetime
    kind: str  # what this purchase is an example of; for tests only, never sent
    hidden: bool = False
    preorder: bool = False
    linked: bool = True  # has an entry in redownload_urls
    offered: bool = True  # its download page has `downloads`
    subscription: bool = False
    gift_from: str | None = None
    label: str | None = None
    formats: tuple[str, ...] = tuple(FORMATS)
    fields: dict[str, Any] = field(default_factory=dict)  # overrides for single item fields

    @property
    def key(self) -> str:
        """The sale key, the one stable name of a purchase."""
        return f"{self.sale_type}{self.sale_id}"

    @property
    def letter(self) -> str:
        """The letter that tokens and lookups use for this item."""
        return {"album": "a", "track": "t"}.get(self.item_type, "p")

    @property
    def unix(self) -> int:
        """When it was bought, as in the tokens."""
        return int(self.bought.timestamp())

    @property
    def order(self) -> tuple[int, int]:
        """The place in the list: newest first when sorted in reverse."""
        return (self.unix, self.item_id)

    @property
    def token(self) -> str:
        """The cursor that points just behind this purchase."""
        return f"{self.unix}:{self.item_id}:{self.letter}::"

    @property
    def downloadable(self) -> bool:
        """Whether a file can be had for it today."""
        return bool(self.linked and self.offered and self.release and self.release.available())

    def truth(self) -> dict[str, Any]:
        """What a test may compare the client's work with."""
        release = self.release
        tracks = release.available() if release else []
        return {
            "key": self.key,
            "kind": self.kind,
            "artist": release.artist if release else None,
            "band_name": self.band_name,
            "title": self.title,
            "release_title": release.title if release else None,
            "item_type": self.item_type,
            "item_id": self.item_id,
            "release_id": release.release_id if release else None,
            "art_id": release.art_id if release else None,
            "slug": release.slug if release else None,
            "downloadable": self.downloadable,
            "stream_only": self.kind == "stream_only",
            "hidden": self.hidden,
            "preorder": self.preorder,
            "bare": bool(release and release.bare),
            "extras": bool(release and release.extras),
            "formats": list(self.formats),
            "purchased": self.bought.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "tracks": [
                {
                    "number": track.number,
                    "title": track.title,
                    "artist": track.artist,
                    "duration": track.duration,
                    "listed": track.listed,
                }
                for track in tracks
            ],
        }


def slugify(text: str) -> str:
    """The address part of a title; `untitled` where nothing of it survives."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-") or "untitled"


def stamp(when: datetime) -> str:
    """A time in the site's own form: `07 Jul 2020 01:34:59 GMT`."""
    return when.astimezone(UTC).strftime("%d %b %Y %H:%M:%S GMT")
