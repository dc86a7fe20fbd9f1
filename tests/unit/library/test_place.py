from pathlib import Path

import pytest
from bandcamp_sync.library.place import clean_fetched, clean_staging, place, undo_half_replace
from bandcamp_sync.paths import MusicFolder
from unit.factories import KEY

FOLDER = "Los Faros/Night Ferry"


@pytest.fixture
def music(tmp_path: Path) -> MusicFolder:
    return MusicFolder(tmp_path / "music")


def staged(music: MusicFolder, content: str = "new", key: str = KEY) -> Path:
    folder = music.staging / key / "album"
    folder.mkdir(parents=True)
    (folder / "01 Quay.flac").write_text(content)
    return folder


def album(music: MusicFolder, folder: str, content: str = "other") -> Path:
    (music.root / folder).mkdir(parents=True)
    (music.root / folder / "01 Quay.flac").write_text(content)
    return music.root / folder


def content(music: MusicFolder) -> dict[str, str]:
    return {
        path.parent.relative_to(music.root).as_posix(): path.read_text()
        for path in music.root.rglob("*.flac")
        if not path.is_relative_to(music.own)
    }


def test_an_album_appears_in_its_folder_and_is_announced_before(music: MusicFolder) -> None:
    def announce(folder: str) -> None:
        assert folder == FOLDER and not (music.root / folder).exists()

    assert place(music, staged(music), FOLDER, KEY, None, announce) == FOLDER
    assert content(music) == {FOLDER: "new"}
    assert not (music.staging / KEY / "album").exists()


def test_where_another_album_lies_the_key_is_added(music: MusicFolder) -> None:
    album(music, FOLDER)
    announced: list[str] = []
    assert place(music, staged(music), FOLDER, KEY, None, announced.append) == f"{FOLDER} [{KEY}]"
    assert content(music) == {FOLDER: "other", f"{FOLDER} [{KEY}]": "new"}
    assert announced == [f"{FOLDER} [{KEY}]"]


def test_an_empty_folder_is_no_album(music: MusicFolder) -> None:
    (music.root / FOLDER).mkdir(parents=True)
    assert place(music, staged(music), FOLDER, KEY, None, lambda folder: None) == FOLDER


def test_a_file_in_the_way_is_left_alone(music: MusicFolder) -> None:
    (music.root / "Los Faros").mkdir(parents=True)
    (music.root / FOLDER).write_text("a file")
    assert place(music, staged(music), FOLDER, KEY, None, lambda folder: None) == f"{FOLDER} [{KEY}]"
    assert (music.root / FOLDER).read_text() == "a file"


def test_where_both_names_are_taken_nothing_is_replaced(music: MusicFolder) -> None:
    album(music, FOLDER)
    album(music, f"{FOLDER} [{KEY}]")
    with pytest.raises(FileExistsError):
        place(music, staged(music), FOLDER, KEY, None, lambda folder: None)
    assert content(music) == {FOLDER: "other", f"{FOLDER} [{KEY}]": "other"}
    assert (music.staging / KEY / "album" / "01 Quay.flac").read_text() == "new"


def test_an_album_that_comes_again_takes_its_own_place(music: MusicFolder) -> None:
    own = f"{FOLDER} [{KEY}]"
    album(music, own, "old")
    announced: list[str] = []
    assert place(music, staged(music), FOLDER, KEY, own, announced.append) == own
    assert content(music) == {own: "new"} and announced == [own]
    assert list((music.staging / KEY).iterdir()) == []


def test_an_album_that_was_deleted_comes_back_to_its_own_place(music: MusicFolder) -> None:
    assert place(music, staged(music), FOLDER, KEY, "Moved/Here", lambda folder: None) == "Moved/Here"
    assert content(music) == {"Moved/Here": "new"}


def test_what_cleaning_was_cut_off_at_is_cleaned_by_the_next(music: MusicFolder) -> None:
    staged(music, key="p1.0123.discarded")
    clean_staging(music, "p1.0123.discarded")
    assert list(music.staging.iterdir()) == []


def test_after_a_crash_between_the_two_renames_the_old_album_is_put_back(music: MusicFolder) -> None:
    old = album(music, FOLDER, "old")
    (music.staging / KEY).mkdir(parents=True)
    old.rename(music.staging / KEY / "replaced")
    for _ in range(2):
        undo_half_replace(music, KEY, FOLDER)
        assert content(music) == {FOLDER: "old"}


def test_after_a_crash_behind_both_renames_the_new_album_stays(music: MusicFolder) -> None:
    album(music, FOLDER, "new")
    (music.staging / KEY / "replaced").mkdir(parents=True)
    undo_half_replace(music, KEY, FOLDER)
    assert content(music) == {FOLDER: "new"}
    assert place(music, staged(music, "newer"), FOLDER, KEY, FOLDER, lambda folder: None) == FOLDER
    assert content(music) == {FOLDER: "newer"}


def test_cleaning_removes_what_is_left_of_this_purchase_alone(music: MusicFolder) -> None:
    staged(music)
    staged(music, key="p1")
    for _ in range(2):
        clean_staging(music, KEY)
    assert [path.name for path in music.staging.iterdir()] == ["p1"]


def test_what_was_fetched_of_a_purchase_that_is_given_up_is_removed_under_its_former_names_too(
    music: MusicFolder,
) -> None:
    for name in ("r-a1000000021", "r0", "r12", "stream", "replaced"):
        (music.staging / KEY / name).mkdir(parents=True)
    clean_fetched(music, KEY)
    assert [path.name for path in (music.staging / KEY).iterdir()] == ["replaced"]
