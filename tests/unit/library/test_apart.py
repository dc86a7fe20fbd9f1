"""Audio that is made to hurt costs its own process and nobody else."""

from pathlib import Path

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BadAudio, Stopped
from bandcamp_sync.library.apart import Allowance, examine
from bandcamp_sync.library.audio import decode
from hostile import audio

QUICK = Allowance(cpu_s=2.0, cpu_s_per_mb=0.0, tags_s=2.0)


def put(folder: Path, **files: bytes) -> list[Path]:
    paths = [folder / name.replace("_", ".") for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    return paths


def test_what_is_whole_has_no_problem_and_what_is_not_is_told(tmp_path: Path) -> None:
    good, page, empty = put(tmp_path, good_wav=audio.wav(), page_mp3=b"<html>", empty_flac=b"")
    problems = examine([good, page, empty], Clock())
    assert problems == {page: "it is no audio file of a known kind", empty: "it is empty"}


def test_a_file_that_takes_the_decoder_down_leaves_the_others_examined(tmp_path: Path) -> None:
    first, bomb, last = put(tmp_path, a_wav=audio.wav(), b_flac=audio.flac(2500), c_mp3=b"no music")
    problems = examine([first, bomb, last], Clock(), QUICK)
    assert set(problems) == {bomb, last}
    assert "too much memory or time" in problems[bomb] and "no audio" in problems[last]


def test_tags_that_unpack_a_thousandfold_are_too_much(tmp_path: Path) -> None:
    (bomb,) = put(tmp_path, bomb_mp3=audio.tag_bomb(600))
    assert bomb.stat().st_size < 1_000_000
    assert "too much memory or time" in examine([bomb], Clock(), QUICK)[bomb]


def test_absurd_headers_are_no_trouble(tmp_path: Path) -> None:
    for number, content in enumerate(
        (audio.flac(3, rate=1), audio.flac(3, rate=655350), audio.flac(3, samples=(1 << 36) - 1), audio.mp4(2**31))
    ):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(content)
        assert set(examine([path], Clock(), QUICK)) <= {path}


def test_a_stop_is_felt_at_once(tmp_path: Path) -> None:
    (bomb,) = put(tmp_path, bomb_flac=audio.flac(2500))
    clock = Clock()
    clock.stop()
    with pytest.raises(Stopped):
        examine([bomb], clock)


def test_a_file_that_is_not_there_is_the_disk_s_fault_and_not_the_file_s(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        examine([tmp_path / "gone.flac"], Clock())


def test_a_codec_that_nobody_knows_is_told(tmp_path: Path) -> None:
    seed = Path(__file__).parents[2] / "fuzz" / "seeds" / "audio" / "codec-that-nobody-knows"
    with pytest.raises(BadAudio):
        decode(seed)


def test_it_takes_no_program_from_the_folder_that_somebody_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good,) = put(tmp_path, good_wav=audio.wav())
    (tmp_path / "select.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    assert examine([good], Clock()) == {}
