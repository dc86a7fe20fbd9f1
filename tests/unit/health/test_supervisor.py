from typing import Any

import pytest
from bandcamp_sync.health.supervisor import (
    Exit,
    Process,
    Seen,
    is_given_up,
    parse_exits,
    parse_process,
    stopped,
    to_stop,
    to_try_again,
    units_of,
)
from bandcamp_sync.health.unit import Timer

SCRAPER = Process("bandcamp-sync", "RUNNING", start=1_764_000_000, pid=7)


def seen(*processes: Process, **changes: Any) -> Seen:
    known: dict[str, Any] = {"timers": {}, "exits": {}, "restarts": {}, "numbers": {}, "source": "container"}
    return Seen(processes, **{**known, **changes})


def by_name(what: Seen) -> dict[str, Any]:
    return {unit.name: unit for unit in units_of(what)}


def test_a_program_is_a_unit_with_the_timers_of_its_loop() -> None:
    timer = Timer("2026-11-23T18:00:00Z", "2026-11-23T12:00:00Z", "exit-code")
    units = by_name(seen(SCRAPER, timers={"bandcamp-sync.timer": timer}))
    assert set(units) == {"bandcamp-sync.service", "bandcamp-sync.timer"}
    service, clock = units["bandcamp-sync.service"], units["bandcamp-sync.timer"]
    assert (service.active_state, service.sub_state, service.main_pid) == ("active", "running", 7)
    assert (service.source, service.service, service.since) == ("container", "scraper", "2025-11-24T16:00:00Z")
    assert service.last_result == clock.last_result == "exit-code"
    assert (clock.active_state, clock.sub_state, clock.next_elapse) == ("active", "waiting", "2026-11-23T18:00:00Z")
    assert clock.main_pid is None


@pytest.mark.parametrize(
    ("state", "active", "sub"),
    [
        ("STOPPED", "inactive", "dead"),
        ("STARTING", "activating", "start"),
        ("RUNNING", "active", "running"),
        ("BACKOFF", "activating", "auto-restart"),
        ("STOPPING", "deactivating", "stop-sigterm"),
        ("EXITED", "inactive", "dead"),
        ("FATAL", "failed", "failed"),
        ("UNHEARD OF", "unknown", "unknown"),
    ],
)
def test_supervisords_states_in_systemds_words(state: str, active: str, sub: str) -> None:
    unit = by_name(seen(Process("bandcamp-dashboard", state)))["bandcamp-dashboard.service"]
    assert (unit.active_state, unit.sub_state) == (active, sub)


def test_a_loop_that_does_not_live_has_no_timer_that_waits() -> None:
    timers = {"bandcamp-sync-retry.timer": Timer("2026-11-23T18:00:00Z")}
    units = by_name(seen(Process("bandcamp-sync-reconcile", "FATAL", 1, 2), timers=timers))
    assert (units["bandcamp-sync-retry.timer"].active_state, units["bandcamp-sync-retry.timer"].next_elapse) == (
        "inactive",
        None,
    )
    assert units["bandcamp-sync-reconcile.path"].sub_state == "dead"


def test_a_timer_that_elapsed_is_running() -> None:
    units = by_name(seen(SCRAPER, timers={"bandcamp-sync.timer": Timer(running=True)}))
    assert units["bandcamp-sync.timer"].sub_state == "running"


def test_workers_of_several_containers_have_their_own_numbers() -> None:
    programs = [Process(f"bandcamp-sync-worker@{place}", "RUNNING", pid=place) for place in (1, 2)]
    units = by_name(seen(*programs, numbers={1: 3, 2: 4}, restarts={"bandcamp-sync-worker@2": 5}))
    assert set(units) == {"bandcamp-sync-worker@3.service", "bandcamp-sync-worker@4.service"}
    assert units["bandcamp-sync-worker@4.service"].restarts == 5


def test_a_program_that_is_no_unit_of_ours_is_left_out() -> None:
    assert units_of(seen(Process("health", "RUNNING"))) == []


LOG = """
2026-11-23 12:00:00,1 WARN exited: bandcamp-sync (exit status 2; not expected)
2026-11-23 12:00:01,1 INFO spawned: 'bandcamp-sync' with pid 9
2026-11-23 12:00:02,1 WARN exited: bandcamp-sync-worker@1 (terminated by SIGKILL; not expected)
2026-11-23 12:00:02,1 WARN exited: bandcamp-sync-worker@2 (terminated by SIGSEGV (core dumped); not expected)
2026-11-23 12:00:03,1 INFO exited: bandcamp-dashboard (exit status 0; expected)
2026-11-23 12:00:04,1 INFO stopped: bandcamp-sync-reconcile (exit status 0)
"""


def test_how_programs_ended_is_read_from_supervisords_log() -> None:
    exits = parse_exits(LOG)
    assert {name: end.result for name, end in exits.items()} == {
        "bandcamp-sync": "exit-code",
        "bandcamp-sync-worker@1": "signal",
        "bandcamp-sync-worker@2": "signal",
        "bandcamp-dashboard": "success",
        "bandcamp-sync-reconcile": "success",
    }
    assert exits["bandcamp-sync"].code == 2


def test_what_ended_badly_and_was_not_started_again_has_failed() -> None:
    unit = by_name(seen(Process("bandcamp-dashboard", "EXITED"), exits={"bandcamp-dashboard": Exit(1)}))
    assert unit["bandcamp-dashboard.service"].active_state == "failed"


def test_when_supervisord_ends_everything_is_dead_since_then() -> None:
    [after] = stopped([SCRAPER], 1_764_000_060)
    unit = by_name(seen(after))["bandcamp-sync.service"]
    assert (unit.active_state, unit.since, unit.main_pid) == ("inactive", "2025-11-24T16:01:00Z", None)


@pytest.mark.parametrize(
    ("state", "ago", "code", "again"),
    [("FATAL", 301, 5, True), ("FATAL", 299, 5, False), ("FATAL", 301, 2, False), ("RUNNING", 301, 5, False)],
)
def test_a_given_up_program_gets_another_try_unless_its_settings_are_wrong(
    state: str, ago: int, code: int, again: bool
) -> None:
    process = Process("bandcamp-sync", state, stop=1000)
    assert to_try_again([process], {"bandcamp-sync": Exit(code)}, 1000 + ago) == (["bandcamp-sync"] if again else [])


def test_supervisords_answer_is_read() -> None:
    told = {"name": "bandcamp-sync", "statename": "RUNNING", "start": 1_764_000_000, "stop": 0, "pid": 7, "group": "x"}
    assert parse_process(told) == SCRAPER


_ENDED_BADLY = (("EXITED", 1), ("EXITED", None))


@pytest.mark.parametrize(
    ("state", "code", "given_up"),
    [
        ("FATAL", 1, True),
        ("EXITED", 2, True),
        ("BACKOFF", 2, True),
        ("STOPPED", 2, True),
        ("STARTING", 2, False),
        ("EXITED", 1, False),
        ("EXITED", None, False),
        ("STOPPED", 0, False),
    ],
)
def test_what_is_not_started_again_was_given_up(state: str, code: int | None, given_up: bool) -> None:
    process, exits = Process("bandcamp-sync", state), {"bandcamp-sync": Exit(code)}
    assert is_given_up(process, exits) is given_up
    assert (units_of(seen(process, exits=exits))[0].active_state == "failed") is (
        given_up or (state, code) in _ENDED_BADLY
    )
    assert to_stop([process], exits) == (["bandcamp-sync"] if (state, code) == ("BACKOFF", 2) else [])
