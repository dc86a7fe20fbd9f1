import os
from collections.abc import Callable
from pathlib import Path

import pytest
from bandcamp_sync.files.reading import NotAFile, parse_json, read_bytes, read_json, read_text


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_bytes(tmp_path / "a") == b'\xef\xbb\xbf{"a": 1}'
    assert read_text(tmp_path / "a") == '{"a": 1}'


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "it is a folder"),
        (os.mkfifo, "it is a FIFO"),
        (lambda path: path.symlink_to(path.name), "leads nowhere"),
        (lambda path: path.symlink_to("nothing"), "leads nowhere"),
        (lambda path: path.symlink_to("/dev/null"), "it is a device"),
    ],
    ids=["folder", "fifo", "loop", "dangling", "device"],
)
def test_what_is_no_file_is_told_at_once(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(NotAFile, match=said):
        read_bytes(tmp_path / "a")


def test_what_is_not_there_and_what_is_too_large_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "a")
    (tmp_path / "a").write_bytes(bytes(11))
    assert read_bytes(tmp_path / "a", 11) == bytes(11)
    with pytest.raises(NotAFile, match="larger"):
        read_bytes(tmp_path / "a", 10)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"", b"\xff", b"{" * 5000, b"1" * 5000])
def test_what_is_no_json_is_a_value_error(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(text)
    with pytest.raises(ValueError):
        read_json(tmp_path / "a")
    with pytest.raises(ValueError):
        parse_json(text)
