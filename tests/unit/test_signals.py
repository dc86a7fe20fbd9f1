"""A process that is asked to end hears it, whatever its main thread is at."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The main thread holds the very lock that stopping the clock takes, as it does for moments in each of its sleeps.
_AMID_A_SLEEP = """
import os, signal, sys, time
from bandcamp_sync.clock import Clock
from bandcamp_sync.signals import call_at

clock = Clock()
call_at([signal.SIGTERM], clock.stop)
with clock._stop._cond:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
sys.exit(0 if clock._stop.wait(10) else 1)
"""


def run(program: str) -> int:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "shared")}
    return subprocess.run([sys.executable, "-c", program], env=env, timeout=30, check=False).returncode


def test_a_signal_amid_a_sleep_holds_up_nobody() -> None:
    assert run(_AMID_A_SLEEP) == 0


def test_each_of_many_signals_is_heard_and_none_is_waited_for() -> None:
    program = """
import os, signal, sys, threading, time
from bandcamp_sync.signals import call_at

first, calls = threading.Event(), []
def call():
    calls.append(1)
    first.wait()
call_at([signal.SIGTERM, signal.SIGINT], call)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), number)
    time.sleep(0.05)
assert len(calls) == 1, calls
first.set()
until = time.monotonic() + 10
while len(calls) < 3 and time.monotonic() < until:
    time.sleep(0.01)
sys.exit(0 if len(calls) == 3 else 1)
"""
    assert run(program) == 0
