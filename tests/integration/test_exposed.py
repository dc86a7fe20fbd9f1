"""Cookies that other users can read: told of where people look, until it is mended, and nothing stops for it."""

import json
import stat

from standin import World

from .conftest import Home, Serve


def test_it_is_told_by_log_and_command_and_in_what_needs_you_until_it_is_mended(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=2, preset="small"))
    home.cookies.chmod(0o644)
    ran = home.run("fan-id")
    assert ran.code == 0
    command = f"chmod 600 {home.cookies}"
    told = [line for line in ran.err.splitlines() if command in line and "ALARM" not in line]
    assert len(told) == 1, "one line"
    view = home.status()
    assert command in json.dumps(view["needs_you"])
    assert home.run("sync").code == 0
    assert "exposed" in json.dumps(home.status()["alarms"])
    home.cookies.chmod(0o600)
    assert command not in home.run("fan-id").everything
    view = home.status()
    assert command not in json.dumps(view) and not view["alarms"]


def test_what_holds_links_is_its_owners_alone_whatever_the_umask(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=3, preset="small"))
    assert home.run("sync", UMASK="000").code == 0
    holders = [home.data / "collection.json", *home.data.glob("inbox/*/*.job")]
    assert len(holders) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
    # A music folder is shared with players and their users.
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.music.rglob("*.flac")} == {0o666}
