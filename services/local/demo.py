"""The demo: the whole stack against the stand-in Bandcamp of the tests, with no account, no Docker, no network."""

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Stopped
from bandcamp_sync.library.names import for_terminal
from bandcamp_sync.settings import Settings
from bandcamp_sync.signals import call_at
from bandcamp_sync.views import Views

from services.local import crew

FOLDER = crew.ROOT / "demo"
_OURS = ".bandcampsync-demo"
#: With DEMO_EXIT=1, how long everything may take.
_AT_MOST_S = 300.0
#: Bytes a second: a slow line, so that there is something to see, and a faster one where nobody looks.
_RATE, _RATE_UNSEEN = 90_000, 400_000


def demo(environ: Mapping[str, str]) -> int:
    """Show albums arriving until Ctrl-C; with DEMO_EXIT=1 until all are there. The exit code."""
    clock = Clock()

    call_at((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), clock.stop)
    _start_afresh()
    leave = environ.get("DEMO_EXIT", "") not in ("", "0")
    try:
        with _standin(environ, clock, _RATE_UNSEEN if leave else _RATE) as url:
            settings, full = _settings(environ, url)
            with _stack(full):
                return _watch(Views(settings, clock), settings, clock, leave)
    except Stopped:
        click.echo("\nThe demo has ended; its music is in ./demo/music.")
        return 1 if leave else 0


def _start_afresh() -> None:
    """An empty ./demo, so that albums arrive. Somebody else's folder of that name is left alone."""
    if FOLDER.exists() and not (FOLDER / _OURS).exists() and any(FOLDER.iterdir()):
        sys.exit(f"{FOLDER} is not the demo's folder; move it away first")
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "config").mkdir(parents=True)
    (FOLDER / _OURS).touch()


@contextmanager
def _standin(environ: Mapping[str, str], clock: Clock, rate: int) -> Iterator[str]:
    port_file = FOLDER / "standin.port"
    options = ["--preset", "demo", "--port", "0", "--port-file", str(port_file), "--rate", str(rate)]
    cookies = ["--cookies", str(FOLDER / "config" / "cookies.txt")]
    with (FOLDER / "standin.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(crew.ROOT / "tests" / "standin"), *options, *cookies],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        while not (port_file.exists() and port_file.read_text().strip()):
            if process.poll() is not None:
                sys.exit(f"the stand-in Bandcamp did not start; see {FOLDER / 'standin.log'}")
            clock.sleep(0.1)
        (FOLDER / "config" / "cookies.txt").chmod(0o600)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        crew.stop(process)


def _settings(environ: Mapping[str, str], url: str) -> tuple[Settings, dict[str, str]]:
    """The demo's own settings: nothing of a real account or folder comes in."""
    own = {str(field.alias) for field in Settings.model_fields.values()}
    clean = {name: value for name, value in environ.items() if name not in own}
    clean |= {
        "BANDCAMP_BASE_URL": url,
        "DATA_DIR": str(FOLDER),
        "WORKERS": "2",
        "REQUEST_INTERVAL": "200ms",
        "RETRY_BASE": "3s",
        "MIN_FREE_SPACE": "100M",
        "DASHBOARD_BIND": f"127.0.0.1:{_free_port(5000)}",
    }
    settings = Settings.from_environment(clean)
    run = crew.run_folder() / "demo"
    run.mkdir(mode=0o700, exist_ok=True)
    return settings, crew.environment(settings, clean, run, "/dev/fd/1")


def _free_port(first: int) -> int:
    for port in range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    sys.exit(f"no port from {first} on is free")


@contextmanager
def _stack(environ: Mapping[str, str]) -> Iterator[None]:
    """The four services; what they say goes to a file, as the demo tells a story of its own."""
    process = crew.start(environ)
    reader = threading.Thread(target=_keep_output, args=(process,), daemon=True)
    reader.start()
    try:
        yield
    finally:
        crew.stop(process)
        reader.join(5)


def _keep_output(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    with (FOLDER / "output.log").open("w") as kept:
        for line in process.stdout:
            kept.write(line)
            kept.flush()


def _watch(views: Views, settings: Settings, clock: Clock, leave: bool) -> int:
    """Tell what arrives; the exit code once everything is there, or the time is over."""
    click.echo(f"\nDashboard: http://{settings.dashboard_bind}\nMusic:     ./demo/music\nCtrl-C ends the demo.\n")
    told: set[str] = set()
    began, is_told = time.monotonic(), False
    while True:
        for line in _news(views, told):
            click.echo(line)
        counts = views.status()["counts"]
        if not is_told and _is_complete(counts):
            is_told = True
            click.echo(f"\n{_sum(counts)}\n")
            if leave:
                return 0 if counts["failed"] == 0 else 1
            click.echo("The stack stays up; look around, and press Ctrl-C to end it.")
        if leave and time.monotonic() - began > _AT_MOST_S:
            click.echo(f"not everything arrived within {_AT_MOST_S:.0f} s: {_sum(counts)}; see ./demo/logs")
            return 1
        clock.sleep(0.3)


def _news(views: Views, told: set[str]) -> Iterator[str]:
    for one in views.queue()["current"]:
        if (mark := f"begun {one['key']}") not in told:
            told.add(mark)
            yield for_terminal(f"  downloading  {one['artist']} - {one['title']}")
    for item in views.collection(["synced"], sort="purchased", per_page=500)["items"]:
        if (mark := f"done {item['key']}") not in told:
            told.add(mark)
            yield for_terminal(f"  arrived      ./demo/music/{item['path']}  ({item['size'] / 1e6:.1f} MB)")


def _is_complete(counts: Mapping[str, int]) -> bool:
    under_way = sum(counts.get(state, 0) for state in ("queued", "downloading", "waiting"))
    return counts.get("synced", 0) > 0 and under_way == 0


def _sum(counts: Mapping[str, int]) -> str:
    parts = [f"{number} {state}" for state, number in counts.items() if number]
    return f"{sum(counts.values())} purchases: {', '.join(parts) or 'none known yet'}"
