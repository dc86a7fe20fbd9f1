from pathlib import Path

from bandcamp_sync.library.receipts import copies, keep_copy
from bandcamp_sync.paths import MusicFolder
from bandcamp_sync.spool.job import Claim
from unit.factories import NOW, item, job, receipt


def test_a_copy_brings_back_what_is_known_without_the_link_and_the_claim(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    keep_copy(music, job(receipt=receipt(), claim=Claim(holder="a", at=NOW)))
    [found] = copies(music, frozenset())
    assert found == job(of=item(redownload_url=None), receipt=receipt())
    assert "sig=" not in next(music.receipts.iterdir()).read_text()


def test_a_later_copy_takes_the_place_of_the_first(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    keep_copy(music, job(receipt=receipt("Old/x")))
    keep_copy(music, job(receipt=receipt("New/x")))
    assert [one.receipt.folder for one in copies(music, frozenset()) if one.receipt] == ["New/x"]


def test_only_what_is_not_known_is_read(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    for key in ("p1", "p2"):
        keep_copy(music, job(key, receipt=receipt()))
    assert [one.key for one in copies(music, frozenset({"p1"}))] == ["p2"]


def test_what_is_no_receipt_is_passed_over_and_left_alone(tmp_path: Path) -> None:
    music = MusicFolder(tmp_path)
    keep_copy(music, job("p1"))
    keep_copy(music, job("p2", receipt=receipt()))
    (music.receipts / "p3.json").write_text("{")
    (music.receipts / "p4.json").write_bytes((music.receipts / "p2.json").read_bytes())
    (music.receipts / "README.txt").write_text("x")
    (music.receipts / "p5.json.bak").write_text("x")
    (music.receipts / "p6.json").mkdir()
    assert [one.key for one in copies(music, frozenset())] == ["p2"]
    assert len(list(music.receipts.iterdir())) == 7


def test_without_the_folder_there_are_none(tmp_path: Path) -> None:
    assert list(copies(MusicFolder(tmp_path), frozenset())) == []
