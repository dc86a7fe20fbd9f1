import logging
import random
from pathlib import Path

import pytest
from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio import decode, is_audio, sniff

CODECS = {
    "sixteen.flac": "flac",
    "twentyfour.flac": "flac",
    "constant.mp3": "mp3",
    "variable.mp3": "mp3",
    "unannounced.mp3": "mp3",
    "aac.m4a": "aac",
    "aac-late-index.m4a": "aac",
    "alac.m4a": "alac",
    "vorbis.ogg": "vorbis",
    "sixteen.wav": "pcm_s16le",
    "twentyfour.wav": "pcm_s24le",
    "sixteen.aiff": "pcm_s16be",
}


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def is_bad(path: Path) -> bool:
    try:
        decode(path)
    except BadAudio as error:
        return bool(error.problem) and error.file_name == path.name
    return False


@pytest.mark.parametrize("name", CODECS)
def test_a_whole_file_decodes_to_what_was_encoded(name: str, sounds: dict[str, bytes], tmp_path: Path) -> None:
    decoded = decode(put(tmp_path, name, sounds[name]))
    assert (decoded.codec, decoded.sample_rate, decoded.channels) == (CODECS[name], 44100, 2)
    assert decoded.duration_s == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("share", [0.6, 0.9, 0.97])
def test_a_file_that_is_cut_is_bad(name: str, share: float, sounds: dict[str, bytes], tmp_path: Path) -> None:
    content = sounds[name]
    assert is_bad(put(tmp_path, name, content[: int(len(content) * share)]))


@pytest.mark.parametrize("name", CODECS)
def test_a_file_that_lacks_its_last_byte_is_bad(name: str, sounds: dict[str, bytes], tmp_path: Path) -> None:
    assert is_bad(put(tmp_path, name, sounds[name][:-1]))


@pytest.mark.parametrize("name", CODECS)
def test_an_empty_file_noise_and_a_web_page_are_bad_whatever_they_are_called(name: str, tmp_path: Path) -> None:
    noise = random.Random(3).randbytes(50_000)
    for content in (b"", noise, b"<!DOCTYPE html><html><title>Client Challenge</title></html>"):
        assert is_bad(put(tmp_path, name, content))


@pytest.mark.parametrize("name", CODECS)
def test_a_good_beginning_before_noise_is_bad(name: str, sounds: dict[str, bytes], tmp_path: Path) -> None:
    content = sounds[name]
    noise = random.Random(3).randbytes(len(content) // 2)
    assert is_bad(put(tmp_path, name, content[: len(content) // 4] + noise))


@pytest.mark.parametrize("name", ["sixteen.flac", "twentyfour.flac", "vorbis.ogg"])
def test_one_flipped_bit_anywhere_in_the_audio_of_flac_and_ogg_is_found(
    name: str, sounds: dict[str, bytes], tmp_path: Path
) -> None:
    content = sounds[name]
    for seed in range(60):
        dice = random.Random(seed)
        changed = bytearray(content)
        changed[dice.randrange(8300, len(content))] ^= 1 << dice.randrange(8)
        assert is_bad(put(tmp_path, name, bytes(changed))), seed


def test_a_flac_without_a_checksum_is_still_followed_frame_by_frame(sounds: dict[str, bytes], tmp_path: Path) -> None:
    content = bytearray(sounds["sixteen.flac"])
    content[26:42] = bytes(16)
    assert not is_bad(put(tmp_path, "zero.flac", bytes(content)))
    content[-5000] ^= 4
    assert is_bad(put(tmp_path, "changed.flac", bytes(content)))


def test_a_tag_behind_the_audio_of_an_mp3_is_no_fault(sounds: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("constant.mp3", "unannounced.mp3"):
        assert not is_bad(put(tmp_path, name, sounds[name] + b"TAG" + bytes(125)))


def test_a_playlist_that_calls_itself_audio_is_not_opened(tmp_path: Path) -> None:
    text = f"ffconcat version 1.0\nfile {tmp_path}/other.flac\n".encode()
    assert is_bad(put(tmp_path, "list.flac", text))


def test_an_archive_is_no_audio(tmp_path: Path) -> None:
    assert is_bad(put(tmp_path, "a.flac", b"PK\x03\x04" + bytes(100)))


def test_a_missing_file_is_trouble_of_the_disk_and_not_of_the_audio(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "missing.flac")


def test_a_name_that_ffmpeg_could_take_for_an_address_is_only_a_name(sounds: dict[str, bytes], tmp_path: Path) -> None:
    path = put(tmp_path, "concat:a%02d|b?.flac", sounds["sixteen.flac"])
    assert decode(path).codec == "flac"


def test_nothing_is_printed_about_a_bad_file(
    sounds: dict[str, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert is_bad(put(tmp_path, "a.flac", sounds["sixteen.flac"][:50_000]))
        is_bad(put(tmp_path, "a.m4a", sounds["aac.m4a"][:20_000] + bytes(len(sounds["aac.m4a"]) - 20_000)))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("name", CODECS)
def test_the_first_bytes_tell_the_kind(name: str, sounds: dict[str, bytes]) -> None:
    assert sniff(sounds[name][:64]) == name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", None),
        (b"<!DOCTYPE html>", None),
        (b"\xff\xf1\x50\x80", None),  # AAC in ADTS looks much like MP3
        (b"\xff\xff\xff\xff", None),
        (b"\xff\xd8\xff\xe0", None),
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "zip"),
        (b"ID3\x03\x00\x00\x00\x00\x00\x04abcdfLaC", "flac"),
        (b"ID3\x03\x00\x00\x00\x00\x7f\x7fabcd", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"RIFF\x00\x00\x00\x00AVI ", None),
    ],
)
def test_other_beginnings_are_told_apart(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


def test_audio_is_known_by_the_end_of_its_name() -> None:
    assert all(map(is_audio, ["01 A.flac", "B.MP3", "c.m4a", "d.ogg", "e.wav", "f.aiff", "g.aif"]))
    assert not any(map(is_audio, ["cover.jpg", "flac", "booklet.pdf", "", "a.flac.part"]))
