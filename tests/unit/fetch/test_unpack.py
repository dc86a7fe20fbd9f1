import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from bandcamp_sync.errors import ArchiveBroken, TransferBroken
from bandcamp_sync.fetch.directory import entry_name, read_directory
from bandcamp_sync.fetch.journal import Workspace
from bandcamp_sync.fetch.unpack import NeedsWholeArchive, unpack, unpack_file
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.factories import archive

ALBUM = {
    "Los Faros - Night Ferry - 01 Quay.flac": bytes(range(256)) * 300,
    "Los Faros - Night Ferry - 02 日本.flac": b"fLaC" + b"\x00" * 999,
    "cover.jpg": b"\xff\xd8\xff\xe0",
}


def pieces(content: bytes, size: int = 700) -> Iterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def unpacked(folder: Path) -> dict[str, bytes]:
    """What a later run would find, after checking what the journal says of it."""
    found = {}
    for one in Workspace(folder, "flac").journal.members:
        content = (folder / one.file).read_bytes()
        assert (one.size, one.crc, one.sha256) == (len(content), zlib.crc32(content), sha256(content).hexdigest())
        found[one.name] = content
    return found


def streamed(content: bytes, folder: Path, first: int = 0) -> dict[str, bytes]:
    unpack(pieces(content), Workspace(folder, "flac"), first, None)
    return unpacked(folder)


# --- as it streams in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deflated", "descriptors"), [(True, True), (True, False), (False, False)])
def test_an_archive_is_unpacked_as_it_comes(deflated: bool, descriptors: bool, tmp_path: Path) -> None:
    assert streamed(archive(ALBUM, deflated, descriptors), tmp_path) == ALBUM


def test_stored_members_of_unknown_length_need_the_whole_archive(tmp_path: Path) -> None:
    with pytest.raises(NeedsWholeArchive):
        streamed(archive(ALBUM, deflated=False, descriptors=True), tmp_path)


@given(st.integers(1, 400))
@settings(deadline=None, max_examples=15)
def test_how_the_bytes_are_cut_into_pieces_does_not_matter(size: int) -> None:
    small = {"01.flac": b"x" * 500, "02.flac": b""}
    with TemporaryDirectory() as folder:
        content = archive(small, descriptors=True)
        unpack(pieces(content, size), Workspace(Path(folder), "flac"), 0, None)
        assert unpacked(Path(folder)) == small


def test_of_an_archive_that_ends_early_the_whole_members_are_kept(tmp_path: Path) -> None:
    content = archive(ALBUM, deflated=False)
    second = read_directory(content, len(content))[1]
    with pytest.raises(TransferBroken, match="ended early"):
        streamed(content[: second.end - 10], tmp_path)
    assert list(unpacked(tmp_path)) == list(ALBUM)[:1]


def test_an_archive_goes_on_at_the_first_member_that_is_missing(tmp_path: Path) -> None:
    content = archive(ALBUM, deflated=False)
    entries = read_directory(content, len(content))
    unpack(pieces(content[: entries[1].start]), Workspace(tmp_path, "flac"), 0, entries[:1])
    unpack(pieces(content[entries[1].start :]), Workspace(tmp_path, "flac"), 1, entries[1:])
    assert unpacked(tmp_path) == ALBUM


def test_a_member_that_is_here_is_not_written_again(tmp_path: Path) -> None:
    streamed(archive(ALBUM), tmp_path)
    before = {path.name: path.stat().st_ino for path in tmp_path.glob("m*")}
    streamed(archive(ALBUM), tmp_path)
    assert {path.name: path.stat().st_ino for path in tmp_path.glob("m*")} == before


def test_one_changed_byte_is_found_by_the_crc_and_the_member_is_not_had(tmp_path: Path) -> None:
    content = bytearray(archive(ALBUM, deflated=False))
    content[len(content) // 2] ^= 1
    with pytest.raises(TransferBroken):
        streamed(bytes(content), tmp_path)
    assert set(unpacked(tmp_path).items()) < set(ALBUM.items())


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html></html>" * 9, b"\x00" * 500, b"PK\x03\x04 and no more"]
)
def test_what_is_no_archive_is_a_broken_transfer(content: bytes, tmp_path: Path) -> None:
    with pytest.raises((TransferBroken, NeedsWholeArchive)):
        streamed(content, tmp_path)


