"""A process that has the package loaded, and runs each stage in a fork of itself: a run costs no start of Python.

It reads requests as JSON lines and answers each with one; see `Place` for who asks. It stays a process of one thread,
as only then a fork of it is what a fresh process would be, and as one thread alone may trace a child.
"""

import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bandcamp_sync

from crash.tracer import Traced, as_json, trace

#: A run takes a second or two. One that takes so many hangs.
LONGEST_S = 120.0
_NOT_NEEDED = ("bandcamp_sync.__main__", "bandcamp_sync.bandcamp.browser", "bandcamp_sync.health.listener")


def command(arguments: list[str]) -> int:
    """A command as a user types it; its exit code."""
    from bandcamp_sync.cli import main

    try:
        main(arguments, prog_name="bandcampsync")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def hand_over(arguments: list[str]) -> int:
    """What the dashboard does with cookies that somebody gives it. The argument: a file with them."""
    from bandcamp_sync.clock import Clock
    from bandcamp_sync.drop import seal
    from bandcamp_sync.paths import data_folder
    from bandcamp_sync.settings import Settings

    data = data_folder(Settings.from_environment(os.environ))
    key = seal.public_key(data)
    if key is None:
        return 1
    seal.hand_over(data, key, Path(arguments[0]).read_bytes(), Clock().now())
    return 0


def take_over(_: list[str]) -> int:
    """The scraper's looks at the drop place until nothing waits there; 0 when it accepted a login."""
    from bandcamp_sync.clock import Clock
    from bandcamp_sync.drop import seal
    from bandcamp_sync.loops.handover import Handover
    from bandcamp_sync.paths import data_folder
    from bandcamp_sync.settings import Settings

    settings = Settings.from_environment(os.environ)
    data, clock = data_folder(settings), Clock()
    handover, until = Handover(settings, data, clock), clock.monotonic() + 20
    handover.look()
    # What a killed look had begun is due again only after a while.
    while clock.monotonic() < until and (seal.taken_path(data).exists() or seal.sealed_path(data).exists()):
        clock.sleep(0.02)
        handover.look()
    return 0 if handover.accepted else 1


_WHAT: dict[str, Callable[[list[str]], int]] = {"command": command, "hand over": hand_over, "take over": take_over}


def main() -> None:
    """Serve until the requests end."""
    for module in pkgutil.walk_packages(bandcamp_sync.__path__, "bandcamp_sync."):
        if module.name not in _NOT_NEEDED:
            # Only to save time: a stage that needs what cannot be imported says so itself.
            with suppress(ImportError):
                importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(as_json(_serve(json.loads(line)))), flush=True)


def _serve(request: dict[str, Any]) -> Traced:
    def run() -> int:
        os.environ.clear()
        os.environ.update(request["environment"])
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulthandler.dump_traceback_later(LONGEST_S, exit=True, file=output)
        try:
            return _WHAT[request["what"]](request["arguments"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    if not request["folders"]:
        return _plainly(run)
    folders, ignored = ([Path(path) for path in request[name]] for name in ("folders", "ignored"))
    return trace(run, folders, ignored, request["kill_at"], request["half"])


def _plainly(run: Callable[[], int]) -> Traced:
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = run()
        finally:
            os._exit(code)
    return Traced(code=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
