from datetime import timedelta
from typing import Any

import pytest
from bandcamp_sync.health.overall import Overall, Seen, overall
from unit.factories import NOW

SESSION = {"name": "session", "sentence": "not logged in", "needs_person": True}
SHRUNK = {"name": "collection", "sentence": "it shrank", "needs_person": True}
SHAPE = {"name": "bandcamp", "sentence": "a page changed shape", "needs_person": False}
STALE = {"name": "bandcamp-sync.timer", "active_state": "unknown", "sub_state": "stale"}
BROKEN = {"name": "bandcamp-sync.service", "active_state": "failed", "sub_state": "failed"}
AGAIN = {"name": "bandcamp-sync-worker@1.service", "active_state": "activating", "sub_state": "auto-restart"}
FINE = {"name": "bandcamp-dashboard.service", "active_state": "active", "sub_state": "running"}
WORKER = {"name": "bandcamp-sync-worker@1.service", "active_state": "active", "sub_state": "running"}
RECONCILER = {"name": "bandcamp-sync-reconcile.path", "active_state": "active", "sub_state": "waiting"}
TIMER = {"name": "bandcamp-sync.timer", "active_state": "active", "sub_state": "waiting"}
#: What a host between two runs publishes.
ALL = [FINE, WORKER, RECONCILER, TIMER, {"name": "bandcamp-sync.service", "active_state": "inactive"}]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, Overall.IDLE),
        ({"counts": {"synced": 3}, "units": ALL}, Overall.IDLE),
        ({"counts": {"synced": 3, "preorder": 1, "unavailable": 1, "ignored": 2}}, Overall.IDLE),
        ({"counts": {"queued": 1}}, Overall.SYNCING),
        ({"counts": {"downloading": 1}}, Overall.SYNCING),
        ({"scraping": True}, Overall.SYNCING),
        ({"counts": {"failed": 1}}, Overall.DEGRADED),
        ({"counts": {"failed": 1, "downloading": 1}}, Overall.SYNCING),
        ({"counts": {"waiting": 1}}, Overall.RECOVERING),
        ({"counts": {"waiting": 1, "failed": 1}}, Overall.DEGRADED),
        ({"held_until": NOW + timedelta(minutes=1), "counts": {"queued": 1}}, Overall.RECOVERING),
        ({"held_until": NOW - timedelta(minutes=1)}, Overall.IDLE),
        ({"scrape_error": "Bandcamp cannot be reached"}, Overall.RECOVERING),
        ({"scrape_error": "Bandcamp cannot be reached", "scraping": True}, Overall.SYNCING),
        ({"units": [*ALL, AGAIN]}, Overall.RECOVERING),
        ({"units": [*ALL, STALE], "counts": {"queued": 1}}, Overall.DEGRADED),
        ({"alarms": [SHAPE]}, Overall.DEGRADED),
        ({"alarms": [SHRUNK]}, Overall.DEGRADED),
        ({"alarms": [SESSION], "counts": {"queued": 1}}, Overall.FAILED),
        ({"units": [*ALL, BROKEN, STALE]}, Overall.FAILED),
        ({"session_problem": "not logged in", "counts": {"downloading": 1}}, Overall.FAILED),
        ({"paused": True, "alarms": [SESSION], "counts": {"queued": 1}}, Overall.PAUSED),
    ],
)
def test_the_whole_is_in_one_state(seen: dict[str, Any], expected: Overall) -> None:
    state, why = overall(Seen(now=NOW, **seen))
    assert state is expected
    assert why


def test_a_service_that_is_not_there_is_missed() -> None:
    state, why = overall(Seen(now=NOW, units=[FINE, RECONCILER, TIMER], counts={"queued": 2}))
    assert (state, why) == (Overall.DEGRADED, ["no worker runs: nothing is downloaded", "2 queued"])


def test_a_dashboard_alone_is_not_well() -> None:
    asleep = {**WORKER, "active_state": "inactive", "sub_state": "dead"}
    state, why = overall(Seen(now=NOW, units=[FINE, asleep], counts={"synced": 3}))
    assert (state, why) == (Overall.FAILED, ["nothing runs but the dashboard: start the other services"])


@pytest.mark.parametrize(("age_s", "expected"), [(5, Overall.IDLE), (90, Overall.FAILED), (-5, Overall.FAILED)])
def test_nobody_is_missed_while_all_are_being_started(age_s: int, expected: Overall) -> None:
    since = (NOW - timedelta(seconds=age_s)).isoformat()
    assert overall(Seen(now=NOW, units=[{**FINE, "since": since}]))[0] is expected


@pytest.mark.parametrize(
    ("silent_s", "counts", "expected"),
    [
        (90, {}, Overall.DEGRADED),
        (90, {"queued": 2}, Overall.DEGRADED),
        (90, {"downloading": 1}, Overall.SYNCING),
        (30, {"synced": 2}, Overall.IDLE),
    ],
)
def test_silence_of_all_services_is_no_health(silent_s: int, counts: dict[str, int], expected: Overall) -> None:
    since = NOW - timedelta(seconds=silent_s)
    state, why = overall(Seen(now=NOW, counts=counts, expected_since=since))
    assert state is expected
    assert (why[0] == "no service has told of itself: start them") is (state is Overall.DEGRADED)


def test_where_commands_are_run_by_hand_nobody_is_missed() -> None:
    assert overall(Seen(now=NOW, counts={"synced": 2}))[0] is Overall.IDLE


def test_what_is_known_to_be_broken_is_not_missed_as_well() -> None:
    broken = {**WORKER, "active_state": "failed"}
    assert overall(Seen(now=NOW, units=[FINE, RECONCILER, TIMER, broken]))[1] == [f"{WORKER['name']} has failed"]


def test_what_presses_most_is_said_first() -> None:
    _, why = overall(Seen(now=NOW, alarms=[SESSION, SHAPE], counts={"queued": 2}))
    assert why == ["not logged in", "a page changed shape", "2 queued"]


def test_one_trouble_is_said_once() -> None:
    seen = Seen(now=NOW, alarms=[SESSION], session_problem="not logged in", scrape_error="not logged in")
    assert overall(seen)[1] == ["not logged in"]


def test_a_pause_does_not_hide_what_is_wrong() -> None:
    _, why = overall(Seen(now=NOW, paused=True, alarms=[SESSION]))
    assert why == ["paused by you", "not logged in"]
