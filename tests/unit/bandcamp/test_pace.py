import errno
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.pace import Pace, alone, standing_hold
from bandcamp_sync.bandcamp.patience import (
    HOLD_MAX_S,
    LONGEST_HOLD_S,
    OUTAGE,
    PROBE_S,
    SPACING,
    Patience,
    RequestClass,
    Why,
    after_limit,
    after_success,
    after_trouble,
    take_turn,
)
from bandcamp_sync.errors import RateLimited
from filelock import FileLock
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
        current, turn, _ = take_turn(current, kind, T, interval_s)
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
    patience, _, _ = take_turn(Patience(), PAGE, T, 60)
    assert take_turn(patience, RequestClass.FILE, T, 60)[1] == T


def test_who_comes_late_does_not_wait() -> None:
    patience, _, _ = take_turn(Patience(), PAGE, T, 1)
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
    assert [after_success(Patience(level=n), T).level for n in (0, 1, 2, 5)] == [0, 0, 1, 2]


def test_a_limit_is_told_to_every_worker_and_forgotten_after_good_answers(tmp_path: Path) -> None:
    clock = HurriedClock()
    one, other = pace(tmp_path, clock), pace(tmp_path, clock)
    until = one.limited(60).until
    assert NOW + timedelta(seconds=60) <= until <= NOW + timedelta(seconds=79)
    assert other.held_until() == until
    other.wait_turn(PAGE)
    assert clock.now() >= until and other.held_until() is None
    other.answered()
    assert json.loads((tmp_path / "state" / "patience.json").read_text())["level"] == 0


def test_a_hold_beyond_our_patience_is_told_and_not_waited_for(tmp_path: Path) -> None:
    clock = HurriedClock()
    impatient = pace(tmp_path, clock, patience_s=30)
    until = impatient.limited(600).until
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


# --- who goes first after a hold ------------------------------------------------------------------------------------


def held(level: int = 1, hold_s: float = 10) -> Patience:
    return Patience(hold_until=T + hold_s, held_from=T, level=level, is_unproven=True)


def test_after_a_hold_one_goes_first_and_the_others_follow_its_good_answer() -> None:
    over = T + 11
    patience, at, goes = take_turn(held(), PAGE, over, 1)
    assert goes and at == over
    for kind in RequestClass:
        same, again, follows = take_turn(patience, kind, over, 1)
        assert not follows and again == over + PROBE_S and same == patience
    patience = after_success(patience, over + 1)
    assert patience.is_open(over + 1)
    assert take_turn(patience, RequestClass.FILE, over + 1, 1)[2]


def test_who_went_first_and_was_killed_is_waited_for_no_longer_than_that() -> None:
    patience, _, _ = take_turn(held(), PAGE, T + 11, 1)
    assert take_turn(patience, PAGE, T + 11 + PROBE_S + 0.01, 1)[2]


def test_whose_clock_is_a_moment_behind_does_not_go_first_beside_another_one() -> None:
    patience, _, _ = take_turn(held(), PAGE, T + 11, 1)
    assert not take_turn(patience, PAGE, T + 10.999, 1)[2]


def test_who_goes_first_in_vain_begins_a_longer_hold() -> None:
    patience, _, _ = take_turn(held(level=2), PAGE, T + 11, 1)
    again = after_limit(patience, T + 12, None, 10, 0)
    assert (again.level, again.hold_until) == (3, T + 12 + 40)
    assert not take_turn(again, PAGE, T + 13, 1)[2]


def test_a_good_answer_to_a_question_of_before_the_hold_ends_no_hold() -> None:
    assert after_success(held(level=3), T + 1) == held(level=3)


def test_who_goes_first_and_does_not_ask_lets_another_one(tmp_path: Path) -> None:
    clock = HurriedClock()
    one, other = pace(tmp_path, clock), pace(tmp_path, clock)
    one.limited(5, Why.CHALLENGED)
    assert one.wait_turn(PAGE) is Why.CHALLENGED
    before = clock.now()
    one.gave_up()
    assert other.wait_turn(PAGE) is Why.CHALLENGED
    assert (clock.now() - before).total_seconds() < PROBE_S
    other.answered()
    assert one.wait_turn(PAGE) is None


# --- trouble of the server's ----------------------------------------------------------------------------------------


def troubled(*marks: str, patience: Patience | None = None, at: float = T) -> Patience:
    current = patience or Patience()
    for mark in marks:
        current = after_trouble(current, at, mark, 10, 0, Why.BUSY)
    return current


def test_one_thing_that_is_broken_for_ever_holds_up_nobody() -> None:
    assert troubled(*["a"] * 50).is_open(T)


def test_several_things_in_a_row_are_an_outage() -> None:
    marks = [f"thing {n}" for n in range(OUTAGE)]
    assert troubled(*marks[:-1], marks[0]).is_open(T)
    out = troubled(*marks)
    assert (out.left_s(T), out.level, out.why) == (10, 1, Why.BUSY)
    assert troubled("more", patience=out) == out, "told while it is held counts once"


def test_a_good_answer_between_them_or_a_long_time_makes_them_strangers() -> None:
    assert troubled("c", patience=after_success(troubled("a", "b"), T)).is_open(T)
    assert troubled("c", patience=troubled("a", "b"), at=T + 3600).is_open(T + 3600)


def test_trouble_of_who_goes_first_is_another_hold_of_twice_the_length() -> None:
    out, at, waits = troubled(*"abc"), T, []
    for _ in range(4):
        at = out.hold_until
        out = troubled("a", patience=take_turn(out, PAGE, at, 1)[0], at=at)
        waits.append(out.left_s(at))
    assert waits == [20, 40, 80, 160]


def test_a_hold_is_read_by_those_who_only_look(tmp_path: Path) -> None:
    clock = HurriedClock()
    pace(tmp_path, clock).limited(60, Why.DOWN)
    found = standing_hold(tmp_path / "state" / "patience.json", clock.now())
    assert found is not None and found.why == "Bandcamp cannot be reached"
    assert standing_hold(tmp_path / "state" / "patience.json", clock.now() + timedelta(minutes=5)) is None


@given(st.floats(-1e6, -1), st.sampled_from(RequestClass))
def test_a_clock_that_jumps_back_in_a_hold_does_not_make_it_longer(jump: float, kind: RequestClass) -> None:
    now = T + 5 + jump
    waits = take_turn(held(), kind, now, 1)[1] - now
    assert waits <= max(PROBE_S, 11)


def test_a_lock_that_is_never_free_is_waited_for_minutes_and_not_for_ever(tmp_path: Path) -> None:
    clock = HurriedClock()
    with FileLock(tmp_path / "clearance.json.lock"), alone(tmp_path / "clearance.json", clock):
        assert 60 < sum(clock.waits) < 600


def test_a_share_that_knows_no_locks_is_left_no_marker_that_a_crash_would_leave_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    clock = HurriedClock()
    with alone(tmp_path / "clearance.json", clock):
        assert (tmp_path / "clearance.json.lock").read_bytes() == b""
    one = pace(tmp_path, clock)
    one.limited(3, Why.LIMITED)
    assert one.held_until() is not None
    assert (tmp_path / "state" / "patience.json.lock").read_bytes() == b""
