"""How gunicorn serves the dashboard. A stream of events holds a thread for as long as a page is open.

Threads, as one process then holds the books in memory once, and a stream is plain code that waits. One at rest costs a
sleeping thread and no processor: it waits for the one looker of all streams (`web/streams.py`).
"""

import gc
import os
from pathlib import Path
from threading import Thread
from typing import Any

worker_class = "services.dashboard.worker.Worker"
# A second process would hold the books, the sessions' wrong tries and the numbers of /metrics a second time.
workers = 1
# For as many streams as there may be (MAX_STREAMS), and a good two dozen for what is answered at once.
threads = 128
# Open connections, those between two requests included; they wait in the main loop and hold no thread.
worker_connections = 1000
# A search and a position in the logs may be long. Beyond that it is 414.
limit_request_line = 8190
timeout = 60
keepalive = 15
# Streams notice within half a second that the process ends; whoever is left is cut off.
graceful_timeout = 3
accesslog = None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
forwarded_allow_ips = ""
# The heartbeat's file: on memory where there is one, as a disk that is busy would look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None


def post_worker_init(worker: Any) -> None:
    """Let streams see that this worker is told to end, or that the process above it was killed."""
    streams = worker.wsgi.extensions["streams"]
    streams.is_closing = lambda: not worker.alive or worker.ppid != os.getppid()
    # A stream is cut off when its client takes nothing more (`web/listeners.py`), and not for lasting long.
    worker.spared = streams.connections
    Thread(target=_get_ready, args=(streams.look,), name="ready", daemon=True).start()


def _get_ready(look: Any) -> None:
    """Read the books before anybody asks. Twenty thousand of them live as long as this process: looking through them
    for garbage again and again would hold up everybody for a third of a second each time."""
    look()
    gc.collect()
    gc.freeze()
