"""The targets: everything that reads bytes of strangers, of the user's, or of a disk that may have spoilt them."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bandcamp_sync.bandcamp import answers, cookies, downloads, fans, listings, stats
from bandcamp_sync.collection.store import read_capture, write_capture
from bandcamp_sync.errors import BandcampSyncError, CookiesInvalid, ItemTrouble
from bandcamp_sync.fetch.directory import TailTooShort, read_directory
from bandcamp_sync.fetch.journal import Workspace
from bandcamp_sync.fetch.resolve import releases
from bandcamp_sync.fetch.unpack import NeedsWholeArchive, unpack, unpack_file
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.names import album_folder, file_name, for_terminal, safe_part
from bandcamp_sync.library.tags import embedded_cover, read_tags
from bandcamp_sync.library.thumbnail import small_jpeg
from bandcamp_sync.logs import line
from bandcamp_sync.logs.redact import redact, redact_sample
from bandcamp_sync.pictures import is_whole_jpeg, picture_size
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from unit.factories import item

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        yield Path(name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _cookies(data: bytes) -> None:
    found = []
    try:
        found = cookies.cookies_in(data, "cookies.txt")
        chosen = cookies.session_cookies(found, "bandcamp.com", "cookies.txt")
    except CookiesInvalid as error:
        values = [cookie.value for cookie in found if len(cookie.value) > 12]
        assert not any(value in str(error) for value in values), "a value is in the error"
        raise
    cookies.cookie_header(chosen, NOW).encode("ascii")
    again = cookies.cookies_in(cookies.netscape_text(chosen, "bandcamp.com").encode(), "cookies.txt")
    assert [(one.name, one.value) for one in again] == [(one.name, one.value) for one in chosen]


def _job(data: bytes) -> None:
    with _folder() as folder:
        spool = Spool(folder)
        spool.make_folders()
        path = spool.path(State.PENDING, "p1")
        path.write_bytes(data)
        job = spool.read(State.PENDING, "p1")
        if job is None:
            kept = list((path.parent / "quarantine").iterdir())
            assert not path.exists() and [one.read_bytes() for one in kept] == [data]
            return
        claimed = spool.claim("p1", "me", NOW)
        assert claimed is not None
        spool.release(claimed)
        assert spool.read(State.PENDING, "p1") == job.model_copy(update={"claim": None})


def _capture(data: bytes) -> None:
    with _folder() as folder:
        path = folder / "collection.json"
        path.write_bytes(data)
        capture = read_capture(path, NOW)
        if capture is not None:
            write_capture(path, capture)
            assert read_capture(path, NOW) == capture
        else:
            assert not path.exists() and [one.read_bytes() for one in (folder / "quarantine").iterdir()] == [data]


def _listing(data: bytes) -> None:
    for hidden in (False, True):
        page = listings.parse_listing(_text(data), hidden)
        for one in page.items:
            assert one.label and one.model_validate_json(one.model_dump_json()) == one


def _fan(data: bytes) -> None:
    text = _text(data)
    fans.parse_profile_counts(text)
    for read in (fans.parse_summary, lambda page: fans.parse_identity(page, "page")):
        try:
            read(text)
        except BandcampSyncError as error:
            assert "\n" not in str(error)


def _download_page(data: bytes) -> None:
    text = _text(data)
    downloads.shown_error(text)
    answers.is_challenge(text)
    page = downloads.parse_download_page(text)
    try:
        releases(page, item(), ["flac", "mp3-320"], "https://bandcamp.com/settings")
    except ItemTrouble as trouble:
        assert "\n" not in trouble.sentence, trouble.sentence


def _stat(data: bytes) -> None:
    stats.parse_stat(_text(data))


def _picture(data: bytes) -> None:
    picture_size(data)
    is_whole_jpeg(data)
    small = small_jpeg(data)
    assert small is None or is_whole_jpeg(small)


def _zip(data: bytes) -> None:
    try:
        entries = read_directory(data, len(data))
        assert all(0 <= one.start < one.end <= len(data) for one in entries)
    except (TailTooShort, BandcampSyncError):
        pass
    with _folder() as folder:
        pieces = (data[at : at + 1000] for at in range(0, len(data), 1000))
        (folder / "album.zip").write_bytes(data)
        ways: tuple[Callable[[], None], ...] = (
            lambda: unpack(pieces, Workspace(folder / "streamed", "flac"), 0, None),
            lambda: unpack_file(folder / "album.zip", Workspace(folder / "whole", "flac")),
        )
        for way in ways:
            try:
                way()
            except ItemTrouble as trouble:
                assert "\n" not in trouble.sentence, trouble.sentence
            except NeedsWholeArchive:
                pass
        assert {path.name for path in folder.iterdir()} <= {"album.zip", "streamed", "whole"}
        for path in folder.glob("*/*"):
            file_name(path.name)


def _audio(data: bytes) -> None:
    with _folder() as folder:
        path = folder / "song"
        path.write_bytes(data)
        embedded_cover(path)
        for look in (decode, read_tags):
            try:
                look(path)
            except BandcampSyncError as error:
                assert "\n" not in str(error)


def _log_line(data: bytes) -> None:
    for raw in data.split(b"\n"):
        text = line.text_of(raw)
        assert line.level_of(text) in line.LEVELS
        line.wanted("WARN", "a").shown(raw)
        shown = line.EVERYTHING.shown(raw)
        assert shown is not None


def _redact(data: bytes) -> None:
    text = _text(data)
    redact(text)
    redact_sample(text)


def _settings(data: bytes) -> None:
    lines = _text(data).replace("\0", "").split("\n")
    given = dict(one.split("=", 1) for one in lines if "=" in one)
    Settings.from_environment(given)


def _names(data: bytes) -> None:
    text = _text(data)
    folder = album_folder("{artist}/{album}", {"artist": text, "album": text})
    for part in (safe_part(text, "x"), file_name(text), *folder.split("/")):
        assert 0 < len(part.encode()) <= 255 and part not in (".", "..") and "/" not in part and "\0" not in part
    for_terminal(text)


def _json_state(data: bytes) -> None:
    """The small files of `state/`, which every service reads."""
    from bandcamp_sync import alarms
    from bandcamp_sync.paths import DataFolder

    with _folder() as folder:
        books = DataFolder(folder)
        books.alarms.mkdir(parents=True)
        (books.alarms / "disk.json").write_bytes(data)
        json.dumps(alarms.raised_alarms(books))


TARGETS: dict[str, Callable[[bytes], object]] = {
    "alarm": _json_state,
    "audio": _audio,
    "capture": _capture,
    "cookies": _cookies,
    "download_page": _download_page,
    "fan": _fan,
    "job": _job,
    "listing": _listing,
    "log_line": _log_line,
    "names": _names,
    "picture": _picture,
    "redact": _redact,
    "settings": _settings,
    "stat": _stat,
    "zip": _zip,
}
