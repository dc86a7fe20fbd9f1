"""The worker: `python -m services.worker.start`."""

import sys

from bandcamp_sync.loops.service import serve
from bandcamp_sync.loops.worker import worker_loop

if __name__ == "__main__":
    sys.exit(serve(worker_loop))
