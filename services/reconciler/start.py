"""The reconciler: `python -m services.reconciler.start`."""

import sys

from bandcamp_sync.loops.reconciler import reconciler_loop
from bandcamp_sync.loops.service import serve

if __name__ == "__main__":
    sys.exit(serve(reconciler_loop))
