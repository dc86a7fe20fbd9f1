from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.tags import Tags, fill_tags, read_tags, write_tags
from mutagen import File
from mutagen.id3 import ID3, TIT2, TPE1

KINDS = ["sixteen.flac", "constant.mp3", "aac.m4a", "alac.m4a", "vorbis.ogg", "sixteen.wav", "sixteen.aiff"]
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200) + b"\xff\xd9"
WANTED = Tags("Back/in Black?", "AC/DC", "Über: \u65e5\u672c", "Various", 7, 1980)


@pytest.fixture(params=KINDS)
def track(request: pytest.FixtureRequest, sounds: dict[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    path.write_bytes(sounds[str(request.param)])
    return path


def pictures(path: Path) -> int:
    file: Any = File(path)
    names = [name for name in file.tags.keys() if name.lower().startswith(("apic", "covr", "metadata_block"))]  # noqa: SIM118
    return len(names) + len(getattr(file, "pictures", []))


def test_a_track_without_tags_is_filled_and_reads_back_the_same(track: Path) -> None:
    assert fill_tags(track, WANTED, JPEG)
    assert read_tags(track) == WANTED


def test_filling_twice_changes_nothing_the_second_time(track: Path) -> None:
    fill_tags(track, WANTED, JPEG)
    before = track.read_bytes()
    assert not fill_tags(track, WANTED, JPEG)
    assert not fill_tags(track, Tags("other", "other", "other", "other", 1, 2000), JPEG + b"x")
    assert track.read_bytes() == before


def test_filling_leaves_what_is_there_and_adds_the_rest(track: Path) -> None:
    write_tags(track, Tags(title="As Bandcamp wrote it", track_number=3), None)
    assert fill_tags(track, WANTED, None)
    assert read_tags(track) == Tags("As Bandcamp wrote it", "AC/DC", WANTED.album, "Various", 3, 1980)


def test_filling_leaves_the_audio_as_it_was(track: Path) -> None:
    before = decode(track)
    fill_tags(track, WANTED, JPEG)
    assert decode(track) == before


def test_the_cover_is_embedded_once_and_never_replaced(track: Path) -> None:
    assert fill_tags(track, Tags(), JPEG)
    assert pictures(track) == 1
    assert JPEG in track.read_bytes() or track.suffix == ".ogg"
    assert not fill_tags(track, Tags(), JPEG[:-2] + b"other")


def test_what_is_no_picture_is_not_embedded(track: Path) -> None:
    before = track.read_bytes()
    assert not fill_tags(track, Tags(), b"<html>not found</html>")
    assert not fill_tags(track, Tags(), None)
    assert track.read_bytes() == before


def test_control_characters_do_not_reach_the_tags(track: Path) -> None:
    fill_tags(track, Tags(title="one\ntwo\x00\x1b[31m", artist="\x07"), None)
    assert read_tags(track) == Tags(title="one two[31m", artist=read_tags(track).artist)
    assert read_tags(track).artist is None


def test_writing_replaces_what_is_given_and_leaves_the_rest(track: Path) -> None:
    write_tags(track, WANTED, None)
    assert write_tags(track, Tags(title="New"), None)
    assert read_tags(track) == Tags("New", "AC/DC", WANTED.album, "Various", 7, 1980)
    assert not write_tags(track, Tags(title="New"), None)


def test_tags_of_version_2_3_stay_2_3_and_keep_several_artists(sounds: dict[str, bytes], tmp_path: Path) -> None:
    track = tmp_path / "a.mp3"
    track.write_bytes(sounds["constant.mp3"])
    new: Any = ID3
    tags = new()
    title: Any = TIT2
    artist: Any = TPE1
    tags.add(title(encoding=1, text=["T"]))
    tags.add(artist(encoding=1, text=["A/B", "C"]))
    tags.save(track, v2_version=3, v23_sep=None)
    assert fill_tags(track, WANTED, JPEG)
    again = new(track)
    assert again.version == (2, 3, 0)
    assert again["TPE1"].text == ["A/B", "C"]
    assert read_tags(track).year == 1980


def test_a_track_number_with_a_total_is_there_already(sounds: dict[str, bytes], tmp_path: Path) -> None:
    track = tmp_path / "a.flac"
    track.write_bytes(sounds["sixteen.flac"])
    file: Any = File(track)
    file["tracknumber"] = "4/12"
    file["date"] = "2019-05-01"
    file.save()
    assert read_tags(track) == Tags(track_number=4, year=2019)
    assert not fill_tags(track, Tags(track_number=9, year=1999), None)


def test_a_file_that_is_no_audio_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    for content in (b"", b"<html>", b"fLaC" + bytes(40), b"OggS" + bytes(40)):
        path.write_bytes(content)
        with pytest.raises(BadAudio):
            read_tags(path)


def test_a_missing_file_is_trouble_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fill_tags(tmp_path / "missing.mp3", WANTED, None)
