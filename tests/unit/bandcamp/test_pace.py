import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.pace import (
    HOLD_MAX_S,
    LONGEST_HOLD_S,
    SPACING,
    Pace,
    Patience,
    RequestClass,
    after_limit,
    after_success,
    take_turn,
)
from bandcamp_sync.errors import RateLimited
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import NOW, HurriedClock

T = NOW.timestamp()
PAGE = RequestClass.PAGE


def pace(folder: Path, clock: HurriedClock, interval_s: float = 1.0, patience_s: float = 900.0) -> Pace:
    return Pace(folder / "state" / "patience.json", timedelta(seconds=interval_s), clock, patience_s=patience_s)


def turns(kind: RequestClass, count: int, patience: Patience | None = None, interval_s: float = 1.0) -> list[float]:
    found, current = [], patience or Patience()
    for _ in range(count):
        current, turn = take_turn(current, kind, T, interval_s)
        found.append(turn - T)
    return found


# --- spacing --------------------------------------------------------------------------------------------------------


@given(st.sampled_from(RequestClass), st.floats(0.01, 10))
def test_turns_of_one_class_are_spaced_and_the_first_is_now(kind: RequestClass, interval_s: float) -> None:
    gap = SPACING[kind] * interval_s
    assert turns(kind, 4, interval_s=interval_s) == pytest.approx([0, gap, 2 * gap, 3 * gap], abs=1e-3)


def test_collections_are_asked_for_more_slowly_than_pages() -> None:
    assert SPACING[RequestClass.COLLECTION] > SPACING[PAGE] > SPACING[RequestClass.FILE]


def test_one_class_does_not_wait_for_another() -> None:
    patience, _ = take_turn(Patience(), PAGE, T, 60)
    assert take_turn(patience, RequestClass.FILE, T, 60)[1] == T


def test_who_comes_late_does_not_wait() -> None:
    patience, _ = take_turn(Patience(), PAGE, T, 1)
    assert take_turn(patience, PAGE, T + 100, 1)[1] == T + 100


def test_workers_share_one_gate_through_the_file(tmp_path: Path) -> None:
    clock = HurriedClock()
    asked = []
    for _ in range(3):
        for one in (pace(tmp_path, clock), pace(tmp_path, clock)):
            one.wait_turn(PAGE)
            asked.append((clock.now() - NOW).total_seconds())
    assert asked == pytest.approx([0, 1, 2, 3, 4, 5])


# --- holds ----------------------------------------------------------------------------------------------------------


def test_nobody_asks_anything_during_a_hold() -> None:
    held = after_limit(Patience(), T, None, 10, 0)
    assert held.hold_until == T + 10
    for kind in RequestClass:
        assert take_turn(held, kind, T + 1, 1)[1] == T + 10


def test_holds_double_with_each_429_in_a_row_up_to_the_longest() -> None:
    patience, now, waits = Patience(), T, []
    for _ in range(9):
        patience = after_limit(patience, now, None, 10, 0)
        waits.append(patience.hold_until - now)
        now = patience.hold_until
    assert waits == [10, 20, 40, 80, 160, 320, 640, HOLD_MAX_S, HOLD_MAX_S]


def test_several_workers_that_are_told_at_one_moment_count_as_one() -> None:
    patience = Patience()
    for worker in range(8):
        patience = after_limit(patience, T + worker / 100, None, 10, 0)
    assert patience.level == 1
    assert patience.hold_until <= T + 10.1


@given(st.floats(0, 3600), st.floats(0, 1), st.integers(0, 20))
def test_retry_after_is_a_floor_and_never_more_than_a_hold_of_ours_beyond_it(
    after: float, jitter: float, level: int
) -> None:
    held = after_limit(Patience(level=level), T, after, 10, jitter)
    wait = held.hold_until - T
    assert wait >= after - 1e-3
    assert wait <= max(HOLD_MAX_S, after, 1) * 1.3 + 1e-3


def test_a_retry_after_that_is_obeyed_again_and_again_grows() -> None:
    patience, now, waits = Patience(), T, []
    for _ in range(4):
        patience = after_limit(patience, now, 3, 10, 0)
        waits.append(patience.hold_until - now)
        now = patience.hold_until
    assert waits == [3, 6, 12, 24]


def test_a_good_answer_halves_the_suspicion() -> None:
    assert [after_success(Patience(level=n)).level for n in (0, 1, 2, 5)] == [0, 0, 1, 2]


def test_a_limit_is_told_to_every_worker_and_forgotten_after_good_answers(tmp_path: Path) -> None:
    clock = HurriedClock()
    one, other = pace(tmp_path, clock), pace(tmp_path, clock)
    until = one.limited(60)
    assert NOW + timedelta(seconds=60) <= until <= NOW + timedelta(seconds=79)
    assert other.held_until() == until
    other.wait_turn(PAGE)
    assert clock.now() >= until and other.held_until() is None
    other.answered()
    assert json.loads((tmp_path / "state" / "patience.json").read_text())["level"] == 0


def test_a_hold_beyond_our_patience_is_told_and_not_waited_for(tmp_path: Path) -> None:
    clock = HurriedClock()
    impatient = pace(tmp_path, clock, patience_s=30)
    until = impatient.limited(600)
    with pytest.raises(RateLimited) as caught:
        impatient.wait_turn(PAGE)
    assert caught.value.until == until and clock.waits == []


# --- clocks that jump, and files that lie ---------------------------------------------------------------------------


def test_a_clock_that_jumped_back_makes_nobody_wait_for_what_was_planned() -> None:
    far = Patience(hold_until=T + 10 * LONGEST_HOLD_S, next_turn={"page": T + 7200})
    assert take_turn(far, PAGE, T, 1)[1] == T


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"hold_until": "x", "level": 1, "next_turn": {}}', '{"next_turn": []}']
)
def test_a_broken_file_is_patience_without_a_past(content: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "patience.json").write_text(content)
    clock = HurriedClock()
    gate = pace(tmp_path, clock)
    assert gate.held_until() is None
    gate.wait_turn(PAGE)
    assert clock.waits == []


@pytest.mark.parametrize("after", [LONGEST_HOLD_S - 3600, LONGEST_HOLD_S, 10 * LONGEST_HOLD_S])
def test_a_retry_after_of_a_day_holds_for_a_day(after: float) -> None:
    held = after_limit(Patience(), T, after, 10, 0.5)
    assert take_turn(held, PAGE, T + 60, 1)[1] > T + 3600


def test_a_429_after_the_clock_jumped_back_holds() -> None:
    held = after_limit(Patience(hold_until=T + 10 * LONGEST_HOLD_S), T, None, 10, 0)
    assert take_turn(held, PAGE, T + 1, 1)[1] == T + 10


def test_a_clock_that_jumps_back_during_a_wait_does_not_make_it_a_day(tmp_path: Path) -> None:
    clock = HurriedClock(jumps=(-timedelta(hours=3),))
    gate = pace(tmp_path, clock, interval_s=20)
    gate.wait_turn(PAGE)
    gate.wait_turn(PAGE)
    assert sum(clock.waits) <= 60


def test_times_in_the_file_are_seconds_since_1970(tmp_path: Path) -> None:
    pace(tmp_path, HurriedClock()).limited(100)
    value = json.loads((tmp_path / "state" / "patience.json").read_text())
    assert datetime.fromtimestamp(value["hold_until"], UTC) > NOW
