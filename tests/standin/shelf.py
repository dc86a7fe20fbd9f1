"""The files that can be had: built when they are first asked for, kept while they are in use."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from standin import archive
from standin.archive import ZipStyle
from standin.covers import cover
from standin.extras import booklet, film
from standin.model import FORMATS, Release, Track
from standin.tagging import Tags, tagged
from standin.tones import tone

#: Bytes per second of sound, measured once, for the `size_mb` of a page. Building every format
#: of a release merely to print its size would make each download page cost a second.
_RATES = {
    "mp3-v0": 23_500, "mp3-320": 41_800, "flac": 75_000, "aac-hi": 32_400, "vorbis": 27_400,
    "alac": 99_200, "wav": 176_400, "aiff-lossless": 176_400, "mp3-128": 16_700,
}  # fmt: skip
_KEPT = 256 << 20  # bytes of finished files in memory


@dataclass(frozen=True)
class Body:
    """A finished file."""

    data: bytes
    name: str
    mime: str
    etag: str


class Shelf:
    """Builds files and remembers the last ones; safe to use from many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Body] = OrderedDict()
        self._lock = threading.Lock()
        self._building: dict[tuple[object, ...], threading.Lock] = {}
        self._instead: dict[int, Body] = {}

    def serve_instead(self, release: Release, data: bytes, mime: str = "application/zip") -> None:
        """From now on these bytes are the file of this release, in every format."""
        suffix = ".zip" if mime == "application/zip" else ".bin"
        self._instead[release.release_id] = _body(data, f"{archive.entry_part(release.title)}{suffix}", mime)

    def download(
        self,
        release: Release,
        fmt: str,
        style: ZipStyle,
        *,
        rebuilt: bool = False,
        damage: int = 0,
    ) -> Body:
        """The file of one purchase.

        `rebuilt` gives other bytes for the same music, as after a rebuild on the server.
        `damage` gives an archive that is sound in itself, but as many bytes of whose first track are
        wrong. One byte in lossless music is found by the music's own checksum alone.
        """
        if release.release_id in self._instead:
            return self._instead[release.release_id]
        label = (release.release_id, release.revision, len(release.available()), fmt, style)
        place = (*label, rebuilt, damage)
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
            gate = self._building.setdefault(place, threading.Lock())
        with gate:
            with self._lock:
                if place in self._kept:
                    return self._kept[place]
            body = self._build(release, fmt, style, rebuilt, damage)
            with self._lock:
                self._kept[place] = body
                self._building.pop(place, None)
                while len(self._kept) > 1 and self._weight() > _KEPT:
                    self._kept.popitem(last=False)
            return body

    def stream(self, release: Release, track: Track, fmt: str) -> bytes:
        """One track as it is streamed: untagged, as Bandcamp's streams nearly are."""
        return tone(track.track_id, track.duration, fmt)

    def announced(self, release: Release, fmt: str) -> str:
        """`size_mb` as the page prints it, close to the real size."""
        tracks = release.available()
        seconds = sum(track.duration for track in tracks)
        size = seconds * _RATES[fmt] + len(tracks) * _embedded_size(release, fmt)
        if not release.bare:
            size += len(cover(release.art_id, "16"))
        if release.extras and not release.bare:
            size += len(film()) + len(booklet(release.title))
        megabytes = size / (1 << 20)
        return f"{megabytes:.0f}MB" if megabytes >= 50 else f"{megabytes:.3g}MB"

    def _weight(self) -> int:
        return sum(len(body.data) for body in self._kept.values())

    def _build(self, release: Release, fmt: str, style: ZipStyle, rebuilt: bool, damage: int) -> Body:
        suffix, mime, _ = FORMATS[fmt]
        name = f"{archive.entry_part(release.artist)} - {archive.entry_part(release.title)}"
        files = [self._entry(release, track, fmt, rebuilt) for track in release.available()]
        if damage and files:
            files[0] = (files[0][0], flipped(files[0][1], len(files[0][1]) * 7 // 10, damage))
        if release.bare:
            return _body(files[0][1], name + suffix, mime)
        files.append(("cover.jpg", cover(release.art_id, "16")))
        if release.extras and style.extras:
            files.append((f"{name} - Booklet.pdf", booklet(release.title)))
            files.append((f"{name} - Film.mp4", film()))
        if rebuilt:
            files.reverse()
        return _body(archive.build(files, name, style, release.date), name + ".zip", "application/zip")

    def _entry(self, release: Release, track: Track, fmt: str, rebuilt: bool) -> tuple[str, bytes]:
        suffix = FORMATS[fmt][0]
        tags = Tags(
            title=track.title,
            artist=track.artist,
            album=release.title,
            album_artist=release.artist,
            number=track.number,
            year=release.date.year,
            comment="Rebuilt by the stand-in" if rebuilt else "Made by the stand-in",
            cover=cover(release.art_id, "2"),
        )
        data = tagged(tone(track.track_id, track.duration, fmt), fmt, tags)
        artist, album, title = (archive.entry_part(text) for text in (release.artist, release.title, track.title))
        return f"{artist} - {album} - {track.number:02d} {title}{suffix}", data


def flipped(data: bytes, offset: int, count: int = 1) -> bytes:
    """The same bytes but for `count` of them."""
    wrong = bytes(byte ^ 0xFF for byte in data[offset : offset + count])
    return data[:offset] + wrong + data[offset + count :]


def _embedded_size(release: Release, fmt: str) -> int:
    return 0 if fmt == "vorbis" else len(cover(release.art_id, "2")) + 1500


def _body(data: bytes, name: str, mime: str) -> Body:
    return Body(data, name, mime, f'"{hashlib.sha256(data).hexdigest()[:24]}"')
