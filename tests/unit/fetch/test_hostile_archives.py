"""Each hostile archive, given to the unpacker as it streams in and as a whole: nothing leaves the folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bandcamp_sync.errors import ArchiveBroken, ItemTrouble, TransferBroken
from bandcamp_sync.fetch.directory import read_directory
from bandcamp_sync.fetch.journal import Workspace
from bandcamp_sync.fetch.limits import LIMITS, ArchiveRefused, Budget, Limits
from bandcamp_sync.fetch.unpack import NeedsWholeArchive, unpack, unpack_file
from hostile.cases import CASES
from hostile.zips import Entry, build, zeros


def _pieces(content: bytes) -> Iterator[bytes]:
    for at in range(0, len(content), 65536):
        yield content[at : at + 65536]


def _assert_inside(root: Path, own: set[str]) -> None:
    """Plain files of our own names in the one folder, and nothing beside it."""
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        assert not path.is_symlink() and (path.is_file() or path.is_dir())
        assert relative.parts[0] in own, path
        if path.is_file() and relative.parts[0] != "album.zip":
            assert path.name == "journal.json" or path.name.startswith("m0") or path.name.startswith("m1"), path
            assert not path.stat().st_mode & 0o111


@pytest.mark.parametrize("name", CASES)
def test_an_archive_ends_unpacked_or_refused_and_within_its_folder(name: str, tmp_path: Path) -> None:
    content = CASES[name].make()
    streamed, whole = Workspace(tmp_path / "deep" / "streamed", "wav"), Workspace(tmp_path / "deep" / "whole", "wav")
    (tmp_path / "album.zip").write_bytes(content)
    ways: tuple[Callable[[], None], ...] = (
        lambda: unpack(_pieces(content), streamed, 0, None),
        lambda: unpack_file(tmp_path / "album.zip", whole),
    )
    for way in ways:
        try:
            way()
        except NeedsWholeArchive:
            pass
        except ItemTrouble as trouble:
            assert "\n" not in trouble.sentence and len(trouble.sentence) < 200
    _assert_inside(tmp_path, {"album.zip", "deep"})
    if CASES[name].places:
        assert {m.name for m in streamed.journal.members} == {m.name for m in whole.journal.members}
        assert len(whole.journal.members) == len(CASES[name].places) == len(streamed.journal.members)


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if "special" in str(case.fails) or "overlap" in str(case.fails)]
)
def test_what_the_directory_betrays_is_refused_before_anything_is_unpacked(name: str, tmp_path: Path) -> None:
    content = CASES[name].make()
    with pytest.raises(ArchiveBroken):
        read_directory(content, len(content))
    (tmp_path / "album.zip").write_bytes(content)
    space = Workspace(tmp_path / "0", "wav")
    with pytest.raises(ArchiveBroken):
        unpack_file(tmp_path / "album.zip", space)
    assert os.listdir(space.folder) == []  # noqa: PTH208


SMALL = Limits(entries=3, directory=300, floor=32 << 20)


@pytest.mark.parametrize("announced", [True, False])
def test_a_bomb_is_ended_at_its_limit_and_not_after_it(announced: bool, tmp_path: Path) -> None:
    bomb = zeros("01.wav", 96 << 20)
    space = Workspace(tmp_path / "0", "wav")
    content = build([bomb if announced else Entry("01.wav", packed=bomb.packed, size=100, crc=bomb.crc)])
    with pytest.raises(ArchiveRefused, match="unpacks to"):
        unpack(_pieces(content), space, 0, None, SMALL)
    written = sum(path.stat().st_size for path in space.folder.iterdir())
    assert written <= SMALL.floor + len(content) * SMALL.ratio + (1 << 20)
    (tmp_path / "album.zip").write_bytes(content)
    with pytest.raises(ArchiveBroken):
        unpack_file(tmp_path / "album.zip", Workspace(tmp_path / "1", "wav"), SMALL)


def test_silence_that_packs_a_thousandfold_is_music_and_is_unpacked(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "0", "wav")
    content = build([zeros("01.wav", 64 << 20)])
    assert len(content) < 100_000
    unpack(_pieces(content), space, 0, None)
    assert [member.size for member in space.journal.members] == [64 << 20]


def test_so_many_entries_and_no_more(tmp_path: Path) -> None:
    three = [Entry(f"{n}.wav", b"x") for n in range(3)]
    unpack(_pieces(build(three)), Workspace(tmp_path / "0", "wav"), 0, None, SMALL)
    with pytest.raises(ArchiveRefused, match="more than 3 files"):
        unpack(_pieces(build([*three, Entry("4.wav")])), Workspace(tmp_path / "1", "wav"), 0, None, SMALL)
    with pytest.raises(ArchiveRefused, match="more than 3 files"):
        read_directory(build([*three, Entry("4.wav")]), 10_000_000, SMALL)


def test_names_of_any_length_have_one_allowance_together() -> None:
    budget = Budget(SMALL)
    budget.entry(b"x" * 200, 0)
    with pytest.raises(ArchiveRefused):
        budget.entry(b"x" * 200, 1)


def test_a_download_may_be_larger_than_announced_but_not_without_end() -> None:
    assert LIMITS.most_bytes(79 << 20) == (158 << 20) + (1 << 30)
    assert LIMITS.most_bytes(None) == 100 << 30


def test_where_directory_and_archive_name_files_differently_a_resumed_download_starts_again(tmp_path: Path) -> None:
    content = build([Entry("01.wav", b"x" * 50), Entry("02.txt", b"y" * 50, local_name="02.wav")])
    entries = read_directory(content, len(content))
    space = Workspace(tmp_path, "wav")
    with pytest.raises(TransferBroken, match="list of content"):
        unpack(_pieces(content[entries[1].start :]), space, 1, entries[1:])
    assert space.journal.members == ()
