"""`python -m services.local VERB`: the stack without Docker.

run     the four services in the foreground, until Ctrl-C
up      the same in the background; back when the dashboard answers
down    end them
ps      how they are
demo    the stack against the bundled stand-in Bandcamp
do ...  any command, with the settings of .env
"""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import FrameType
from typing import NoReturn

import click
from bandcamp_sync.errors import SettingInvalid
from bandcamp_sync.settings import Settings

from services.local import crew, dotenv
from services.local.demo import demo

_UP_WITHIN_S = 60.0


def main(words: list[str]) -> int:
    """Do what `words` say; the exit code."""
    environ = dotenv.with_file(os.environ, crew.ROOT / ".env")
    match words:
        case ["do", *command] if command:
            return _become(command, environ)
        case ["demo"]:
            return demo(os.environ)
        case [("run" | "up" | "down" | "ps") as verb]:
            return _with_settings(verb, environ)
        case _:
            click.echo(__doc__)
            return 2


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    os.execvpe(command[0], command, environ)


def _with_settings(verb: str, environ: dict[str, str]) -> int:
    try:
        settings = Settings.from_environment(environ)
    except SettingInvalid as error:
        click.echo(f"bandcampsync: {error}", err=True)
        return 2
    run = crew.run_folder()
    output = "/dev/fd/1" if verb == "run" else str(run / "output.log")
    full = crew.environment(settings, environ, run, output)
    match verb:
        case "run":
            return _run(full, settings)
        case "up":
            return _up(full, settings)
        case "down":
            return _down(full)
        case _:
            click.echo(crew.control(full, "status").stdout.strip() if crew.is_running(full) else "nothing runs")
            return 0


def _run(environ: dict[str, str], settings: Settings) -> int:
    if crew.is_running(environ):
        click.echo("the services run already in the background; `make down` ends them", err=True)
        return 1
    click.echo(f"The dashboard will be at {dashboard_url(settings)}; Ctrl-C ends everything.")
    process = crew.start(environ)

    def stop(number: int, frame: FrameType | None) -> None:
        process.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    assert process.stdout is not None
    for line in process.stdout:
        click.echo(line, nl=False)
    crew.stop(process)
    return 0 if process.returncode in (0, -signal.SIGTERM) else 1


def _up(environ: dict[str, str], settings: Settings) -> int:
    if not crew.is_running(environ):
        # The lock file of a supervisord that was killed would be no obstacle; its log goes on in one file.
        with open(environ["BCS_OUTPUT"], "ab") as output:  # noqa: PTH123
            subprocess.Popen(
                crew.supervisord(),
                env=environ,
                cwd=crew.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    url = dashboard_url(settings)
    if not answers(f"{url}/healthz", _UP_WITHIN_S):
        click.echo(f"the dashboard does not answer at {url}; see {environ['BCS_OUTPUT']}", err=True)
        return 1
    click.echo(f"The services run: {url}  (`make ps`, `make logs`, `make down`)")
    return 0


def _down(environ: dict[str, str]) -> int:
    pid = crew.running_pid(environ)
    if pid is None:
        click.echo("nothing runs")
        return 0
    # supervisord stops answering as soon as it begins to end its programs; it has ended when its process is gone.
    crew.control(environ, "shutdown")
    deadline = time.monotonic() + 30
    while crew.lives(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    if crew.lives(pid):
        click.echo(f"the services take their time to end (supervisord is process {pid})", err=True)
        return 1
    click.echo("the services have ended")
    return 0


def dashboard_url(settings: Settings) -> str:
    """Where a browser on this machine finds the dashboard."""
    host, _, port = settings.dashboard_bind.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{port}"


def answers(url: str, within_s: float) -> bool:
    """Whether `url` answers within that time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
