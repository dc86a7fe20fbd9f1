import pytest
from bandcamp_sync.bandcamp.formats import FORMATS, choose_format


def test_there_are_bandcamps_eight_formats() -> None:
    assert FORMATS == {
        "flac": "flac",
        "mp3-320": "mp3",
        "mp3-v0": "mp3",
        "aac-hi": "m4a",
        "vorbis": "ogg",
        "alac": "m4a",
        "wav": "wav",
        "aiff-lossless": "aiff",
    }


@pytest.mark.parametrize(
    ("preferred", "offered", "chosen"),
    [
        (["flac"], ["mp3-320", "flac"], "flac"),
        (["flac", "mp3-320"], ["mp3-320", "wav"], "mp3-320"),
        (["mp3-320", "flac"], ["flac", "mp3-320"], "mp3-320"),
        (["flac"], ["wav"], None),
        (["flac"], [], None),
        ([], ["flac"], None),
    ],
)
def test_the_first_preferred_format_that_is_offered_is_chosen(
    preferred: list[str], offered: list[str], chosen: str | None
) -> None:
    assert choose_format(preferred, offered) == chosen
