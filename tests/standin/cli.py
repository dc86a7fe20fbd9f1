"""The command line: a stand-in Bandcamp that runs until it is told to stop."""

import argparse
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from standin.faults import EVERY_FIRST_DOWNLOAD
from standin.server import StandIn
from standin.settings import Settings
from standin.tones import store
from standin.world import PRESETS, World


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="standin", description="A stand-in Bandcamp.")
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="0 takes a free port")
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDR")
    parser.add_argument("--preset", choices=PRESETS, default="full")
    parser.add_argument("--purchases", type=int, default=60, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--cookies", type=Path, metavar="PATH", help="write a cookies.txt there")
    parser.add_argument("--rate", type=int, metavar="BYTES_PER_S", help="a slow line for files")
    parser.add_argument("--faults", choices=["every-first-download"])
    parser.add_argument("--challenge", choices=["cookie", "browser_only"])
    parser.add_argument("--port-file", type=Path, metavar="PATH", help="write the port there")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    world = World.build(options.purchases, options.seed, options.preset)
    settings = Settings(rate=options.rate)
    with StandIn(world, bind=options.bind, port=options.port, settings=settings) as standin:
        if options.faults:
            standin.rules.add("rotate", faults=EVERY_FIRST_DOWNLOAD, times=1, first_each=True)
        if options.challenge:
            standin.rules.add("challenge", mode=options.challenge)
        if options.cookies:
            standin.write_cookies(options.cookies)
        if options.port_file:
            store(options.port_file, f"{standin.port}\n".encode())
        print(f"Stand-in Bandcamp at {standin.url}, {len(world.purchases)} purchases", flush=True)
        stop.wait()
    return 0
