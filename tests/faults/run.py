"""Runs one row: a household, the fault, the wait until all is whole, and the reckoning."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

from standin import World
from standin.shelf import Shelf

from faults.household import Household
from faults.measure import Result, allowed_requests, fetched_bytes, politeness
from faults.mounts import Mounts, Unable
from faults.row import Row
from faults.whole import deliverable, faults_of_library, needed_bytes

#: The end of a traceback, and what the loops say of errors that they do not know.
_UNEXPECTED = re.compile(r"^\w*(Error|Exception)\b|unexpected")
#: What happened to a job that is an attempt which failed.
_ATTEMPTS = {"failed", "recovered", "gave up"}


def run(row: Row, root: Path) -> Result:
    """Run it in the empty folder `root`."""
    try:
        return _run(row, root)
    except Unable as reason:
        return Result(row.name, row.person, unable=str(reason))


def _run(row: Row, root: Path) -> Result:
    world = World.build(purchases=row.purchases, preset="small", seconds=row.seconds)
    with ExitStack() as stack:
        mounts = stack.enter_context(Mounts()) if row.mounts else None
        home = stack.enter_context(Household(root, world, row.settings, mounts))
        home.standin.settings.rate = row.rate
        for rule in row.rules:
            home.standin.rules.add(
                rule.do, match=rule.match, times=rule.times, after=rule.after, first_each=rule.first_each, **rule.params
            )
        if row.before is not None:
            row.before(home)
        began = time.monotonic()
        problems = _go_through(row, home)
        seconds = time.monotonic() - began
        home.stop()
        return _reckon(row, home, seconds, problems)


def _go_through(row: Row, home: Household) -> list[str]:
    wanted = len(deliverable(home.world)) - row.missing
    home.start()
    try:
        if row.happens is not None:
            row.happens(home)
        home.until(f"{wanted} receipts", lambda: home.count("done") >= wanted)
        home.until("workers at rest", lambda: not home.count("pending") and not home.count("in_progress"))
        if row.after is not None:
            return row.after(home)
    except AssertionError as error:
        return [str(error)]
    return []


def _reckon(row: Row, home: Household, seconds: float, problems: list[str]) -> Result:
    entries = home.requests()
    whole, wrong = faults_of_library(home.seen(home.data), home.seen(home.music), home.world)
    keys = set(deliverable(home.world))
    needed = needed_bytes(home.world, Shelf(), whole or keys)
    fetched, allowed = fetched_bytes(entries), allowed_requests(row.purchases, row.requests_each)
    wanted = len(keys) - row.missing
    problems += wrong + politeness(len(entries), allowed, fetched, needed, row.times_needed)
    problems += home.ended + _told_wrong(row, home)
    if len(whole) < wanted:
        problems.append(f"{len(whole)} of {wanted} are whole")
    return Result(
        row.name, row.person, wanted, len(whole), len(entries), allowed, fetched, needed, seconds, tuple(problems)
    )


def _told_wrong(row: Row, home: Household) -> list[str]:
    """What is wrong with what was said, and with what was counted."""
    said = home.said()
    problems = [f"unexpected: {line}" for line in said.splitlines() if _UNEXPECTED.search(line)]
    if row.told is None:
        return problems
    lines = [line for line in said.splitlines() if re.search(row.told, line)]
    if not lines:
        problems.append(f"nothing was said like {row.told!r}")
    if len(lines) > 2 * len(home.outputs()):
        problems.append(f"it was said {len(lines)} times: {lines[-1]}")
    for state in ("done", "failed", "pending", "in_progress"):
        for job in home.jobs(state):
            counted = [event["what"] for event in job.get("history", []) if event["what"] in _ATTEMPTS]
            problems += [f"{job['key']}: trouble of this machine counted as an attempt ({what})" for what in counted]
    return problems
