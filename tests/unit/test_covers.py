import os
import time
from pathlib import Path

import pytest
from bandcamp_sync import covers
from bandcamp_sync.backup.save import save_backup
from bandcamp_sync.clock import Clock
from bandcamp_sync.covers import CoverFolder, CoverIds, art_number, cover_address
from bandcamp_sync.paths import DataFolder
from unit.factories import DAY, NOW, item


@pytest.fixture
def folder(tmp_path: Path) -> CoverFolder:
    return CoverFolder(tmp_path / "covers")


def names(folder: CoverFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


@pytest.mark.parametrize(
    ("art_id", "number"),
    [("4031", 4031), (4031, 4031), ("0000004031", 4031), (None, None), ("", None), ("0", None), ("x", None)],
)
def test_the_number_of_a_picture_is_a_number(art_id: object, number: int | None) -> None:
    assert art_number(item(art_id=art_id)) == number


@pytest.mark.parametrize("art_id", ["../../x", "1/2", "-5", "+5", "1.0", " 7", "٣", "9" * 30, "4031.jpg", "1\n"])
def test_nothing_but_digits_becomes_a_file_name(art_id: str) -> None:
    assert art_number(item(art_id=art_id)) is None


def test_a_picture_is_kept_and_read(folder: CoverFolder) -> None:
    assert folder.read(1) is None
    assert not folder.has(1)
    assert folder.keep(1, b"first")
    assert folder.keep(1, b"second")
    found = folder.read(1)
    assert found is not None
    assert found[0] == b"second"
    assert found[1].st_size == 6
    assert folder.pictures() == {1}
    assert folder.listed(NOW).known == {1}


def test_what_is_missing_is_known_until_its_time_is_over(folder: CoverFolder) -> None:
    folder.note_missing(7, NOW + 30 * DAY)
    assert folder.pictures() == frozenset()
    assert folder.listed(NOW + 29 * DAY).known == {7}
    assert folder.listed(NOW + 30 * DAY).known == frozenset()
    assert folder.listed(NOW - 2 * DAY).known == frozenset(), "a clock that jumped must not hide a picture for long"
    folder.keep(7, b"found")
    assert names(folder) == {"7.jpg"}


def test_a_full_folder_takes_no_more(folder: CoverFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covers, "MAX_FILES", 2)
    assert folder.keep(1, b"x")
    folder.note_missing(2, NOW + DAY)
    assert not folder.keep(3, b"x")
    folder.note_missing(4, NOW + DAY)
    assert folder.keep(1, b"newer"), "what is there is replaced all the same"
    assert names(folder) == {"1.jpg", "2.none"}


def test_a_sweep_removes_what_is_of_no_use_and_nothing_else(folder: CoverFolder) -> None:
    for number in (1, 2):
        folder.keep(number, b"x")
    folder.note_missing(11, NOW + DAY)
    folder.note_missing(12, NOW - DAY)
    folder.note_missing(13, NOW + DAY)
    for name, age in (("README.txt", 9 * DAY), (".3.jpg.0123.tmp", DAY / 48), (".4.jpg.0123.tmp", DAY)):
        (folder.path / name).write_text("x")
        os.utime(folder.path / name, ((NOW - age).timestamp(),) * 2)
    (folder.path / "9.jpg").mkdir()
    assert folder.sweep({1, 11, 12}, NOW) == 4
    assert names(folder) == {"1.jpg", "11.none", "README.txt", ".3.jpg.0123.tmp", "9.jpg"}


def test_odd_things_in_the_folder_are_neither_shown_nor_asked_for(folder: CoverFolder, tmp_path: Path) -> None:
    folder.path.mkdir()
    (folder.path / "1.jpg").mkdir()
    (folder.path / "2.jpg").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder.path / "3.jpg")
    (folder.path / "4.jpg").write_bytes(bytes(covers.MAX_BYTES + 1))
    (folder.path / "007.jpg").write_bytes(b"x")
    (tmp_path / "elsewhere").write_bytes(b"secret")
    assert [folder.read(number) for number in (1, 2, 3, 4, 10**200)] == [None] * 5
    assert folder.pictures() == {4}
    assert folder.listed(NOW).known == {1, 2, 3, 4}
    assert folder.keep(1, b"x")
    assert folder.read(1) is not None, "what was there is in quarantine"


@pytest.mark.parametrize("make", [lambda path: path.write_text("a file"), lambda path: None])
def test_a_folder_that_is_none_holds_nothing(folder: CoverFolder, make: object) -> None:
    assert callable(make)
    make(folder.path)
    assert folder.pictures() == frozenset()
    assert folder.listed(NOW).files == 0
    assert folder.sweep({1}, NOW) == 0
    assert CoverIds(folder).ids() == frozenset()


def test_the_ids_follow_the_folder(folder: CoverFolder) -> None:
    ids = CoverIds(folder)
    assert ids.ids() == frozenset()
    before = ids.version
    folder.keep(5, b"x")
    assert eventually(ids) == {5}
    assert ids.version == before + 1
    folder.picture(5).unlink()
    assert eventually(ids) == frozenset()
    assert ids.version == before + 2


def eventually(ids: CoverIds) -> frozenset[int]:
    """What is told once the pause after the last listing is over."""
    time.sleep(0.05)
    return ids.ids()


def test_a_folder_at_rest_is_not_listed_again(folder: CoverFolder) -> None:
    for number in range(1, 2001):
        folder.path.mkdir(exist_ok=True)
        folder.picture(number).touch()
    long_ago = time.time() - 60
    os.utime(folder.path, (long_ago, long_ago))
    ids = CoverIds(folder)
    assert len(ids.ids()) == 2000
    time.sleep(0.1)
    began = time.monotonic()
    assert all(len(ids.ids()) == 2000 for _ in range(2000))
    assert time.monotonic() - began < 0.5


def test_an_address_is_given_where_there_is_a_picture() -> None:
    assert cover_address(item(art_id="0000004031"), {4031}) == "/covers/4031.jpg"
    assert cover_address(item(art_id="4032"), {4031}) is None
    assert cover_address(item(art_id=None), {4031}) is None


def test_a_backup_leaves_the_pictures_out(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    data.state.mkdir(parents=True)
    save_backup(data, tmp_path / "without.tar.gz", Clock())
    CoverFolder(data.covers).keep(1, os.urandom(100_000))
    save_backup(data, tmp_path / "with.tar.gz", Clock())
    sizes = [(tmp_path / f"{name}.tar.gz").stat().st_size for name in ("without", "with")]
    assert abs(sizes[1] - sizes[0]) < 1000
