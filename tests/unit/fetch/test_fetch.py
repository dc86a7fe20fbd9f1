"""One release over a line that answers in its own ways: which bytes are put together, and how often it is asked."""

import gzip
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bandcamp_sync.errors import ItemTrouble
from bandcamp_sync.fetch.fetch import Fetcher, Link
from bandcamp_sync.fetch.journal import Member, Workspace
from standin.tones import tone
from unit.factories import HurriedClock, client

TYPE = ("Content-Type", "application/octet-stream")


@dataclass(frozen=True)
class Said:
    """An answer. `cut`: of the body only so many bytes are sent, and then the line breaks."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    cut: int | None = None


Answer = Callable[[str | None], Said]


def ranged(data: bytes, *headers: tuple[str, str], cut: int | None = None) -> Answer:
    """A file that is given from where it is asked for."""

    def answer(asked: str | None) -> Said:
        if asked is None:
            return Said(data, headers, cut=cut)
        start = int(asked.removeprefix("bytes=").partition("-")[0])
        place = ("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        return Said(data[start:], (*headers, place), 206, cut)

    return answer


@dataclass
class Line:
    """What is fetched over a line: `asked` are the ranges that were asked for, None for all of it."""

    answers: list[Answer]
    asked: list[str | None] = field(default_factory=list)


@contextmanager
def fetcher(folder: Path, line: Line, format_name: str) -> Iterator[Fetcher]:
    """A fetcher of a file for which `line` has the answers; the last of them repeats."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            line.asked.append(asked)
            said = line.answers[min(len(line.asked), len(line.answers)) - 1](asked)
            self.send_response(said.status)
            for name, value in (TYPE, *said.headers, ("Content-Length", str(len(said.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body[: said.cut])

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        with client(base, folder) as bandcamp:
            space = Workspace(folder / "space", format_name)
            link = Link(f"{base}/download/track?sig=0&id=1")
            yield Fetcher(bandcamp, space, lambda: link, HurriedClock(), lambda done, total, came: None)
    finally:
        server.shutdown()
        server.server_close()


def fetch(folder: Path, format_name: str, *answers: Answer) -> tuple[list[Member], Line]:
    line = Line(list(answers))
    with fetcher(folder, line, format_name) as one:
        return one.fetch(), line


def trouble(folder: Path, format_name: str, *answers: Answer) -> tuple[str, int]:
    """The sentence with which it ends, and how often it was asked."""
    line = Line(list(answers))
    with fetcher(folder, line, format_name) as one, pytest.raises(ItemTrouble) as met:
        one.fetch()
    return met.value.sentence, len(line.asked)


def content(folder: Path, members: list[Member]) -> bytes:
    [one] = members
    return (folder / "space" / one.file).read_bytes()


def song(number: int, fmt: str) -> bytes:
    return tone(number, 1.0, fmt)


def archive(*songs: bytes, encrypted: bool = False, damaged: int | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as zipped:
        for number, data in enumerate(songs):
            zipped.writestr(f"{number + 1:02} Song.flac", data)
    made = bytearray(out.getvalue())
    with zipfile.ZipFile(io.BytesIO(made)) as zipped:
        infos = zipped.infolist()
        listed = zipped.start_dir
    if damaged is not None:
        made[infos[damaged].header_offset + 2000] ^= 0xFF
    if encrypted:
        for info in infos:
            made[info.header_offset + 6] |= 1
            listed = made.index(b"PK\x01\x02", listed)
            made[listed + 8] |= 1
            listed += 4
    return bytes(made)


# --- a file that has changed ----------------------------------------------------------------------------------------

OLD, NEW = song(1, "mp3-320"), song(2, "mp3-320")
HALF = len(OLD) // 2


def test_two_files_of_one_length_are_told_apart_by_nothing_but_their_content() -> None:
    assert len(OLD) == len(NEW) and OLD != NEW


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), ()),
        ((("ETag", 'W/"1"'),), (("ETag", 'W/"2"'),)),
        ((("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT"),), (("Last-Modified", "Mon, 23 Nov 2026 11:00:00 GMT"),)),
        ((("ETag", '"1"'),), (("ETag", '"2"'),)),
        ((("ETag", '"1"'),), ()),
    ],
    ids=["nothing is said", "weak tags", "dates", "tags", "no tag any more"],
)
def test_music_without_a_sum_is_never_put_together_from_two_files(
    tmp_path: Path, before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str], ...]
) -> None:
    members, _ = fetch(tmp_path, "mp3-320", ranged(OLD, *before, cut=HALF), ranged(NEW, *after))
    assert content(tmp_path, members) == NEW


