from dataclasses import fields

import pytest
from bandcamp_sync.health.systemd import ASKED, host_units, parse_show, parse_timers
from bandcamp_sync.health.unit import HOST_UNITS, RETRY_TIMER, SCRAPE_TIMER, UNITS, Timer, Unit
from hypothesis import given
from hypothesis import strategies as st

#: What systemd 252 prints: the order of its properties is its own, and a path or a timer has no process.
SHOWN = """\
MainPID=0
Result=exit-code
NRestarts=0
ExecMainStartTimestamp=@1795448466
Id=bandcamp-sync.service
Description=as the file says
LoadState=loaded
ActiveState=failed
SubState=failed
StateChangeTimestamp=@1795448470

Result=success
Id=bandcamp-sync.timer
Description=as the file says
LoadState=loaded
ActiveState=active
SubState=waiting
StateChangeTimestamp=@1795448470

Result=success
Id=bandcamp-sync-retry.timer
LoadState=loaded
ActiveState=active
SubState=waiting
StateChangeTimestamp=@1795448470

MainPID=0
Result=success
NRestarts=0
ExecMainStartTimestamp=
Id=bandcamp-sync-verify.service
Description=bandcamp-sync-verify.service
LoadState=not-found
ActiveState=inactive
SubState=dead
StateChangeTimestamp=

MainPID=319
Result=success
NRestarts=2
ExecMainStartTimestamp=@1795448400
Id=bandcamp-sync-worker@2.service
LoadState=loaded
ActiveState=active
SubState=running
StateChangeTimestamp=@1795448400
"""
TIMERS = (
    '[{"next":1795448773438827,"left":1795448773438827,"last":1795448466960067,"passed":1795448466960067,'
    '"unit":"bandcamp-sync.timer","activates":"bandcamp-sync.service"},'
    '{"next":1795448500000000,"last":0,"unit":"bandcamp-sync-retry.timer","activates":"bandcamp-sync-retry.service"},'
    '{"next":null,"left":null,"last":0,"unit":"other.timer","activates":"other.service"}]'
)
TICK, RETRY_TICK = "2026-11-23T15:46:13Z", "2026-11-23T15:41:40Z"


def units(shown: str = SHOWN, timers: str = TIMERS, due: dict[str, Timer] | None = None) -> dict[str, Unit]:
    return {unit.name: unit for unit in host_units(shown, timers, due or {})}


def test_a_service_is_told_in_systemds_own_words() -> None:
    unit = units()["bandcamp-sync.service"]
    assert (unit.load_state, unit.active_state, unit.sub_state) == ("loaded", "failed", "failed")
    assert (unit.last_result, unit.main_pid, unit.since) == ("exit-code", None, "2026-11-23T15:41:10Z")
    assert (unit.source, unit.service) == ("host", "scraper")
    assert unit.description == UNITS["bandcamp-sync.service"][1]


def test_a_worker_has_a_process_and_was_started_again() -> None:
    unit = units()["bandcamp-sync-worker@2.service"]
    assert (unit.main_pid, unit.restarts, unit.service) == (319, 2, "worker")


def test_what_never_ran_has_no_result_and_what_is_not_there_says_so() -> None:
    unit = units()["bandcamp-sync-verify.service"]
    assert (unit.load_state, unit.active_state, unit.last_result, unit.since) == ("not-found", "inactive", None, None)


def test_a_service_that_systemd_would_not_even_start_has_a_result() -> None:
    shown = "Id=bandcamp-sync.service\nResult=start-limit-hit\nExecMainStartTimestamp=\n"
    assert units(shown)["bandcamp-sync.service"].last_result == "start-limit-hit"


def test_a_timer_is_as_good_as_its_service() -> None:
    assert units()["bandcamp-sync.timer"].last_result == "exit-code"
    assert (
        units(SHOWN.replace("Result=success\nId=bandcamp-sync.timer", "Result=resources\nId=bandcamp-sync.timer"))[
            "bandcamp-sync.timer"
        ].last_result
        == "resources"
    )


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        (None, TICK),
        (Timer("2026-11-23T21:41:06Z"), "2026-11-23T21:41:06Z"),
        (Timer("2026-11-23T15:40:00Z"), TICK),
        (Timer(None), None),
    ],
)
def test_a_scrape_is_next_when_it_is_due_and_the_timer_asks(own: Timer | None, shown: str | None) -> None:
    due = {SCRAPE_TIMER: own} if own is not None else {}
    assert units(due=due)[SCRAPE_TIMER].next_elapse == shown


def test_a_retry_is_next_when_one_waits() -> None:
    assert units(due={RETRY_TIMER: Timer(None)})[RETRY_TIMER].next_elapse is None
    assert units(due={RETRY_TIMER: Timer("2026-11-23T15:00:00Z")})[RETRY_TIMER].next_elapse == RETRY_TICK


def test_a_timer_that_was_stopped_or_whose_service_runs_elapses_at_no_time() -> None:
    own = {SCRAPE_TIMER: Timer("2026-11-23T21:41:06Z")}
    assert units(timers="[]", due=own)[SCRAPE_TIMER].next_elapse is None
    running = SHOWN.replace("ActiveState=active\nSubState=waiting", "ActiveState=active\nSubState=running")
    assert units(running)[SCRAPE_TIMER].next_elapse is None


def test_every_unit_of_ours_is_asked_for() -> None:
    assert set(ASKED) == {*UNITS, *HOST_UNITS, "bandcamp-sync-worker@*"}


@pytest.mark.parametrize("timers", ["", "null", "7", "[7, null]", '[{"unit": 7, "next": "soon"}]', '{"unit": "x"}'])
def test_a_list_of_timers_that_is_none_tells_nothing(timers: str) -> None:
    assert parse_timers(timers) == {}


def test_a_time_that_no_calendar_has_is_no_time() -> None:
    assert parse_timers('[{"unit": "x.timer", "next": 99999999999999999999}]') == {}
    [unit] = host_units("Id=x.service\nStateChangeTimestamp=@99999999999999999999\nMainPID=many\n", "", {})
    assert (unit.since, unit.main_pid) == (None, None)


@given(st.text(), st.text())
def test_whatever_is_said_is_understood_or_left_out(shown: str, timers: str) -> None:
    for unit in host_units(shown, timers, {}):
        assert unit.name
        assert set(unit.to_json()) == {field.name for field in fields(Unit)}


NAMES = st.text(st.characters(exclude_characters="=", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1)
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")))


@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1)))
def test_the_blocks_of_units_come_apart_as_they_went_in(blocks: list[dict[str, str]]) -> None:
    text = "\n\n".join("\n".join(f"{name}={value}" for name, value in block.items()) for block in blocks)
    assert parse_show(text) == blocks
