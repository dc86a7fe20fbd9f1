"""Properties: whatever JSON, names or bytes come, what reads them gives a value or one of our errors."""

import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bandcamp_sync.bandcamp.cookie_formats import Cookie
from bandcamp_sync.bandcamp.cookies import cookies_in, netscape_text
from bandcamp_sync.bandcamp.downloads import parse_download_page
from bandcamp_sync.bandcamp.fans import parse_identity, parse_profile_counts, parse_summary
from bandcamp_sync.bandcamp.listings import parse_listing
from bandcamp_sync.bandcamp.stats import parse_stat
from bandcamp_sync.books import assign_folders
from bandcamp_sync.errors import LoggedOut, ShapeChanged
from bandcamp_sync.library.names import file_name, same_place
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pathvalidate import is_valid_filename
from unit.factories import entry, item, job, listing, page

ANY_TEXT = st.text(st.characters(), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


# --- names ----------------------------------------------------------------------------------------------------------


@given(ANY_TEXT)
@example("CON.txt")
@example("desktop.ini")
@example("A<\u0300.pdf")
@example("x" * 400 + ".flac")
def test_a_file_of_an_archive_gets_a_name_that_every_disk_takes(name: str) -> None:
    safe = file_name(name)
    assert is_valid_filename(safe, platform="universal", max_len=255)
    assert 0 < len(safe.encode()) <= 255 and safe == unicodedata.normalize("NFC", safe)
    assert not {unicodedata.category(char) for char in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert file_name(safe) == safe


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=8))
@example([("Café", "A"), ("CAFE\u0301", "a"), ("cafe\u0301", "A"), ("", "")])
def test_no_two_purchases_share_a_folder_and_none_leaves_the_music(names: list[tuple[str, str]]) -> None:
    items = [item(f"p{number}", band_name=artist, item_title=title) for number, (artist, title) in enumerate(names)]
    folders = assign_folders(items, {}, "{artist}/{album}")
    assert len({same_place(folder) for folder in folders.values()}) == len(items)
    for folder in folders.values():
        parts = folder.split("/")
        assert len(parts) == 2 and not {"", ".", ".."} & set(parts)
        assert all(is_valid_filename(part, platform="universal", max_len=255) for part in parts)
    jobs = {key: (State.PENDING, job(key, folder=folder)) for key, folder in folders.items()}
    assert assign_folders(items, jobs, "{artist}/{album}") == folders


# --- answers of Bandcamp --------------------------------------------------------------------------------------------


@given(JSON, st.booleans())
def test_any_json_is_a_listing_or_a_new_shape_that_names_its_field(value: Any, hidden: bool) -> None:
    try:
        parse_listing(json.dumps(value), hidden)
    except (ShapeChanged, LoggedOut) as error:
        assert "\n" not in str(error)


@given(st.dictionaries(st.sampled_from(sorted(entry())), JSON, max_size=8), JSON)
def test_one_odd_purchase_does_not_hide_the_others(changes: dict[str, Any], urls: Any) -> None:
    odd = {**entry(), **changes}
    read = parse_listing(listing(odd, entry(sale_item_id=77), urls=urls), hidden=False)
    assert "p77" in {one.key for one in read.items}
    for one in read.items:
        assert type(one).model_validate_json(one.model_dump_json()) == one


@given(JSON)
def test_any_blob_on_any_page_is_read_or_is_a_new_shape(value: Any) -> None:
    text = page(json.dumps(value))
    parse_profile_counts(text)
    parse_stat(json.dumps(value))
    for read in (parse_download_page, lambda html: parse_identity(html, "page"), parse_summary):
        try:
            read(text)
        except (ShapeChanged, LoggedOut) as error:
            assert "\n" not in str(error)


# --- files ----------------------------------------------------------------------------------------------------------


@given(JSON | st.binary(max_size=200))
@limits(deadline=None)
def test_whatever_lies_in_the_place_of_a_job_is_one_or_is_kept_in_quarantine(value: Any) -> None:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        spool.make_folders()
        path = spool.path(State.FAILED, "p1")
        path.write_bytes(content)
        if spool.read(State.FAILED, "p1") is None:
            assert [one.read_bytes() for one in (path.parent / "quarantine").iterdir()] == [content]
        else:
            assert path.read_bytes() == content


@given(st.dictionaries(st.sampled_from(sorted(Job.model_fields)), JSON, max_size=6))
@limits(deadline=None)
def test_a_job_whose_fields_were_spoilt_reads_back_as_itself_or_not_at_all(changes: dict[str, Any]) -> None:
    spoilt = {**job("p1").model_dump(mode="json", by_alias=True), **changes}
    try:
        one = Job.model_validate_json(json.dumps(spoilt))
    except ValueError:
        return
    assert Job.model_validate_json(one.model_dump_json(by_alias=True)) == one


_VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=";"), min_size=1, max_size=60)


@given(st.lists(_VALUE, min_size=1, max_size=5), st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)))
def test_cookies_survive_every_form_in_which_they_are_exported(values: list[str], until: datetime) -> None:
    expires = until.replace(microsecond=0, tzinfo=UTC)
    given_ = [Cookie(".bandcamp.com", "/", f"c{n}", value, expires, True, True) for n, value in enumerate(values)]
    rows = [
        {"domain": c.domain, "name": c.name, "value": c.value, "expirationDate": expires.timestamp()} for c in given_
    ]
    forms = (
        netscape_text(given_, "bandcamp.com"),
        json.dumps(rows),
        json.dumps({"cookies": rows}),
        "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in given_),
    )
    for text in forms:
        for content in (text.encode(), text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
            read = cookies_in(content, "cookies.txt")
            assert [(c.name, c.value) for c in read] == [(c.name, c.value) for c in given_]
