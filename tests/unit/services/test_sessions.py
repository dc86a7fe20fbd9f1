"""The ids of sessions that were logged out, in a file of the tests' own."""

import json
from pathlib import Path

import pytest

from services.dashboard.web.sessions import LIFETIME, MAX_KEPT, LoggedOut, new_id

NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "logged-out.json"


def test_a_session_that_was_logged_out_is_over_after_a_restart_too(path: Path) -> None:
    ours, others = new_id(), new_id()
    logged_out = LoggedOut(path)
    assert ours not in logged_out
    logged_out.add(ours)
    for known in (logged_out, LoggedOut(path)):
        assert ours in known
        assert others not in known
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_two_processes_write_is_kept(path: Path) -> None:
    one, other = LoggedOut(path), LoggedOut(path)
    first, second = new_id(), new_id()
    one.add(first)
    other.add(second)
    assert first in LoggedOut(path)
    assert second in LoggedOut(path)


def test_an_id_is_kept_for_as_long_as_its_cookie_may_last(path: Path) -> None:
    old, new = new_id(), new_id()
    LoggedOut(path, lambda: NOW).add(old)
    last = NOW + LIFETIME.total_seconds()
    assert old in LoggedOut(path, lambda: last - 1)
    late = LoggedOut(path, lambda: last)
    assert old not in late
    late.add(new)
    assert list(json.loads(path.read_bytes())) == [new]


def test_of_too_many_the_newest_are_kept(path: Path) -> None:
    path.parent.mkdir()
    ids = [new_id() for _ in range(MAX_KEPT + 10)]
    path.write_text(json.dumps({id: NOW + number for number, id in enumerate(ids)}))
    known = LoggedOut(path, lambda: NOW + 10_000)
    last = new_id()
    known.add(last)
    kept = json.loads(path.read_bytes())
    assert len(kept) == MAX_KEPT
    assert set(kept) == {*ids[11:], last}


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xfe",
        b"[1, 2]",
        b"null",
        b'{"x": 1}',
        b"[" * 100_000,
        b"{" + b" " * (1 << 21) + b"}",
        b'{"%s": "soon", "%s": NaN, "%s": null}' % (b"a" * 32, b"b" * 32, b"c" * 32),
        b'{"%s": -1%s}' % (b"a" * 32, b"0" * 400),
    ],
)
def test_a_file_of_garbage_is_no_error_and_is_written_anew(path: Path, garbage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(garbage)
    known, ours = LoggedOut(path), new_id()
    known.add(ours)
    assert list(json.loads(path.read_bytes())) == [ours]


def test_a_time_to_come_is_one_of_now(path: Path) -> None:
    path.parent.mkdir()
    ours = new_id()
    path.write_text(f'{{"{ours}": 1{"0" * 400}}}')
    known = LoggedOut(path, lambda: NOW)
    assert ours in known
    known.add(new_id())
    assert json.loads(path.read_bytes())[ours] == NOW


def test_where_nothing_can_be_written_it_counts_for_as_long_as_the_process_lives(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    known, ours = LoggedOut(tmp_path / "state" / "logged-out.json"), new_id()
    known.add(ours)
    assert ours in known
