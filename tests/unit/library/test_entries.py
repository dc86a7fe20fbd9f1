import pytest
from bandcamp_sync.library.entries import entry_title
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text(st.sampled_from("abcXYZ éß日5 -/:?!&.'"), min_size=1, max_size=20).map(str.strip)
NAMES = WORDS.filter(lambda text: any(char.isalpha() for char in text))


@pytest.mark.parametrize(
    ("entry", "artist", "album", "found"),
    [
        ("Los Faros - Night Ferry - 01 Quay.flac", "Los Faros", "Night Ferry", (1, "Quay")),
        ("Los Faros - Night Ferry/Los Faros - Night Ferry - 02 Fog.mp3", "Los Faros", "Night Ferry", (2, "Fog")),
        ("Los Faros - Night Ferry/03 Tide.flac", "Los Faros", "Night Ferry", (3, "Tide")),
        ("AC-DC - A - B - 04 C - D.flac", "AC/DC", "A - B", (4, "C - D")),
        ("A - B - C - 01 One - 02 Two.flac", "A - B", "C", (1, "One - 02 Two")),
        ("!!! - ??? - 05 Why.flac", "!!!", "???", (5, "Why")),
        ("Bjo\u0308rk - Vespertine - 06 Aurora.flac", "Björk", "Vespertine", (6, "Aurora")),
        ("Label - Sampler - 07 Someone - Their Song.flac", "Label", "Sampler", (7, "Someone - Their Song")),
        ("Someone - Their Album - 08 Song.flac", "A Label", "Their Album", (8, "Song")),
        ("Los Faros - Single.flac", "Los Faros", "Single", (None, "Single")),
        ("Los Faros - Night Ferry - 112 Long.flac", "Los Faros", "Night Ferry", (112, "Long")),
        ("Los Faros - Night Ferry - 09 No. 9.flac", "Los Faros", "Night Ferry", (9, "No. 9")),
        ("10. Plain.flac", "x", "y", (10, "Plain")),
        ("Plain.flac", "x", "y", (None, "Plain")),
        ("Los Faros - Night Ferry - 11.flac", "Los Faros", "Night Ferry", (11, "")),
        ("", "x", "y", (None, "")),
    ],
)
def test_number_and_title_are_read_from_the_left(
    entry: str, artist: str, album: str, found: tuple[int | None, str]
) -> None:
    assert entry_title(entry, artist, album) == found


@given(NAMES, NAMES, st.integers(1, 99), NAMES)
def test_what_bandcamp_put_into_a_name_is_read_back(artist: str, album: str, number: int, title: str) -> None:
    title = title.replace("/", "-").strip(" ._-")
    entry = f"{artist} - {album} - {number:02d} {title}.flac".replace("/", "-")
    got_number, got_title = entry_title(entry, artist, album)
    assert got_number is not None
    assert got_title.endswith(title) or title.endswith(got_title)


@given(st.text(max_size=3000), st.text(max_size=50), st.text(max_size=50))
def test_any_entry_name_is_read_without_an_error(entry: str, artist: str, album: str) -> None:
    number, title = entry_title(entry, artist, album)
    assert number is None or number >= 0
    assert len(title) <= 1000


def test_an_entry_name_made_to_take_long_does_not() -> None:
    assert entry_title("- " * 30_000, "a - " * 100, "b")[0] is None
