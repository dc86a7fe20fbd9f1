"""Every format is real: it decodes whole, and its tags are true."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import av
import mutagen
import pytest
from mutagen.flac import FLAC
from standin import World, ZipStyle
from standin.covers import SIZES, cover
from standin.extras import film
from standin.model import FORMATS, Release
from standin.shelf import Shelf

#: Where each family of tags keeps title, artist, album, album artist and track number.
VORBIS = ("title", "artist", "album", "albumartist", "tracknumber")
ID3 = ("TIT2", "TPE1", "TALB", "TPE2", "TRCK")
MP4 = ("\xa9nam", "\xa9ART", "\xa9alb", "aART", "trkn")


@pytest.fixture(scope="module")
def single() -> Iterator[Release]:
    """A track that arrives as a bare file."""
    world = World.build(12)
    release = next(entry.release for entry in world.purchases if entry.kind == "track")
    assert release is not None
    yield release


def _tags(data: bytes, fmt: str) -> list[str]:
    opened: Any = mutagen.File(io.BytesIO(data))
    names = VORBIS if fmt in ("flac", "vorbis") else MP4 if fmt in ("alac", "aac-hi") else ID3
    values = []
    for name in names:
        value = opened[name]
        value = value.text if hasattr(value, "text") else value
        value = value[0] if isinstance(value, list) else value
        values.append(str(value[0] if isinstance(value, tuple) else value))
    return values


@pytest.mark.parametrize("fmt", FORMATS)
def test_each_format_decodes_to_its_length_and_carries_true_tags(single: Release, fmt: str) -> None:
    body = Shelf().download(single, fmt, ZipStyle())
    track = single.tracks[0]
    assert body.name.endswith(FORMATS[fmt][0])
    with av.open(io.BytesIO(body.data), "r") as opened:
        samples = sum(int(frame.samples) for frame in opened.decode(audio=0))
        codec = opened.streams.audio[0].codec_context.name
    assert samples / 44_100 == pytest.approx(track.duration, abs=0.06)
    assert codec.startswith({"wav": "pcm", "aiff-lossless": "pcm", "aac-hi": "aac"}.get(fmt, fmt[:3]))
    wanted = [track.title, single.artist, single.title, single.artist, "1"]
    assert _tags(body.data, fmt) == wanted


def _sums(data: bytes) -> tuple[str, str]:
    """The checksum that a FLAC file claims for its samples, and the true one."""
    opened: Any = FLAC(io.BytesIO(data))  # type: ignore[no-untyped-call]
    digest = hashlib.md5()
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(audio=0):
            digest.update(bytes(frame.planes[0])[: frame.samples * 4])
    return f"{opened.info.md5_signature:032x}", digest.hexdigest()


def test_a_flac_carries_the_checksum_of_its_samples(single: Release) -> None:
    claimed, true = _sums(Shelf().download(single, "flac", ZipStyle()).data)
    assert claimed == true


@pytest.mark.parametrize("damage", [1, 8000])
def test_damaged_music_lies_in_a_file_that_looks_sound(single: Release, damage: int) -> None:
    shelf = Shelf()
    sound = shelf.download(single, "flac", ZipStyle()).data
    broken = shelf.download(single, "flac", ZipStyle(), damage=damage).data
    assert len(sound) == len(broken) and sum(a != b for a, b in zip(sound, broken, strict=True)) == damage
    claimed, true = _sums(broken)
    assert claimed != true


@pytest.mark.parametrize("size", SIZES)
def test_covers_are_pictures_of_the_asked_size(size: str) -> None:
    with av.open(io.BytesIO(cover(4_001_003, size)), "r") as opened:
        frame = next(opened.decode(video=0))
    assert frame.width == frame.height == SIZES[size]


def test_the_film_plays() -> None:
    with av.open(io.BytesIO(film()), "r") as opened:
        assert len(list(opened.decode(video=0))) == 10


def test_announced_sizes_are_near_the_real_ones() -> None:
    shelf = Shelf()
    for purchase in World.build(12).purchases:
        if purchase.release and purchase.downloadable:
            for fmt in purchase.formats:
                real = len(shelf.download(purchase.release, fmt, ZipStyle()).data) / (1 << 20)
                announced = float(shelf.announced(purchase.release, fmt).removesuffix("MB"))
                assert announced == pytest.approx(real, rel=0.2), (fmt, purchase.kind)
