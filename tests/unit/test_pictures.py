import struct

import pytest
from bandcamp_sync.pictures import JPEG, PNG, is_whole_jpeg, picture_size
from hypothesis import given
from hypothesis import strategies as st
from standin.covers import cover
from unit.pictures import png


@pytest.mark.parametrize(("size", "pixels"), [("9", 210), ("3", 100), ("16", 700)])
def test_a_jpeg_tells_its_size(size: str, pixels: int) -> None:
    assert picture_size(cover(4031, size)) == (pixels, pixels)
    assert is_whole_jpeg(cover(4031, size))


def test_a_png_tells_its_size() -> None:
    assert picture_size(png(31, 7)) == (31, 7)
    assert not is_whole_jpeg(png(31, 7))


def test_fill_bytes_and_markers_without_a_length_are_passed_over() -> None:
    picture = cover(4031, "9")
    assert picture_size(picture[:2] + b"\xff\xff\xff\x01" + picture[2:]) == (210, 210)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html>",
        b"GIF89a\x01\x00\x01\x00",
        JPEG,
        JPEG + b"\xe0\x00\x00" * 100,
        b"\xff\xd8" + b"\xff" * 100_000,
        b"\xff\xd8\xff\xd9\xff\xc0\x00\x0b\x08\x00\x01\x00\x01",
        b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x00",
        PNG + b"\0\0\0\rIHDR" + struct.pack(">II", 0, 5),
        PNG + b"\0\0\0\rIDAT" + struct.pack(">II", 5, 5),
        PNG,
    ],
)
def test_what_is_no_picture_has_no_size(content: bytes) -> None:
    assert picture_size(content) is None


def test_a_jpeg_that_is_cut_off_is_not_whole() -> None:
    assert not is_whole_jpeg(cover(4031, "9")[:-100])
    assert picture_size(cover(4031, "9")[:-100]) == (210, 210)


@given(st.binary(max_size=300), st.sampled_from([b"", JPEG, PNG]))
def test_no_bytes_are_too_odd_to_be_looked_at(content: bytes, magic: bytes) -> None:
    size = picture_size(magic + content)
    assert size is None or (size[0] > 0 and size[1] > 0)
