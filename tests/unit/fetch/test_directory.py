import io
import zipfile

import pytest
from bandcamp_sync.errors import ArchiveBroken
from bandcamp_sync.fetch.directory import TAIL_BYTES, Entry, TailTooShort, read_directory
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import archive

MEMBERS = {
    "Los Faros - Night Ferry - 01 Quay.flac": b"fLaC" * 900,
    "Ünïcode 日本.flac": b"\x00" * 50,
    "cover.jpg": b"\xff\xd8",
}


def tail_of(content: bytes, size: int) -> bytes:
    return content[-size:]


@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize("descriptors", [True, False])
def test_the_directory_is_read_from_the_end_alone(deflated: bool, descriptors: bool) -> None:
    content = archive(MEMBERS, deflated, descriptors)
    entries = read_directory(tail_of(content, 400), len(content))
    assert [(one.ordinal, one.name, one.size) for one in entries] == [
        (n, name, len(data)) for n, (name, data) in enumerate(MEMBERS.items())
    ]
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert [(one.start, one.crc) for one in entries] == [(i.header_offset, i.CRC) for i in opened.infolist()]
        assert entries[-1].end == opened.start_dir
    assert [one.end for one in entries[:-1]] == [one.start for one in entries[1:]]


def test_each_member_begins_and_ends_where_the_directory_says() -> None:
    content = archive(MEMBERS)
    for one in read_directory(content, len(content)):
        assert content[one.start :].startswith(b"PK\x03\x04")
        assert content[one.end :].startswith((b"PK\x03\x04", b"PK\x01\x02"))


@given(st.integers(1, 400))
def test_a_tail_that_is_too_short_says_how_much_is_needed_and_that_is_enough(size: int) -> None:
    content = archive({f"{n:02d} track.flac": bytes(n) for n in range(8)})
    try:
        assert len(read_directory(tail_of(content, size), len(content))) == 8
    except TailTooShort as short:
        assert size < short.wanted <= len(content)
        again = short.wanted
        for _ in range(3):
            try:
                assert len(read_directory(tail_of(content, again), len(content))) == 8
                return
            except TailTooShort as more:
                assert again < more.wanted <= len(content)
                again = more.wanted
        raise AssertionError("never enough") from None


def test_folders_and_an_empty_archive_are_fine() -> None:
    content = archive({"Night Ferry/": b"", "Night Ferry/01.flac": b"x"})
    assert [one.is_folder for one in read_directory(content, len(content))] == [True, False]
    assert read_directory(archive({}), len(archive({}))) == []


def test_an_archive_as_large_as_an_album_needs_no_more_than_the_usual_tail() -> None:
    content = archive({f"Artist - Album - {n:02d} A rather long title of a track.flac": b"x" * 2000 for n in range(99)})
    assert len(read_directory(tail_of(content, TAIL_BYTES), len(content))) == 99


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x00" * 5000, archive(MEMBERS)[:-10], b"fLaC" * 100])
def test_what_does_not_end_like_an_archive_is_broken(content: bytes) -> None:
    with pytest.raises((ArchiveBroken, TailTooShort)):
        read_directory(content, len(content))


# A zero can leave a member without a name, which has its own test below.
DAMAGE = st.binary(min_size=1, max_size=6).filter(lambda damage: 0 not in damage)


@given(st.data(), DAMAGE)
def test_any_damage_to_a_directory_is_found_or_harmless(data: st.DataObject, damage: bytes) -> None:
    content = bytearray(archive(MEMBERS))
    at = data.draw(st.integers(len(content) - 260, len(content) - len(damage)))
    content[at : at + len(damage)] = damage
    try:
        assert all(isinstance(one, Entry) for one in read_directory(bytes(content), len(content)))
    except (ArchiveBroken, TailTooShort):
        return


def test_a_member_without_a_name_is_a_broken_archive() -> None:
    content = archive(MEMBERS).replace(b"cover.jpg", b"\x00over.jpg")
    with pytest.raises(ArchiveBroken):
        read_directory(content, len(content))
