"""A check of the library, once: `python -m services.reconciler.verify`."""

import sys

from bandcamp_sync.loops.once import run_once
from bandcamp_sync.loops.reconcile_tick import verify_tick

if __name__ == "__main__":
    sys.exit(run_once("reconciler", verify_tick))
