"""Who goes first after a hold says what came of it, or that it did not ask."""

import errno
from pathlib import Path

import pytest
import requests
from bandcamp_sync.bandcamp.pace import read_patience
from bandcamp_sync.bandcamp.patience import RequestClass
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import RedirectRefused, Stopped
from bandcamp_sync.files import atomic
from unit.factories import HurriedClock, client

BASE = "http://127.0.0.1:9"


def after_a_hold(folder: Path) -> Path:
    path = folder / "patience.json"
    atomic.write_json(path, {"hold_until": 1.0, "level": 1, "next_turn": {}, "held_from": 0.5, "is_unproven": True})
    return path


def no_file_left() -> requests.ConnectionError:
    error = requests.ConnectionError("no connection")
    error.__cause__ = OSError(errno.EMFILE, "Too many open files")
    return error


def test_a_link_to_a_strangers_host_takes_no_turn(tmp_path: Path) -> None:
    path = after_a_hold(tmp_path)
    with (
        client(BASE, tmp_path) as bandcamp,
        pytest.raises(RedirectRefused),
        bandcamp.open_file("http://127.0.0.2:9/file"),
    ):
        pass
    assert read_patience(path).probe_until == 0.0


def test_trouble_of_this_machine_is_no_outage_of_bandcamps_and_lets_others_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = after_a_hold(tmp_path)
    with client(BASE, tmp_path) as bandcamp:

        def fail(*_: object, **__: object) -> None:
            raise no_file_left()

        monkeypatch.setattr(bandcamp.transport, "_follow", fail)
        with pytest.raises(OSError, match="Too many open files"):
            bandcamp.transport.get(f"{BASE}/page", RequestClass.PAGE)
        assert read_patience(path).probe_until == 0.0
        with pytest.raises(OSError, match="Too many open files"), bandcamp.open_file(f"{BASE}/file"):
            pass
    patience = read_patience(path)
    assert (patience.probe_until, patience.hold_until, patience.troubled) == (0.0, 1.0, ())


def test_who_is_told_to_end_lets_others_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = after_a_hold(tmp_path), HurriedClock()
    with client(BASE, tmp_path, clock) as bandcamp:

        def cut(*_: object, **__: object) -> None:
            Clock.stop(clock)
            raise requests.ConnectionError("cut")

        monkeypatch.setattr(bandcamp.transport, "_follow", cut)
        with pytest.raises(Stopped):
            bandcamp.transport.get(f"{BASE}/page", RequestClass.PAGE)
    assert read_patience(path).probe_until == 0.0
