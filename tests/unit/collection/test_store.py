import json
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.listings import parse_listing
from bandcamp_sync.collection.store import read_capture, write_capture
from unit.factories import DAY, NOW, capture, entry, item, listing


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = capture(item("p2"), item("p1", band_name=None, purchased=None))
    write_capture(tmp_path / "collection.json", one)
    assert read_capture(tmp_path / "collection.json", NOW) == one


def test_without_a_file_there_is_no_capture(tmp_path: Path) -> None:
    assert read_capture(tmp_path / "collection.json", NOW) is None


def test_only_its_owner_can_read_the_collection(tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_capture(path, capture(item()))
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_has_the_fields_of_the_contract(tmp_path: Path) -> None:
    write_capture(tmp_path / "collection.json", capture(item()))
    value = json.loads((tmp_path / "collection.json").read_text())
    assert {"schema", "fan_id", "username", "captured_at", "complete", "items"} <= set(value)
    promised = """key item_id item_type band_name item_title item_url art_id purchased is_preorder hidden
        redownload_url"""
    assert set(promised.split()) <= set(value["items"][0])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema": 2}',
        '{"schema": 1, "fan_id": 1}',
        "\x00" * 100,
        '{"items": [{"key": "../x"}]}',
    ],
)
def test_what_is_no_capture_is_kept_in_quarantine(content: str, tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    path.write_text(content)
    assert read_capture(path, NOW) is None
    [kept] = (tmp_path / "quarantine").iterdir()
    assert kept.read_text() == content and not path.exists()


def test_a_broken_collection_is_told_without_its_secrets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = capture(item()).model_dump_json(by_alias=True).replace('"p500000009"', '"P?"')
    (tmp_path / "collection.json").write_text(text)
    read_capture(tmp_path / "collection.json", NOW)
    assert "items.0.key" in caplog.text and "sig=" not in caplog.text


def test_a_folder_in_its_place_is_put_aside_by_reader_and_writer(tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    path.mkdir()
    assert read_capture(path, NOW) is None
    path.mkdir()
    later = capture(captured_at=NOW + DAY)
    write_capture(path, later)
    assert read_capture(path, NOW) == later
    assert len(list((tmp_path / "quarantine").iterdir())) == 2


def test_a_name_that_was_cut_within_an_emoji_can_be_stored(tmp_path: Path) -> None:
    [odd] = parse_listing(listing(entry(item_title="Night Ferry \ud83d")), hidden=False).items
    write_capture(tmp_path / "collection.json", capture(odd))
    read = read_capture(tmp_path / "collection.json", NOW)
    assert read is not None and read.items[0].title.startswith("Night Ferry")
