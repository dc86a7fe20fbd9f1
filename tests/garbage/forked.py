"""Runs the real commands again and again in processes forked from one that has everything loaded: `python forked.py`.

A line of JSON on standard input, `{"env", "bound", "steps"}`, is answered by one on standard output: a list of
`{"step", "code", "out", "seconds"}`. A step is a command (`["scrape"]`) or one of `LOOKS`. A child that hangs is killed
by its alarm, and its answer ends with the step at which that happened, its code None.
"""

import contextlib
import ctypes
import io
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared"), str(ROOT / "tests")]

from bandcamp_sync.bandcamp import client  # noqa: E402, F401 (the command loads these when it needs them)
from bandcamp_sync.cli import main  # noqa: E402
from bandcamp_sync.clock import Clock  # noqa: E402
from bandcamp_sync.errors import LocalTrouble  # noqa: E402
from bandcamp_sync.folders import make_folders  # noqa: E402
from bandcamp_sync.loops.handover import Handover  # noqa: E402
from bandcamp_sync.loops.reconciler import Reconciler  # noqa: E402
from bandcamp_sync.loops.scraper import Scraper  # noqa: E402
from bandcamp_sync.paths import data_folder  # noqa: E402
from bandcamp_sync.settings import Settings  # noqa: E402
from bandcamp_sync.stages import adopt, fan, reconcile, run_scrape, status, sync, verify, work  # noqa: E402, F401
from flask import Flask  # noqa: E402
from jinja2 import FileSystemBytecodeCache  # noqa: E402

from services.dashboard.web.app import create_app  # noqa: E402

#: So long may all steps of a case take together: far more than they need on a slow machine.
LIMIT_S = 60


def look_at_pages(environ: dict[str, str]) -> None:
    """GET everything that the dashboard serves. Raises AssertionError for an answer of 500."""
    app = create_app(Settings.from_environment(environ))
    web = app.test_client()
    listed = web.get("/api/collection?per_page=500").get_json() or {}
    keys = [item["key"] for item in listed.get("items", [])] or ["p1"]
    arts = [path.stem for path in (Path(environ["DATA_DIR"]) / "covers").glob("*.jpg")] or ["1"]
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        values: dict[str, list[Any]] = {
            "key": keys[:3],
            "art_id": arts[:2],
            "page": ["overview"],
            "filename": ["app.css"],
        }
        names = sorted(rule.arguments)
        for given in values[names[0]] if names else [None]:
            adapter = app.url_map.bind("localhost")
            address = adapter.build(rule.endpoint, {names[0]: given} if names else {}, force_external=False)
            answer = web.get(address)
            assert answer.status_code < 500, f"{address}: {answer.status_code} {answer.text[:300]}"
            if answer.is_streamed:
                answer.close()  # a stream of events begins, and has no end


def look_by_loops(environ: dict[str, str]) -> None:
    """What the services' loops do in one round. Raises what would end them."""
    settings, clock = Settings.from_environment(environ), Clock()
    data = data_folder(settings)
    try:
        make_folders(data)
    except LocalTrouble as error:  # `serve` prints it, and the supervisor starts the process again
        print(error)
        return
    reconciler, scraper = Reconciler(settings, data, clock), Scraper(settings, data, clock)
    handover = Handover(settings, data, clock)
    steps = (reconciler.look, reconciler.publish_timers, handover.look, scraper.is_due, scraper.tell)
    for step in (*steps, lambda: scraper.publish_timer(running=False)):
        with contextlib.suppress(LocalTrouble, OSError):  # their `run` waits these out
            step()


LOOKS: dict[str, Callable[[dict[str, str]], None]] = {"pages": look_at_pages, "loops": look_by_loops}


def bind() -> None:
    """Be bound by permissions from now on, as root is not: without CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER."""
    if os.getuid() != 0:
        return

    class Head(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Set(ctypes.Structure):
        _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))

    libc, head, sets = ctypes.CDLL(None, use_errno=True), Head(0x20080522, 0), (Set * 2)()
    if libc.capget(ctypes.byref(head), sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for part in ("effective", "permitted"):
        setattr(sets[0], part, getattr(sets[0], part) & ~0b1111)
    if libc.capset(ctypes.byref(head), sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def run_step(step: list[str], environ: dict[str, str]) -> int | str | None:
    """The exit code; 0 for a look that found nothing wrong."""
    try:
        if step[0] in LOOKS:
            LOOKS[step[0]](environ)
            return 0
        main(step, standalone_mode=True)
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return "raised"
    return 0


def run_case(case: dict[str, Any], answer: io.TextIOBase) -> None:
    """In the child: every step, an answer after each."""
    os.environ.clear()
    os.environ.update(case["env"])
    if case["bound"]:
        bind()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIMIT_S)
    with tempfile.TemporaryFile("w+") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        for step in case["steps"]:
            answer.write(json.dumps({"step": step, "code": None, "out": "", "seconds": 0.0}) + "\n")
            answer.flush()
            at, began = told.seek(0, 2), time.monotonic()
            code = run_step(step, case["env"])
            sys.stdout.flush()
            sys.stderr.flush()
            told.seek(at)
            ended = {"step": step, "code": code, "out": told.read(), "seconds": time.monotonic() - began}
            answer.write(json.dumps(ended) + "\n")
            answer.flush()


def serve() -> None:
    """Until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        # Most of the time of a page's first look goes into its template; what one child has compiled serves the next.
        Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(folder)}
        Path(folder).chmod(0o777)
        _serve()


def _serve() -> None:
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as answer:
            child = os.fork()
            if child == 0:
                try:
                    run_case(json.loads(line), answer)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            answer.seek(0)
            told = [json.loads(one) for one in answer.read().splitlines()]
        # A step that hung has its first line alone, as the last.
        steps = [one for one in told if one["code"] is not None]
        if told[-1]["code"] is None:
            steps.append(told[-1])
        print(json.dumps(steps), flush=True)


if __name__ == "__main__":
    serve()
