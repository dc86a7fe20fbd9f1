"""Covers on their way: from albums that arrive and from the image host to the dashboard's own answers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.control import Verb, ask
from bandcamp_sync.covers import CoverFolder
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.pictures import is_whole_jpeg, picture_size
from bandcamp_sync.settings import Settings
from flask.testing import FlaskClient
from standin import StandIn, World
from standin.covers import cover

from services.dashboard.web.app import create_app

from .albums import truth
from .conftest import Home, Serve

ROOT = Path(__file__).resolve().parents[2]


def asked(standin: StandIn) -> list[int]:
    """The small pictures that were asked for, in that order."""
    return [int(entry.path.split("/a")[1].split("_")[0]) for entry in standin.log if "_9." in entry.path]


def cached(home: Home) -> set[int]:
    return set(CoverFolder(home.data / "covers").pictures())


def until(is_so: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_so()


@contextmanager
def scraper(home: Home) -> "Iterator[subprocess.Popen[str]]":
    """The real service, as a container runs it."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    env = home.environment(PYTHONPATH=paths)
    command = [sys.executable, "-m", "services.scraper.start"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def web(home: Home) -> FlaskClient:
    return create_app(Settings.from_environment({"DATA_DIR": str(home.data)})).test_client()


def rows(home: Home) -> dict[str, dict[str, Any]]:
    items = web(home).get("/api/collection?per_page=500").get_json()["items"]
    return {row["key"]: row for row in items}


def test_albums_bring_their_covers_and_the_rest_is_asked_for_once(home: Home, serve: Serve) -> None:
    standin = serve(World.build(24))
    home.run("sync", timeout=300)
    arts = {key: one["art_id"] for key, one in truth(standin).items()}
    delivered = {
        key for key, one in home.receipts().items() if any(f["path"].startswith("cover.") for f in one["files"])
    }
    assert asked(standin) == []
    assert cached(home) == {arts[key] for key in delivered}
    missing = {art for art in arts.values() if art is not None} - cached(home)
    assert missing, "a world with pre-orders and the like"
    with scraper(home):
        until(lambda: cached(home) >= missing)
        time.sleep(1.5)
    assert sorted(asked(standin)) == sorted(missing)
    assert not any(entry.had_identity_cookie for entry in standin.log if "_9." in entry.path)
    for key, row in rows(home).items():
        assert row["cover"] == (f"/covers/{arts[key]}.jpg" if arts[key] else None), key


def test_the_dashboard_shows_what_the_worker_made(home: Home, serve: Serve) -> None:
    serve(World.build(2, preset="small"))
    home.run("sync")
    [one, *_] = rows(home).values()
    answer = web(home).get(one["cover"])
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert picture_size(answer.data) == (210, 210)
    assert is_whole_jpeg(answer.data)


def test_a_garbage_picture_costs_no_album(home: Home, serve: Serve) -> None:
    standin = serve(World.build(4, preset="small"))
    standin.rules.add("garbage", match={"class": "art"})
    (home.data / "covers").write_text("a file in place of the folder")
    assert home.run("sync").code == 0
    assert len(home.receipts()) == 4
    [aside] = (home.data / "quarantine").glob("covers*")
    assert aside.read_text() == "a file in place of the folder" and (home.data / "covers").is_dir()


def test_covers_delay_neither_a_scrape_that_is_asked_for_nor_the_end(home: Home, serve: Serve) -> None:
    standin = serve(World.build(6))
    assert home.run("scrape").code == 0
    standin.rules.add("hang", match={"class": "art"}, seconds=60)
    with scraper(home) as process:
        until(lambda: len(asked(standin)) == 1)
        began = time.time()
        ask(DataFolder(home.data), Verb.SCRAPE)
        until(lambda: any(entry.kind == "collection" and entry.time > began for entry in standin.log), 5)
        assert next(e.time for e in standin.log if e.kind == "collection" and e.time > began) - began < 2
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - began < 2
        assert process.returncode == 0
    assert len(asked(standin)) == 1


def test_a_refusal_ends_the_round_for_the_next_process_too(home: Home, serve: Serve) -> None:
    standin = serve(World.build(6))
    assert home.run("scrape").code == 0
    standin.rules.add("rate_limit", match={"class": "art"})
    for _ in range(2):
        with scraper(home):
            until(lambda: (home.data / "state" / "covers.json").exists() and len(asked(standin)) == 1)
            time.sleep(2)
    assert len(asked(standin)) == 1
    assert home.status()["alarms"] == []
    assert home.status()["state"] != "recovering"


# --- the address ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(home: Home) -> CoverFolder:
    folder = CoverFolder(home.data / "covers")
    folder.keep(4031, cover(4031, "9"))
    return folder


def test_a_cover_is_kept_by_the_browser_and_asked_for_again_by_its_tag(home: Home, shelf: CoverFolder) -> None:
    client = web(home)
    first = client.get("/covers/4031.jpg")
    assert first.data == cover(4031, "9")
    assert first.headers["Cache-Control"] == "private, max-age=86400"
    assert "Content-Security-Policy" in first.headers
    again = client.get("/covers/4031.jpg", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    dated = client.get("/covers/4031.jpg", headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert dated.status_code == 304
    shelf.keep(4031, cover(4032, "9"))
    assert client.get("/covers/4031.jpg", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    head = client.head("/covers/4031.jpg")
    assert (head.status_code, head.data) == (200, b"")


def test_what_there_is_not_is_a_problem(home: Home, shelf: CoverFolder) -> None:
    (shelf.path / "1.jpg").mkdir()
    (shelf.path / "2.jpg").symlink_to("/etc/passwd")
    os.mkfifo(shelf.path / "3.jpg")
    client = web(home)
    for path in ("1", "2", "3", "4", "-1", "x", "..%2f..%2fcollection", "4031.none", "4031.jpg%00", "9" * 1000, "٣"):
        answer = client.get(f"/covers/{path}.jpg")
        assert answer.status_code == 404, path
        assert answer.content_type == "application/problem+json", path
    for path in ("/covers/", "/covers", "/covers/../collection.json", "/covers/4031"):
        assert client.get(path).status_code == 404, path
    assert client.post("/covers/4031.jpg").status_code in (403, 405)


def test_a_password_guards_covers_as_well(home: Home, shelf: CoverFolder) -> None:
    given = {"DATA_DIR": str(home.data), "DASHBOARD_PASSWORD": "open sesame"}
    client = create_app(Settings.from_environment(given)).test_client()
    assert client.get("/covers/4031.jpg").status_code == 401


# --- the album's own cover --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["endless", "drip", "hang"])
def test_a_cover_that_never_ends_costs_no_album_and_no_memory(home: Home, serve: Serve, fault: str) -> None:
    standin = serve(World.build(5, preset="small"))  # one of them comes as a bare track, and has its cover fetched
    standin.rules.add(
        fault, match={"class": "art"}, **({"mebibytes": 4096} if fault == "endless" else {"seconds": 0.2})
    )
    began = time.monotonic()
    assert home.run("sync", STALL_TIMEOUT="2s", timeout=120).code == 0
    assert time.monotonic() - began < 60
    assert len(home.receipts()) == 5
    assert any(entry.kind == "art" for entry in standin.log.entries())
