"""A purchase of several releases: each folder holds its own release's music, whatever earlier attempts left."""

import logging
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.errors import ItemTrouble
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.deliver import Delivery
from unit.factories import HurriedClock, client, item, job, page, sound

#: Each release's one track, told apart by its length in seconds.
SONGS = {"X": sound(0.05), "A": sound(0.10), "B": sound(0.15)}
LENGTHS = {0.05: "X", 0.10: "A", 0.15: "B"}
KEY = "p500000009"


class Shop:
    """A Bandcamp on this machine with one purchase. `shown`: its releases by title, with their ids; `files`: whose
    download is offered.

    A release in `shown` that is not in `files` has no download; the download of one in `broken` never arrives.
    `gone_first`: its download's first address is stale, and no later page shows it.
    """

    def __init__(self) -> None:
        shop = self
        self.shown: dict[str, int | None] = {}
        self.files: set[str] = set()
        self.broken: set[str] = set()
        self.gone_first: str | None = None
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                name = path.rpartition("/")[2]
                if path == "/page":
                    self.answer(200, "text/html", shop.page().encode())
                elif path.startswith("/download/") and name == shop.gone_first:
                    shop.shown.pop(name, None)
                    self.answer(200, "text/html", b"<html>stale</html>")
                elif path.startswith("/download/") and name not in shop.broken:
                    shop.asked.append(name)
                    self.answer(200, "application/octet-stream", SONGS[name])
                else:
                    self.answer(404, "text/html", b"")

            def answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def page(self) -> str:
        entries = [self._entry(title, number) for title, number in self.shown.items()]
        return page({"digital_items": entries, "identities": {"fan": {"id": 1, "verified": True}}})

    def _entry(self, title: str, number: int | None) -> dict[str, Any]:
        known = {} if number is None else {"item_id": number, "download_id": number, "tralbum_id": number}
        has = {"wav": {"url": f"{self.base}/download/{title}", "size_mb": "0.1MB"}} if title in self.files else {}
        return {"sale_id": 500000009, "title": title, "artist": "Los Faros", "downloads": has, **known}


@pytest.fixture
def shop() -> Iterator[Shop]:
    one = Shop()
    yield one
    one.server.shutdown()
    one.server.server_close()


class Home:
    """A worker's folders, and its attempts at the one purchase."""

    def __init__(self, root: Path, shop: Shop) -> None:
        self.root, self.shop, self.clock = root, shop, HurriedClock()
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        write_marker(self.data, self.music, self.clock.now())
        names = {"DATA_DIR": str(self.data.root), "MUSIC_DIR": str(self.music.root)}
        self.settings = Settings.from_environment({**names, "FORMAT": "wav", "MIN_FREE_SPACE": "1M"})
        bought = item(KEY, redownload_url=f"{shop.base}/page", art_id=None)
        self.spool.add(job(KEY, of=bought))

    @property
    def staging(self) -> Path:
        return self.music.staging / KEY

    def attempt(self) -> Job | None:
        """One attempt; its receipt's job, None when it failed."""
        claimed = self.spool.claim(KEY, "here:1:0", self.clock.now())
        assert claimed is not None
        with client(self.shop.base, self.root, self.clock) as bandcamp:
            delivery = Delivery(self.settings, self.music, self.clock, bandcamp, self.spool, lambda *came: None)
            try:
                delivery.deliver(claimed)
            except ItemTrouble:
                self.spool.release(claimed)
                return None
        return self.spool.read(State.DONE, KEY)

    def placed(self) -> dict[str, str]:
        """Whose music lies in which release's folder."""
        found = (path for path in self.music.root.rglob("*.wav") if self.music.own not in path.parents)
        return {path.parent.name: LENGTHS[round(decode(path).duration_s, 2)] for path in found}


@pytest.fixture
def home(tmp_path: Path, shop: Shop) -> Home:
    return Home(tmp_path, shop)


def half_done(shop: Shop, home: Home, **ids: int | None) -> None:
    """An attempt at which X has no download, A arrives and B does not; then X has one too, and stands first."""
    shop.shown, shop.files, shop.broken = dict(ids), {"A", "B"}, {"B"}
    assert home.attempt() is None
    assert shop.asked == ["A"]
    shop.files, shop.broken = {"X", "A", "B"}, set()


@pytest.mark.parametrize("ids", [{"X": 1, "A": 0, "B": 2}, {"X": None, "A": None, "B": None}])
def test_what_was_fetched_of_one_release_is_never_placed_as_another(
    shop: Shop, home: Home, ids: dict[str, int | None]
) -> None:
    half_done(shop, home, **ids)
    assert home.attempt() is not None
    assert home.placed() == {"X": "X", "A": "A", "B": "B"}
    assert sorted(shop.asked) == ["A", "B", "X"], "what was had already is not fetched again"


def test_what_a_former_version_left_under_a_number_is_taken_for_no_release(shop: Shop, home: Home) -> None:
    half_done(shop, home, X=0, A=1, B=2)
    (fetched,) = home.staging.glob("r-a1")
    for number in (0, 2):
        shutil.copytree(fetched, home.staging / f"r{number}")
    fetched.rename(home.staging / "r1")
    assert home.attempt() is not None
    assert home.placed() == {"X": "X", "A": "A", "B": "B"}


def test_a_release_that_is_gone_from_a_later_page_is_no_other_one(shop: Shop, home: Home) -> None:
    shop.shown, shop.files = {"A": 1, "B": 2}, {"A", "B"}
    shop.gone_first = "A"
    assert home.attempt() is None
    assert home.placed() == {}


def test_a_release_of_a_bundle_without_a_download_is_left_out_and_told(
    shop: Shop, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    shop.shown, shop.files = {"X": 1, "A": 2, "B": 3}, {"A", "B"}
    with caplog.at_level(logging.WARNING):
        assert home.attempt() is not None
    assert home.placed() == {"A": "A", "B": "B"}
    assert [r.getMessage() for r in caplog.records if "left out" in r.getMessage()] == [
        "Los Faros - Night Ferry (p500000009) holds 'X' too, which has no download now and is left out"
    ]
