"""Cookies, logins and fan ids, as users meet them."""

import json

import pytest
from standin import StandIn, World

from .conftest import Home, Serve


def rename_field(standin: StandIn, path: str, old: str, new: str) -> None:
    rule = {"do": "rename_field", "match": {"path": path}, "params": {"from": old, "to": new}}
    standin.rules.add_json(rule)


def test_no_cookies_is_exit_3_and_says_which_file_and_how(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=2, preset="small"))
    home.cookies.unlink()
    for command in ("fan-id", "scrape", "sync"):
        ran = home.run(command)
        assert ran.code == 3
        assert str(home.cookies) in ran.err and "export" in ran.err
        assert "Traceback" not in ran.everything


@pytest.mark.parametrize("style", ["netscape", "json", "header"])
def test_each_kind_of_cookie_file_logs_in(home: Home, serve: Serve, style: str) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.write_cookies(home.cookies, style=style)
    ran = home.run("fan-id")
    assert ran.code == 0, ran.everything
    assert "fan id 7654321, user a_listener (by API)" in ran.out


def test_a_malformed_cookie_file_names_the_line(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=2, preset="small"))
    home.cookies.write_text("# Netscape HTTP Cookie File\n.bandcamp.com TRUE / TRUE 0 identity secretvalue123\n")
    ran = home.run("scrape")
    assert ran.code == 3
    assert "line 2" in ran.err
    assert "secretvalue123" not in ran.everything


def test_an_expired_login_says_since_when(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    row = ".bandcamp.com\tTRUE\t/\tTRUE\t1600000000\tidentity\t"
    home.cookies.write_text(f"# Netscape HTTP Cookie File\n{row}{standin.world.identity}\n")
    ran = home.run("fan-id")
    assert ran.code == 3
    assert "expired on 2020-09-13" in ran.err
    assert not standin.log.entries(), "an expired cookie is not even shown to Bandcamp"


@pytest.mark.parametrize("style", ["error", "401", "403", "302"])
def test_a_logged_out_session_is_exit_3_whatever_bandcamp_answers(home: Home, serve: Serve, style: str) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.settings.logged_out = style
    standin.world.log_out()
    ran = home.run("scrape")
    assert ran.code == 3, ran.everything
    assert "not logged in" in ran.err
    assert "session: not logged in" in home.run("status").out


def test_the_fan_id_is_found_by_page_when_the_api_has_changed(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    rename_field(standin, "collection_summary", "fan_id", "fan")
    ran = home.run("fan-id")
    assert ran.code == 0, ran.everything
    assert "fan id 7654321" in ran.out and "(by page)" in ran.out


def test_a_fan_id_written_by_hand_is_accepted(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    (home.data / "config" / "fan_id.txt").write_text("7654321\n")
    rename_field(standin, "collection_summary", "fan_id", "fan")
    standin.rules.add("redesign", match={"path": "^/$"})
    ran = home.run("scrape")
    assert ran.code == 0, ran.everything
    assert json.loads((home.data / "collection.json").read_text())["fan_id"] == 7654321


def test_a_wrong_setting_is_exit_2_and_names_variable_value_and_choice(home: Home) -> None:
    for name, value, hint in (
        ("FORMAT", "flak", "mp3-320"),
        ("WORKERS", "many", "1 to 16"),
        ("SCRAPE_INTERVAL", "soon", "duration"),
        ("BANDCAMP_BASE_URL", "bandcamp", "URL"),
        ("LAYOUT", "../{album}", "{artist}"),
    ):
        ran = Home(home.root, {name: value}).run("status")
        assert ran.code == 2
        assert name in ran.err and value in ran.err and hint in ran.err, ran.err
