"""Garbage: what may stand where a file or a folder of ours belongs. Nothing here knows which file it is."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

Spoil = Callable[[Path], None]


def away(path: Path) -> None:
    """Whatever has that name has it no more."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def with_content(content: bytes, path: Path) -> None:
    """Another file: never the old inode, which another home may share."""
    away(path)
    path.write_bytes(content)


def cut_to_half(path: Path) -> None:
    content = path.read_bytes()
    with_content(content[: len(content) // 2], path)


def not_utf8(path: Path) -> None:
    content = path.read_bytes()
    half = len(content) // 2
    with_content(content[:half] + b"\xff\xfe\xc3\x28" + content[half:], path)


def a_folder(path: Path) -> None:
    away(path)
    path.mkdir()
    (path / "something").write_text("of somebody's")


def a_link_to(where: str, path: Path) -> None:
    away(path)
    path.symlink_to(where.format(name=path.name))


def a_fifo(path: Path) -> None:
    away(path)
    os.mkfifo(path)


def in_the_future(path: Path) -> None:
    later = time.time() + 400 * 86400
    os.utime(path, (later, later))


def a_file(path: Path) -> None:
    away(path)
    path.write_text("a file where a folder belongs")


TEXTS: Mapping[str, bytes] = {
    "emptied": b"",
    "null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "a text": b'"x"',
    "a number": b"17",
    "a list of wrong things": b'[1, null, {"key": []}, [[]], "p1", -1.5]',
    "an object of wrong things": b'{"": null, "schema": [], "key": 7, "items": {}, "since": {}, "keys": "p1"}',
    "nested without end": b"[" * 100_000,
    "a huge number": b'{"hold_until": 1e999, "level": HUGE, "next_turn": {"page": HUGE}}'.replace(b"HUGE", b"9" * 400),
    "numbers that are none": b'{"hold_until": NaN, "level": NaN, "next_turn": {"page": Infinity}, "tries": -Infinity}',
    "noise": bytes((i * 7919 + i // 251) % 256 for i in range(3000)),
    "NUL bytes": bytes(2000),
}
FILES: Mapping[str, Spoil] = {
    **{name: partial(with_content, content) for name, content in TEXTS.items()},
    "cut to half": cut_to_half,
    "not UTF-8": not_utf8,
    "a folder": a_folder,
    "a link to nothing": partial(a_link_to, "not/there/{name}"),
    "a link to itself": partial(a_link_to, "{name}"),
    "a FIFO": a_fifo,
    "deleted": away,
    "in the future": in_the_future,
}
FOLDERS: Mapping[str, Spoil] = {
    "a file": a_file,
    "deleted": away,
    "a link to itself": partial(a_link_to, "{name}"),
    "a FIFO": a_fifo,
}
