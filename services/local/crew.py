"""The four services as local processes: one supervisord, and where it keeps its socket."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bandcamp_sync.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CONF = Path(__file__).with_name("supervisord.conf")
_STOP_WITHIN_S = 20.0


def run_folder() -> Path:
    """Where this checkout's supervisord has its socket: short enough for a socket, and ours alone."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
    folder = Path(tempfile.gettempdir()) / f"bandcampsync-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def environment(settings: Settings, environ: Mapping[str, str], run: Path, output: str) -> dict[str, str]:
    """What supervisord and the services get. The checkout is on the path, as `services` is not installed."""
    paths = [str(ROOT), *([environ["PYTHONPATH"]] if environ.get("PYTHONPATH") else [])]
    return {
        **environ,
        "WORKERS": str(settings.workers),
        "BCS_WORKERS": str(settings.workers),
        "DATA_DIR": str(settings.data_dir.expanduser().absolute()),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "BCS_ROOT": str(ROOT),
        "BCS_RUN": str(run),
        "BCS_PYTHON": sys.executable,
        "BCS_OUTPUT": output,
        "BCS_NAME": "local",
        "BCS_SOURCE": "host",
    }


def supervisord(*options: str) -> list[str]:
    """The command line of supervisord."""
    return [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONF), *options]


def control(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Ask a running supervisord."""
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(CONF), *words]
    return subprocess.run(command, env=dict(environ), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def running_pid(environ: Mapping[str, str]) -> int | None:
    """The process of this checkout's supervisord; None when nothing runs."""
    told = control(environ, "pid").stdout.strip()
    return int(told) if told.isdecimal() else None


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def is_running(environ: Mapping[str, str]) -> bool:
    """Whether this checkout's services run already."""
    return running_pid(environ) is not None


def start(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start supervisord as a child whose output is read from a pipe. It has its own session, so that Ctrl-C comes to
    the parent alone, which then ends it in order."""
    return subprocess.Popen(
        supervisord(),
        env=dict(environ),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def stop(process: "subprocess.Popen[str]") -> None:
    """End a child and what it started; by force when it takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
