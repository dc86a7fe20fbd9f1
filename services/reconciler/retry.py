"""Asks for a reconcile when something is due, once: `python -m services.reconciler.retry`."""

import sys

from bandcamp_sync.loops.once import run_once
from bandcamp_sync.loops.retry_tick import retry_tick

if __name__ == "__main__":
    sys.exit(run_once("reconciler", retry_tick))
