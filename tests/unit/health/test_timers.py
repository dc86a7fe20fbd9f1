from pathlib import Path

import pytest
from bandcamp_sync.health.timers import Timetable, read_timers
from bandcamp_sync.health.unit import Timer


def test_what_a_loop_tells_is_read_by_unit(tmp_path: Path) -> None:
    scrape, retry = Timer("2026-11-23T12:00:00Z", None, "success"), Timer(running=True)
    Timetable(tmp_path, "scraper").tell({"bandcamp-sync.timer": scrape})
    Timetable(tmp_path, "reconciler").tell({"bandcamp-sync-retry.timer": retry})
    assert read_timers(tmp_path) == {"bandcamp-sync.timer": scrape, "bandcamp-sync-retry.timer": retry}


def test_only_news_is_written(tmp_path: Path) -> None:
    timetable, path = Timetable(tmp_path, "scraper"), tmp_path / "scraper.json"
    timetable.tell({"a.timer": Timer("2026-11-23T12:00:00Z")})
    before = path.stat().st_ino
    timetable.tell({"a.timer": Timer("2026-11-23T12:00:00Z")})
    assert path.stat().st_ino == before
    timetable.tell({"a.timer": Timer("2026-11-23T18:00:00Z")})
    assert read_timers(tmp_path)["a.timer"].next_elapse == "2026-11-23T18:00:00Z"


@pytest.mark.parametrize("content", ["", "[]", "7", '{"a": 7}', '{"a": {"x": 1}}', "\xff"])
def test_garbage_tells_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "scraper.json").write_text(content, encoding="latin-1")
    assert read_timers(tmp_path) == {}
    assert read_timers(tmp_path / "nowhere") == {}