@pytest.mark.parametrize(
    "said", [("ETag", '"1"'), ("ETag", 'W/"1"'), ("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")], ids=str
)
def test_the_same_file_goes_on_where_it_broke(tmp_path: Path, said: tuple[str, str]) -> None:
    members, line = fetch(tmp_path, "mp3-320", ranged(OLD, said, cut=HALF), ranged(OLD, said))
    assert content(tmp_path, members) == OLD
    assert line.asked == [None, f"bytes={HALF}-"]


def test_music_with_a_sum_of_its_own_goes_on_although_nothing_is_said(tmp_path: Path) -> None:
    flac = song(1, "flac")
    members, line = fetch(tmp_path, "flac", ranged(flac, cut=len(flac) // 2), ranged(flac))
    assert content(tmp_path, members) == flac
    assert line.asked == [None, f"bytes={len(flac) // 2}-"]


# --- answers that fit no question -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        Said(b"", (("Content-Range", "bytes */9"),), 416),
        Said(OLD, (), 206),
        Said(OLD, (("Content-Range", "bytes */*"),), 206),
        Said(OLD[9:], (("Content-Range", f"bytes 9-{len(OLD) - 1}/{len(OLD)}"),), 206),
    ],
    ids=["416", "206 of nowhere", "206 of no place", "another part"],
)
def test_a_part_that_nobody_asked_for_is_a_broken_transfer(tmp_path: Path, odd: Said) -> None:
    members, _ = fetch(tmp_path / "once", "mp3-320", lambda asked: odd, ranged(OLD))
    assert content(tmp_path / "once", members) == OLD
    sentence, asked = trouble(tmp_path / "always", "mp3-320", lambda asked: odd)
    assert "RangeRefused" not in sentence and asked <= 6


def test_a_body_that_comes_packed_unasked_is_unpacked(tmp_path: Path) -> None:
    packed = Said(gzip.compress(OLD), (("Content-Encoding", "gzip"),))
    members, line = fetch(tmp_path, "mp3-320", lambda asked: packed)
    assert content(tmp_path, members) == OLD
    assert len(line.asked) == 1


# --- archives that never come whole ---------------------------------------------------------------------------------

SONGS = tuple(song(number, "flac") for number in (1, 2, 3))


def test_a_track_that_arrives_damaged_once_is_fetched_again(tmp_path: Path) -> None:
    members, line = fetch(tmp_path, "flac", ranged(archive(*SONGS, damaged=0)), ranged(archive(*SONGS)))
    assert [(tmp_path / "space" / one.file).read_bytes() for one in members] == list(SONGS)
    assert len(line.asked) == 2


@pytest.mark.parametrize("damaged", [0, 2], ids=["the first", "the last"])
def test_a_track_that_is_damaged_each_time_is_not_asked_for_without_end(tmp_path: Path, damaged: int) -> None:
    sentence, asked = trouble(tmp_path, "flac", ranged(archive(*SONGS, damaged=damaged), ("ETag", '"1"')))
    assert "damaged" in sentence
    assert asked <= 4


def test_an_encrypted_archive_says_that_it_is_one(tmp_path: Path) -> None:
    sentence, asked = trouble(tmp_path, "flac", ranged(archive(*SONGS, encrypted=True)))
    assert (sentence, asked) == ("the archive is encrypted", 2)
