import json
import threading
from pathlib import Path

import pytest
from bandcamp_sync.errors import DiskFull, FolderTrouble, MusicFolderMissing
from bandcamp_sync.library.marker import (
    check_music_folder,
    check_room,
    library_name,
    mark_music_folder,
    write_marker,
)
from bandcamp_sync.paths import DataFolder, MusicFolder
from unit.factories import NOW

Folders = tuple[DataFolder, MusicFolder]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return DataFolder(tmp_path / "data"), MusicFolder(tmp_path / "music")


def test_the_first_run_marks_the_folder_and_the_next_ones_find_it(folders: Folders) -> None:
    data, music = folders
    mark_music_folder(data, music, True, NOW)
    name = library_name(music)
    mark_music_folder(data, music, False, NOW)
    assert name is not None and library_name(music) == name
    assert json.loads(data.library_id.read_text())["library"] == name


def test_a_folder_without_its_marker_is_not_mounted_once_the_books_know_of_music(folders: Folders) -> None:
    data, music = folders
    mark_music_folder(data, music, True, NOW)
    music.marker.unlink()
    for books_empty in (True, False):
        with pytest.raises(MusicFolderMissing):
            mark_music_folder(data, music, books_empty, NOW)
    assert not music.marker.exists()


def test_books_with_receipts_and_an_unmarked_folder_are_an_alarm_even_without_an_id(folders: Folders) -> None:
    with pytest.raises(MusicFolderMissing):
        check_music_folder(*folders, books_empty=False)


def test_looking_writes_nothing(folders: Folders, tmp_path: Path) -> None:
    check_music_folder(*folders, books_empty=True)
    assert list(tmp_path.iterdir()) == []


def test_new_books_take_over_the_name_of_a_marked_folder(folders: Folders, tmp_path: Path) -> None:
    data, music = folders
    mark_music_folder(data, music, True, NOW)
    name, later = library_name(music), DataFolder(tmp_path / "new data")
    mark_music_folder(later, music, True, NOW)
    assert library_name(music) == name and later.library_id.read_bytes() == data.library_id.read_bytes()


def test_a_folder_that_is_taken_on_purpose_is_marked_again(folders: Folders) -> None:
    data, music = folders
    mark_music_folder(data, music, True, NOW)
    music.marker.unlink()
    write_marker(data, music, NOW)
    check_music_folder(data, music, books_empty=False)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}"])
def test_a_marker_that_says_nothing_has_no_name(folders: Folders, content: str | None) -> None:
    music = folders[1]
    if content is not None:
        music.own.mkdir(parents=True)
        music.marker.write_text(content)
    assert library_name(music) is None


def test_a_place_where_no_folder_can_be_made_is_told_with_what_to_do(folders: Folders) -> None:
    data, music = folders
    music.root.write_text("a file in the way")
    with pytest.raises(FolderTrouble, match=r"cannot be written .*; run: chown"):
        mark_music_folder(data, music, True, NOW)


def test_there_is_room_until_the_floor_is_reached(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    check_room(music, 1, 1)
    for wanted, floor in ((10**18, 0), (0, 10**18)):
        with pytest.raises(DiskFull) as caught:
            check_room(music, wanted, floor)
        assert caught.value.wanted == 10**18 and caught.value.free < 10**18


def test_many_workers_at_the_very_first_run_agree_and_raise_no_alarm(tmp_path: Path) -> None:
    for number in range(40):
        data, music = DataFolder(tmp_path / f"data{number}"), MusicFolder(tmp_path / f"music{number}")
        data.state.mkdir(parents=True)
        ready, failed, names = threading.Barrier(6), list[BaseException](), set[bytes]()

        def run(
            data: DataFolder = data,
            music: MusicFolder = music,
            ready: threading.Barrier = ready,
            failed: list[BaseException] = failed,
            names: set[bytes] = names,
        ) -> None:
            ready.wait()
            try:
                mark_music_folder(data, music, True, NOW)
                names.add(data.library_id.read_bytes())
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert names == {music.marker.read_bytes()}


def test_a_link_that_leads_nowhere_is_no_marker_and_gives_way_to_one(folders: Folders) -> None:
    data, music = folders
    music.own.mkdir(parents=True)
    music.marker.symlink_to("nowhere")
    write_marker(data, music, NOW)
    assert library_name(music)
