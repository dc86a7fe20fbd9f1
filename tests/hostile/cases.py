"""Every hostile archive with how it must end: the words of its failure, or the names of the files that are placed."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hostile import audio
from hostile.zips import DEVICE, FIFO, LINK, Entry, build, overlapping, quoted, zeros

_WAV = audio.wav()
_SONG = Entry("Los Faros - Night Ferry - 01 Quay.wav", _WAV)


@dataclass(frozen=True)
class Case:
    """An archive, and either what is said of it (a pattern) or what of it is placed."""

    make: Callable[[], bytes]
    fails: str | None = None
    places: frozenset[str] = field(default_factory=frozenset)


def _with(*entries: Entry) -> Callable[[], bytes]:
    return lambda: build([_SONG, *entries])


def _placed(*names: str) -> frozenset[str]:
    return frozenset({"01 Quay.wav", *names})


def _nested() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as opened:
        opened.writestr("../../inner.wav", _WAV)
    return build([_SONG, Entry("Stems.zip", inner.getvalue())])


_NAMED = (
    "../../../escaped.pdf",
    "/etc/cron.d/escaped.pdf",
    "C:\\Windows\\escaped.pdf",
    "..\\..\\escaped.pdf",
    "....//....//escaped.pdf",
    "a/b/c/../escaped.pdf",
    "\\\\server\\share\\escaped.pdf",
)

CASES: dict[str, Case] = {
    **{f"name {name!r}": Case(_with(Entry(name, b"%PDF-1.4")), places=_placed("escaped.pdf")) for name in _NAMED},
    "names of dots": Case(
        _with(Entry("..", b"x"), Entry("a/.", b"x"), Entry("...", b"y")),
        places=_placed("Untitled", "Untitled (2)", "Untitled (3)"),
    ),
    "a name with NUL": Case(_with(Entry("song.pdf\0.exe", b"x")), fails="no name that all programs read alike"),
    "no name": Case(_with(Entry("", b"x")), fails="no name|incomplete|does not fit|damaged"),
    "control characters": Case(
        _with(Entry("a\x1b]0;owned\x07b\x9b31m\r\nc\u202egnp.txt", b"x")), places=_placed("a]0;ownedb31m cgnp.txt")
    ),
    "reserved names": Case(
        _with(Entry("CON", b"x"), Entry("aux.txt", b"x"), Entry("COM1.pdf", b"x"), Entry("nul ", b"x")),
        places=_placed("CON_", "aux_.txt", "COM1_.pdf", "nul_"),
    ),
    "a name over 255 bytes": Case(_with(Entry("é" * 400 + ".pdf", b"x")), places=_placed("é" * 125 + ".pdf")),
    "no UTF-8": Case(_with(Entry(b"caf\x82\xff.pdf", b"x", flags=0)), places=_placed("café.pdf")),
    "not the UTF-8 it says it is": Case(_with(Entry(b"caf\xff.pdf", b"x")), fails="archive"),
    "duplicate names": Case(
        _with(*(Entry("Booklet.pdf", bytes([n])) for n in range(3))),
        places=_placed("Booklet.pdf", "Booklet (2).pdf", "Booklet (3).pdf"),
    ),
    "names equal but for case": Case(
        _with(Entry("Notes.txt", b"1"), Entry("NOTES.TXT", b"2"), Entry("notes.txt", b"3")),
        places=_placed("Notes.txt", "NOTES (2).TXT", "notes (3).txt"),
    ),
    "names equal but for Unicode form": Case(
        _with(Entry("Café.txt", b"1"), Entry("Cafe\u0301.txt", b"2")), places=_placed("Café.txt", "Café (2).txt")
    ),
    "a file and a folder of one name": Case(
        _with(Entry("Bonus", b"1"), Entry("Bonus/"), Entry("Bonus/Notes.txt", b"2")),
        places=_placed("Bonus", "Notes.txt"),
    ),
    "what a file manager obeys": Case(
        _with(Entry("desktop.ini", b"x"), Entry("AUTORUN.INF", b"x"), Entry("Free.lnk", b"x"), Entry("a.SCF", b"x")),
        places=_placed("desktop.ini.txt", "AUTORUN.INF.txt", "Free.lnk.txt", "a.SCF.txt"),
    ),
    "programs, scripts and pages": Case(
        _with(
            Entry("Game.exe", b"MZ", attributes=0o104777 << 16),
            Entry("install.sh", b"#!/bin/sh\n", attributes=0o100755 << 16),
            Entry("Lyrics.html", b"<script>alert(1)</script>"),
            Entry(".htaccess", b"x"),
        ),
        places=_placed("Game.exe", "install.sh", "Lyrics.html", "htaccess"),
    ),
    "a nested archive": Case(_nested, places=_placed("Stems.zip")),
    "a symbolic link": Case(
        _with(Entry("cover.jpg", b"/etc/passwd", attributes=LINK)), fails="a link or another special"
    ),
    "a link to a folder, and a file through it": Case(
        _with(Entry("out", b"/tmp", attributes=LINK), Entry("out/x.pdf", b"x")), fails="a link or another special"
    ),
    "a FIFO": Case(_with(Entry("pipe", attributes=FIFO)), fails="a link or another special"),
    "a device": Case(_with(Entry("zero.wav", attributes=DEVICE)), fails="a link or another special"),
    "an encrypted entry": Case(_with(Entry("02.wav", bytes(40), flags=0x801)), fails="is encrypted"),
    "an unknown method": Case(_with(Entry("02.wav", bytes(40), method=14)), fails="not known .method 14"),
    "another method inside": Case(_with(Entry("02.txt", bytes(40), local_method=8)), fails="archive|damaged"),
    "another name inside": Case(_with(Entry("02.txt", b"x", local_name="02.wav")), fails="list of content"),
    "another size inside": Case(_with(Entry("02.txt", b"x" * 40, local_size=20)), fails="archive|damaged"),
    "a wrong checksum": Case(_with(Entry("02.txt", b"x" * 40, crc=1)), fails="CRC"),
    "sizes of zip64 that lie": Case(
        _with(
            Entry(
                "02.wav",
                _WAV,
                size=0xFFFFFFFF,
                packed_size=0xFFFFFFFF,
                extra=b"\x01\0\x10\0" + b"\xff" * 7 + b"\x7f" + b"\xff" * 7 + b"\x7f",
            )
        ),
        fails="archive|ended early|overlap",
    ),
    "one file listed a thousand times": Case(lambda: overlapping("01.wav", _WAV, 1000), fails="overlap"),
    "files in each other": Case(lambda: quoted("01.wav", _WAV, 200), fails="overlap|archive"),
    "a bomb": Case(lambda: build([zeros("01.wav", 640 << 20)]), fails="unpacks to"),
    "a bomb in many files": Case(
        lambda: build([_SONG, *(zeros(f"{n}.bin", 64 << 20) for n in range(10))]), fails="unpacks to"
    ),
    "a directory that speaks of a bomb": Case(
        _with(Entry("02.bin", b"x", deflated=True, size=0xFFFF_0000)), fails="unpacks to|archive"
    ),
    "100,000 entries": Case(
        lambda: build([_SONG, *(Entry(f"{n}.txt") for n in range(100_000))]), fails="more than 2000 files"
    ),
    "names of a megabyte": Case(
        lambda: build([_SONG, *(replace(Entry("x"), name="n" * 60_000 + str(n)) for n in range(20))]),
        fails="more than 2000 files",
    ),
    "an empty archive": Case(lambda: build([]), fails="empty|early"),
    "a folder and nothing else": Case(lambda: build([Entry("Night Ferry/")]), fails="empty|no audio"),
    "no audio": Case(
        lambda: build([Entry("cover.jpg", b"\xff\xd8\xff"), Entry("a.pdf", b"x")]), fails="holds no audio"
    ),
    "a comment of 64 KiB": Case(lambda: build([_SONG], comment=b"c" * 65535), places=_placed()),
    "a comment of ends of archives": Case(lambda: build([_SONG], comment=b"PK\x05\x06" * 16383), fails="archive"),
    "comments on each file": Case(lambda: build([replace(_SONG, comment=b"c" * 65535)], b"x" * 9), places=_placed()),
    "audio that does not decode": Case(_with(Entry("02.flac", b"fLaC" + bytes(999))), fails="02.flac does not decode"),
    "a page that is called audio": Case(_with(Entry("02.mp3", b"<html>" * 99)), fails="02.mp3 does not decode"),
    "audio behind a name that hides it": Case(
        _with(Entry("02.fl?ac", b"no music"), Entry("03.flac\u200b", b"none either")), fails="does not decode"
    ),
    "audio of another kind": Case(lambda: build([replace(_SONG, name="01 Quay.flac")]), places=_placed()),
    "a title of a gigabyte": Case(
        lambda: build([_SONG, Entry("02.mp3", audio.tag_bomb(600))]), fails="too much memory"
    ),
    "a FLAC that says it is days long": Case(
        _with(Entry("02.flac", audio.flac(3, samples=(1 << 36) - 1))), fails="02.flac does not"
    ),
    "an MP4 of a billion samples": Case(
        _with(Entry("02.m4a", audio.mp4(1_000_000_000))), fails="02.m4a does not decode|too much"
    ),
    "a cover of 60,000 by 60,000": Case(
        _with(Entry("cover.png", audio.png(60_000, 60_000))), places=_placed("cover.png")
    ),
}
