"""Names that would steer a terminal reach none of what a person reads: screen, pipe, logs, status, files on disk."""

import json
import os
import pty
import subprocess

import pytest
from hostile.names import HARMFUL, renamed, steering_in
from hostile.run import everything_under
from standin import StandIn, World

from .albums import deliverable
from .conftest import COMMAND, Home, Serve


def on_terminal(home: Home, *arguments: str, **changes: str) -> tuple[int, str]:
    """Run the command with a terminal for its output; what came on it."""
    ours, theirs = pty.openpty()
    environment = home.environment(TERM="xterm-256color", COLUMNS="120", **changes)
    process = subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    try:
        while piece := _read(ours):
            shown += piece
    finally:
        process.wait(timeout=120)
        os.close(ours)
    # A terminal turns each end of a line into two characters by itself.
    return process.returncode, shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def _world() -> World:
    return renamed(World.build(purchases=len(HARMFUL), preset="small", seconds=(0.5, 0.5)))


def _with_faults(standin: StandIn) -> None:
    """Some that fail, so that they are spoken of."""
    keys = list(deliverable(standin))
    standin.rules.add("status", match={"class": "file", "key": keys[0]}, code=404)
    standin.rules.add("reauth", match={"class": ["stat", "file"], "key": keys[1]})


def assert_disk_is_clean(home: Home) -> None:
    names = [path.name for path in everything_under(home.root)]
    assert not [name for name in names if steering_in(name) or "\n" in name]
    for log in (home.data / "logs").glob("*"):
        text = log.read_text()
        assert not steering_in(text), log.name
        assert all(line[:4].isdigit() for line in text.splitlines()), "one record is one line"


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_nothing_that_steers_comes_out_of_a_sync(home: Home, serve: Serve, terminal: bool) -> None:
    standin = serve(_world())
    _with_faults(standin)
    if terminal:
        code, out = on_terminal(home, "sync", MAX_ATTEMPTS="1")
    else:
        ran = home.run("sync", MAX_ATTEMPTS="1", LOG_LEVEL="DEBUG")
        code, out = ran.code, ran.everything
    assert code == 1
    assert "Alert" in out and "turned" in out
    assert steering_in(out, terminal) == []
    assert len(home.receipts()) == len(HARMFUL) - 2
    assert_disk_is_clean(home)


def test_nor_of_any_command_that_speaks_of_them(home: Home, serve: Serve) -> None:
    standin = serve(_world())
    assert home.run("scrape").code == 0
    assert steering_in(home.run("reconcile", "--dry-run").everything) == []
    _with_faults(standin)
    assert home.run("sync", MAX_ATTEMPTS="1").code == 1
    labels = [entry["label"] for entry in json.loads(home.run("status", "--json").out)["needs_you"]]
    assert any("Alert" in label for label in labels)
    victim = next(path for path in home.music.rglob("*.flac"))
    victim.write_bytes(b"no music")
    commands = (("status",), ("status", "--json"), ("verify",), ("reconcile", "--dry-run"), ("retry", "--all"))
    for command in commands:
        for terminal in (True, False):
            shown = on_terminal(home, *command)[1] if terminal else home.run(*command).everything
            assert len(shown) > 10 and steering_in(shown, terminal) == [], (command, terminal)
    assert_disk_is_clean(home)


def test_nor_of_an_adoption(home: Home, serve: Serve) -> None:
    serve(_world())
    assert home.run("sync").code == 0
    for state in ("done", "failed", "pending"):
        for path in (home.data / "inbox" / state).glob("*.job"):
            path.unlink()
    for path in (home.music / ".bandcampsync").rglob("*.json"):
        path.unlink()
    strange = home.music / "Str\x1b[5;41mange" / "Al\u202ebum"
    strange.mkdir(parents=True)
    song = next(path for path in home.music.rglob("*.flac"))
    (strange / "01.flac").write_bytes(song.read_bytes())
    for arguments in (("adopt", "--dry-run"), ("adopt",)):
        shown = home.run(*arguments).everything
        assert "unmatched" in shown and steering_in(shown) == []


def test_a_page_that_was_kept_for_a_look_steers_no_terminal(home: Home, serve: Serve) -> None:
    standin = serve(_world())
    standin.rules.add("garbage", match={"class": "collection"})
    assert home.run("scrape").code == 4
    kept = (home.data / "debug" / "debug.html").read_text()
    assert steering_in(kept.replace("\t", " ").replace("\r", "")) == []
