import random
import struct
import time

import pytest
from bandcamp_sync.library.thumbnail import MAX_BYTES, SIDE, small_jpeg
from bandcamp_sync.pictures import JPEG, PNG, is_whole_jpeg, picture_size
from hypothesis import given
from hypothesis import strategies as st
from standin.covers import cover
from unit.pictures import jpeg_colours, png


@pytest.mark.parametrize("size", ["10", "16", "2"])
def test_a_cover_becomes_a_small_jpeg(size: str) -> None:
    small = small_jpeg(cover(4031, size))
    assert small is not None
    assert picture_size(small) == (SIDE, SIDE)
    assert is_whole_jpeg(small)
    assert len(small) < 32_000


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [(600, 400, (210, 140)), (400, 600, (140, 210)), (3, 3000, (1, 210)), (50, 40, (50, 40)), (1, 1, (1, 1))],
)
def test_proportions_are_kept_and_nothing_is_blown_up(width: int, height: int, wanted: tuple[int, int]) -> None:
    small = small_jpeg(png(width, height))
    assert small is not None
    assert picture_size(small) == wanted


@pytest.mark.parametrize("colour", [(200, 30, 90), (10, 10, 10), (250, 250, 250), (20, 90, 200)])
def test_colours_stay_what_they_are(colour: tuple[int, int, int]) -> None:
    small = small_jpeg(png(400, 400, colour))
    assert small is not None
    for seen in jpeg_colours(small):
        assert all(abs(a - b) <= 6 for a, b in zip(seen, colour, strict=True)), seen


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b"GIF89a" + bytes(100),
        JPEG + bytes(1000),
        PNG + bytes(1000),
        cover(4031, "9")[:-2000],
        png(300, 300)[:-40],
        png(300, 300).replace(b"IDAT", b"IDOT"),
    ],
)
def test_what_does_not_decode_is_no_picture(content: bytes) -> None:
    assert small_jpeg(content) is None


def test_bombs_are_not_opened() -> None:
    bomb, whole = png(10, 10), cover(4031, "10")
    announced = bomb[:16] + struct.pack(">II", 60_000, 60_000) + bomb[24:]
    bombs = {
        "pixels": announced,
        "bytes": whole + bytes(MAX_BYTES),
        "scans": whole[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 50_000 + whole[-2:],
        "a second frame": whole[:-2] + b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff" + whole[20:],
    }
    for name, content in bombs.items():
        began = time.monotonic()
        assert small_jpeg(content) is None, name
        assert time.monotonic() - began < 1, name


def test_no_damage_to_a_cover_gets_past_it() -> None:
    whole, dice = cover(4031, "2"), random.Random(7)
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(dice.randrange(1, 60)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        small = small_jpeg(bytes(content[: dice.randrange(len(content))]))
        assert small is None or is_whole_jpeg(small)


@given(st.binary(max_size=400), st.sampled_from([b"", JPEG, PNG + b"\0\0\0\rIHDR\0\0\0\x05\0\0\0\x05"]))
def test_no_bytes_are_too_odd_to_be_tried(content: bytes, magic: bytes) -> None:
    small = small_jpeg(magic + content)
    assert small is None or is_whole_jpeg(small)
