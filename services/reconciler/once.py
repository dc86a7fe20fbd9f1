"""A reconcile, once: `python -m services.reconciler.once`."""

import sys

from bandcamp_sync.loops.once import run_once
from bandcamp_sync.loops.reconcile_tick import reconcile_tick

if __name__ == "__main__":
    sys.exit(run_once("reconciler", reconcile_tick))
