import logging
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.files.quarantine import quarantine
from unit.factories import NOW


def test_a_file_is_put_aside_with_its_content_and_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "p1.job"
    path.write_text("{")
    kept = quarantine(path, NOW, "not JSON")
    assert kept is not None and kept.parent == tmp_path / "quarantine" and kept.read_text() == "{"
    assert not path.exists()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert str(path) in record.getMessage() and "not JSON" in record.getMessage() and str(kept) in record.getMessage()


def test_a_folder_is_put_aside_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "p1.job").mkdir()
    (tmp_path / "p1.job" / "x").write_text("1")
    kept = quarantine(tmp_path / "p1.job", NOW, "it is a folder")
    assert kept is not None and (kept / "x").read_text() == "1"


def test_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    path = tmp_path / "p1.job"
    for second in range(3):
        path.write_text(str(second))
        quarantine(path, NOW + timedelta(seconds=second), "x")
    assert sorted(kept.read_text() for kept in (tmp_path / "quarantine").iterdir()) == ["0", "1", "2"]


def test_a_file_that_is_gone_already_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert quarantine(tmp_path / "p1.job", NOW, "x") is None
    assert caplog.records == []


def test_what_cannot_be_moved_stays_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "quarantine").symlink_to(tmp_path / "quarantine.20261123T120000000000" / "x")
    (tmp_path / "quarantine.20261123T120000000000" / "full").mkdir(parents=True)
    (tmp_path / "p1.job").write_text("{")
    assert quarantine(tmp_path / "p1.job", NOW, "not JSON") is None
    assert (tmp_path / "p1.job").read_text() == "{"
    assert "cannot be put aside" in caplog.text


def test_a_file_in_the_quarantines_own_place_is_kept_beside_it(tmp_path: Path) -> None:
    (tmp_path / "quarantine").write_text("a file in the way")
    (tmp_path / "p1.job").write_text("{")
    assert quarantine(tmp_path / "p1.job", NOW, "not JSON") is not None
    assert (tmp_path / "quarantine.20261123T120000000000").read_text() == "a file in the way"
