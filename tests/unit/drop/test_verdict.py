from pathlib import Path

import pytest
from bandcamp_sync.drop.verdict import Outcome, Verdict, forget_verdict, publish_verdict, read_verdict
from bandcamp_sync.paths import DataFolder
from unit.factories import LINK


def test_a_verdict_is_read_as_it_was_published(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    said = Verdict(
        "0123456789abcdef", "2026-11-23T12:00:00Z", Outcome.ACCEPTED, "a_listener", 7, "2027-05-01T00:00:00Z"
    )
    publish_verdict(data, said)
    assert read_verdict(data) == said
    forget_verdict(data)
    assert read_verdict(data) is None


def test_no_secret_is_published(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    publish_verdict(data, Verdict("1", "2026-11-23T12:00:00Z", Outcome.WAITING, problem=f"no answer from {LINK}"))
    assert "0123456789abcdef0123456789abcdef" not in data.verdict.read_text()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"id": 1}',
        '{"id": "1", "checked_at": "noon", "state": "waiting"}',
        '{"id": "1", "checked_at": "2026-11-23T12:00:00", "state": "waiting"}',
        '{"id": "1", "checked_at": "2026-11-23T12:00:00Z", "state": "done"}',
        '{"id": "1", "checked_at": "2026-11-23T12:00:00Z", "state": "waiting", "tries": "x"}',
    ],
)
def test_what_is_no_verdict_counts_as_none(tmp_path: Path, content: str) -> None:
    data = DataFolder(tmp_path)
    data.state.mkdir()
    data.verdict.write_text(content)
    assert read_verdict(data) is None
