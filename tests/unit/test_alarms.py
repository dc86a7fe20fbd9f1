import logging
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.alarms import clear_alarm, raise_alarm, raised_alarms
from bandcamp_sync.clock import rfc3339
from bandcamp_sync.paths import DataFolder
from unit.factories import DAY, NOW


def test_an_alarm_is_told_once_and_stays_until_it_is_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = DataFolder(tmp_path)
    caplog.set_level(logging.INFO)
    assert raise_alarm(data, "session", "not logged in", True, NOW)
    assert not raise_alarm(data, "session", "not logged in", True, NOW + DAY)
    assert len(caplog.records) == 1
    assert raised_alarms(data) == [
        {"name": "session", "sentence": "not logged in", "needs_person": True, "since": "2026-11-23T12:00:00Z"}
    ]
    assert clear_alarm(data, "session")
    assert not clear_alarm(data, "session")
    assert raised_alarms(data) == []


def test_an_alarm_whose_words_change_is_shown_so_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = DataFolder(tmp_path)
    assert raise_alarm(data, "disk", "too little room: 1 GB", True, NOW)
    assert not raise_alarm(data, "disk", "too little room: 0 GB", True, NOW + timedelta(hours=1))
    [alarm] = raised_alarms(data)
    assert (alarm["sentence"], alarm["since"]) == ("too little room: 0 GB", rfc3339(NOW))
    assert caplog.text.count("ALARM disk") == 1
    clear_alarm(data, "disk")
    assert raise_alarm(data, "disk", "too little room: 0 GB", True, NOW), "another time, another alarm"


def test_an_alarm_that_comes_to_want_a_person_is_news(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    raise_alarm(data, "collection", "it was unreadable", False, NOW)
    assert raise_alarm(data, "collection", "it shrank", True, NOW)


def test_alarms_stand_beside_each_other(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    for name in ("session", "disk"):
        raise_alarm(data, name, name, False, NOW)
    clear_alarm(data, "disk")
    assert [alarm["name"] for alarm in raised_alarms(data)] == ["session"]


def test_a_file_that_is_no_alarm_is_passed_over_and_can_be_replaced(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.alarms.mkdir(parents=True)
    for name, content in (("a", ""), ("b", "[]"), ("c", '{"sentence": "x"}')):
        (data.alarms / f"{name}.json").write_text(content)
    assert raised_alarms(data) == []
    assert raise_alarm(data, "a", "now it is one", False, NOW)
    assert [alarm["name"] for alarm in raised_alarms(data)] == ["a"]


def test_without_a_folder_there_are_no_alarms(tmp_path: Path) -> None:
    assert raised_alarms(DataFolder(tmp_path / "nowhere")) == []
    assert not clear_alarm(DataFolder(tmp_path / "nowhere"), "disk")
