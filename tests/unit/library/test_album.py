from hashlib import sha256
from pathlib import Path

import pytest
from bandcamp_sync.library.album import About, Fetched, compose, file_sha256
from bandcamp_sync.library.tags import Tags, read_tags, write_tags

ABOUT = About("Los Faros", "Night Ferry", 2024, single=False)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


class Bench:
    """A folder with what was fetched, and the folder that becomes the album."""

    def __init__(self, root: Path, sounds: dict[str, bytes]) -> None:
        self.root, self.sounds, self.target = root, sounds, root / "album"
        self.fetched: list[Fetched] = []

    def add(self, name: str, content: bytes, tags: Tags | None = None) -> None:
        suffix = Path(name).suffix
        path = self.root / f"m{len(self.fetched):04d}{suffix}"
        path.write_bytes(content)
        if tags is not None:
            write_tags(path, tags, None)
        self.fetched.append(Fetched(path, name, file_sha256(path)))

    def flac(self, name: str, tags: Tags | None = None) -> None:
        self.add(name, self.sounds["sixteen.flac"], tags)

    def compose(self, about: About = ABOUT, cover: bytes | None = None) -> list[str]:
        """The names in the album, after checking that what is listed is what is there."""
        listed = compose(self.fetched, about, self.target, cover)
        for one in listed:
            content = (self.target / one.path).read_bytes()
            assert (one.size, one.sha256) == (len(content), sha256(content).hexdigest())
        names = [one.path for one in listed]
        assert sorted(names) == sorted(path.name for path in self.target.iterdir())
        return names


@pytest.fixture
def bench(tmp_path: Path, sounds: dict[str, bytes]) -> Bench:
    return Bench(tmp_path, sounds)


def test_tracks_are_named_by_number_and_title_and_the_cover_is_called_cover(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    bench.flac("Los Faros - Night Ferry/Los Faros - Night Ferry - 02 Fog: Part/Two.flac", Tags(title="Fog/Part Two"))
    bench.add("cover.jpg", JPEG)
    assert bench.compose() == ["01 Quay.flac", "02 Fog-Part Two.flac", "cover.jpg"]


def test_missing_tags_are_filled_in_and_what_the_artist_wrote_stays(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac", Tags(title="QUAY!", artist="Guest", track_number=7))
    bench.flac("Los Faros - Night Ferry - 02 Fog.flac")
    assert bench.compose() == ["07 QUAY!.flac", "02 Fog.flac"]
    assert read_tags(bench.target / "07 QUAY!.flac") == Tags("QUAY!", "Guest", "Night Ferry", "Los Faros", 7, 2024)
    assert read_tags(bench.target / "02 Fog.flac") == Tags("Fog", "Los Faros", "Night Ferry", "Los Faros", 2, 2024)


def test_what_was_fetched_stays_until_the_album_is_placed(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    bench.compose()
    assert all(one.path.exists() for one in bench.fetched)


def test_a_single_that_came_without_a_name_is_named_by_its_title(bench: Bench) -> None:
    bench.flac("m0000.flac")
    assert bench.compose(About("Los Faros", "Quay", None, single=True)) == ["01 Quay.flac"]
    assert read_tags(bench.target / "01 Quay.flac").album is None


def test_the_extension_follows_the_content(bench: Bench) -> None:
    bench.add("Los Faros - Night Ferry - 01 Quay.wav", bench.sounds["sixteen.flac"])
    assert bench.compose() == ["01 Quay.flac"]


def test_tracks_of_one_name_do_not_replace_each_other(bench: Bench) -> None:
    for _ in range(3):
        bench.flac("x.flac", Tags(title="Quay", track_number=1))
    assert bench.compose() == ["01 Quay.flac", "01 Quay (2).flac", "01 Quay (3).flac"]


def test_extras_keep_their_names_but_lead_nowhere(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    bench.add("Night Ferry/../../Booklet: final?.pdf", b"%PDF")
    bench.add("..", b"x")
    names = bench.compose()
    assert names[1] == "Booklet - final.pdf" and "/" not in "".join(names) and ".." not in names


@pytest.mark.parametrize("name", ["Los Faros - Night Ferry - cover.jpg", "Folder.JPEG", "front.jpg"])
def test_a_cover_of_another_name_is_the_cover(bench: Bench, name: str) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    bench.add(name, JPEG)
    assert bench.compose(cover=JPEG + b"other") == ["01 Quay.flac", "cover.jpg"]
    assert (bench.target / "cover.jpg").read_bytes() == JPEG


def test_a_cover_is_added_where_the_files_bring_none(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    assert bench.compose(cover=JPEG) == ["01 Quay.flac", "cover.jpg"]


def test_numbers_of_many_tracks_are_as_wide_as_they_must_be(bench: Bench, tmp_path: Path) -> None:
    for number in range(1, 101):
        bench.add(f"Los Faros - Night Ferry - {number:02d} T.mp3", b"no audio, but a name")
    names = bench.compose()
    assert (names[0], names[-1]) == ("001 T.mp3", "100 T.mp3")


def test_what_was_fetched_stays_as_it_was_hashed_when_tags_are_filled_in(bench: Bench) -> None:
    bench.flac("Los Faros - Night Ferry - 01 Quay.flac")
    bench.flac("Los Faros - Night Ferry - 02 Fog.flac", Tags("Fog", "Los Faros", "Night Ferry", "Los Faros", 2, 2024))
    bench.compose()
    assert [file_sha256(one.path) for one in bench.fetched] == [one.sha256 for one in bench.fetched]
    sames = [one.path.samefile(bench.target / name) for one, name in zip(bench.fetched, _names(bench), strict=True)]
    assert sames == [False, True], "only what changes is copied"


def _names(bench: Bench) -> list[str]:
    return sorted(path.name for path in bench.target.iterdir())