@pytest.mark.parametrize(
    "name", ["../../evil.flac", "/etc/evil.flac", "a/../../evil.flac", "C:\\evil.flac", "x" * 300 + ".flac"]
)
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    assert streamed(archive({name: b"x"}), inside) == {name: b"x"}
    (inside.parent / "whole.zip").write_bytes(archive({name: b"x"}))
    unpack_file(inside.parent / "whole.zip", Workspace(inside.parent / "c", "flac"))
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["a/b/journal.json", "a/b/m0000.flac", "a/c/journal.json", "a/c/m0000.flac", "a/whole.zip"]


def test_folders_in_an_archive_make_no_files(tmp_path: Path) -> None:
    assert streamed(archive({"Night Ferry/": b"", "Night Ferry/01.flac": b"x"}), tmp_path) == {
        "Night Ferry/01.flac": b"x"
    }


def test_two_members_of_one_name_are_two_files(tmp_path: Path) -> None:
    path = tmp_path / "double.zip"
    with zipfile.ZipFile(path, "w") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("01.flac", b"one")
        opened.writestr("01.flac", b"two")
    streamed(path.read_bytes(), tmp_path / "s")
    assert sorted(file.read_bytes() for file in (tmp_path / "s").glob("m*")) == [b"one", b"two"]


# --- whole, on disk -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize("descriptors", [True, False])
def test_a_whole_archive_is_unpacked(deflated: bool, descriptors: bool, tmp_path: Path) -> None:
    path = tmp_path / "album.zip"
    path.write_bytes(archive(ALBUM, deflated, descriptors))
    for _ in range(2):
        unpack_file(path, Workspace(tmp_path / "0", "flac"))
        assert unpacked(tmp_path / "0") == ALBUM


@pytest.mark.parametrize(
    "content", [b"", b"<html>", archive(ALBUM)[:-30], archive(ALBUM, False).replace(bytes(range(256)), bytes(256), 1)]
)
def test_a_whole_archive_that_is_damaged_is_broken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "album.zip").write_bytes(content)
    with pytest.raises(ArchiveBroken):
        unpack_file(tmp_path / "album.zip", Workspace(tmp_path / "0", "flac"))


SMALL = {"01 \u65e5.flac": b"x" * 40, "cover.jpg": b"y"}


@given(st.data(), st.binary(min_size=1, max_size=4), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_damage_to_an_archive_is_found_by_an_error_of_ours_or_harmless(
    data: st.DataObject, damage: bytes, deflated: bool
) -> None:
    content = bytearray(archive(SMALL, deflated))
    at = data.draw(st.integers(0, len(content) - len(damage)))
    content[at : at + len(damage)] = damage
    with TemporaryDirectory() as folder:
        with suppress(TransferBroken, ArchiveBroken, NeedsWholeArchive):
            streamed(bytes(content), Path(folder))
        assert all(one in SMALL.values() for one in unpacked(Path(folder)).values())


def test_a_name_that_says_utf_8_and_is_not_is_a_broken_archive(tmp_path: Path) -> None:
    content = archive({"é.flac": b"x"}).replace("é".encode(), b"\xff\xfe")
    (tmp_path / "album.zip").write_bytes(content)
    with pytest.raises(ArchiveBroken):
        unpack_file(tmp_path / "album.zip", Workspace(tmp_path / "0", "flac"))


def test_an_archive_that_lacks_its_beginning_is_broken(tmp_path: Path) -> None:
    (tmp_path / "album.zip").write_bytes(archive(ALBUM)[50:])
    with pytest.raises(ArchiveBroken):
        unpack_file(tmp_path / "album.zip", Workspace(tmp_path / "0", "flac"))


def test_a_name_is_utf_8_or_the_old_code_page() -> None:
    assert entry_name("Ünïcode".encode()) == "Ünïcode"
    assert entry_name(b"Caf\x82.flac") == "Café.flac"
