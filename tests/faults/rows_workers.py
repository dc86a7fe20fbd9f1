"""Workers that die, or sleep while another takes their work."""

import signal

from faults.household import Household
from faults.row import Row


def _holder(home: Household) -> str:
    """The loop that holds a purchase whose download has begun."""
    pids = {member.process.pid: name for name, member in home.members.items()}
    holders = [str((job.get("claim") or {}).get("holder", "")) for job in home.jobs("in_progress")]
    return next((name for pid, name in pids.items() if any(f":{pid}:" in holder for holder in holders)), "")


def _kill_one(home: Household) -> None:
    home.until_under_way()
    home.until("a worker with a job", lambda: _holder(home))
    home.kill(_holder(home))


def _stop_one(home: Household) -> None:
    home.until_under_way()
    home.until("a worker with a job", lambda: _holder(home))
    sleeper = _holder(home)
    home.signal(sleeper, signal.SIGSTOP)
    home.until_said("recover: ")
    wanted = len(home.world.purchases)
    # It wakes while others have its work, or after it.
    home.until("the others' work", lambda: home.count("done") >= wanted - 1 or home.count("pending") == 0)
    home.signal(sleeper, signal.SIGCONT)


ROWS = (
    Row("a worker is killed amid a download", happens=_kill_one, rate=150_000, times_needed=1.6),
    Row("a worker sleeps beyond its lease and wakes", happens=_stop_one, rate=150_000, settings={"LEASE": "4s"},
        times_needed=2.1),
)  # fmt: skip
