"""How gunicorn serves the dashboard. A stream of events holds a thread for as long as a page is open."""

import os
from pathlib import Path
from typing import Any

worker_class = "gthread"
workers = 1
threads = 40
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
    worker.wsgi.extensions["streams"].is_closing = lambda: not worker.alive or worker.ppid != os.getppid()
