"""Real clients: yt-dlp reads the public pages, a real browser passes the challenge."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, sync_playwright
from standin import StandIn
from unit.standin.conftest import Client, page_data
from yt_dlp import YoutubeDL
from yt_dlp.extractor.bandcamp import BandcampAlbumIE, BandcampIE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def _yt_dlp(standin: StandIn, **options: Any) -> YoutubeDL:
    """yt-dlp with its own Bandcamp extractors, which are made to feel at home on this address."""

    class TrackIE(BandcampIE):  # type: ignore[misc]
        _VALID_URL = r"https?://(?P<uploader>[^/]+)/track/(?P<id>[^/?#&]+)"

        @classmethod
        def ie_key(cls) -> str:
            return "Bandcamp"

    class AlbumIE(BandcampAlbumIE):  # type: ignore[misc]
        _VALID_URL = r"https?://(?P<subdomain>[^/]+)/album/(?P<id>[^/?#&]+)"

        @classmethod
        def suitable(cls, url: str) -> bool:
            return "/album/" in url

    headers = {"Cookie": f"identity={standin.world.identity}"}
    loader = YoutubeDL({"quiet": True, "http_headers": headers, **options}, auto_init=False)
    loader.add_info_extractor(AlbumIE())
    loader.add_info_extractor(TrackIE())
    return loader


def test_yt_dlp_reads_an_album_and_downloads_its_owners_streams(client: Client, tmp_path: Path) -> None:
    standin = client.standin
    purchase = next(entry for entry in standin.world.purchases if entry.kind == "stream_only")
    assert purchase.release is not None
    options = {
        "format": "mp3-v0",
        "paths": {"home": str(tmp_path)},
        "outtmpl": "%(track_number)s.%(ext)s",
    }
    with _yt_dlp(standin, **options) as loader:
        found = loader.extract_info(f"{standin.url}/album/{purchase.release.slug}")
    assert found["title"] == purchase.release.title
    for entry, track in zip(found["entries"], purchase.release.tracks, strict=True):
        assert (entry["track"], entry["track_number"]) == (track.title, track.number)
        assert (entry["artists"], entry["album"]) == ([track.artist], purchase.release.title)
        assert entry["album_artists"] == [purchase.band.name]
        assert entry["duration"] == track.duration and entry["release_timestamp"]
        assert (tmp_path / f"{track.number}.mp3").stat().st_size > 10_000


def test_yt_dlp_sees_one_stream_without_a_login_and_skips_what_is_not_out(client: Client) -> None:
    preorder = next(entry for entry in client.standin.world.purchases if entry.kind == "preorder")
    assert preorder.release is not None
    with _yt_dlp(client.standin, http_headers={}) as loader:
        found = loader.extract_info(f"{client.standin.url}/album/{preorder.release.slug}", download=False)
    assert [entry["track"] for entry in found["entries"]] == ["Lead Single"]
    assert [entry["format_id"] for entry in found["entries"][0]["formats"]] == ["mp3-128"]


def test_a_stream_address_is_worth_nothing_without_its_signature_or_after_its_time(client: Client) -> None:
    item = next(item for item in client.listing()["items"] if item["item_type"] == "album")
    tracks = client.listing()["tracklists"][f"a{item['item_id']}"]
    answer = client.get(tracks[0]["file"]["mp3-v0"])
    assert answer.headers["Content-Type"] == "audio/mpeg" and "/stream/" in answer.url
    assert client.get(answer.url, headers={"Range": "bytes=0-9"}).status_code == 206
    assert client.get(answer.url.replace("&", "&amp;")).status_code == 403
    client.standin.settings.stream_life = -1
    try:
        assert client.get(answer.url).status_code == 403
    finally:
        client.standin.settings.stream_life = 86400
    page = client.get(item["item_url"])
    assert "session=" in page.headers["Set-Cookie"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        elsewhere = "--host-resolver-rules=MAP standin.test 127.0.0.1"
        options = ["--no-sandbox", "--no-proxy-server", elsewhere]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield opened
        opened.close()


@needs_browser
@pytest.mark.parametrize("mode", ["cookie", "browser_only"])
def test_the_challenge_is_passed_by_a_browser_and_by_nothing_else(client: Client, browser: Browser, mode: str) -> None:
    standin = client.standin
    standin.rules.add("challenge", mode=mode)
    for path in ("/", "/a_listener", "/api/fan/2/collection_summary"):
        refused = client.get(path)
        assert refused.status_code == 200 and "<title>Client Challenge</title>" in refused.text
    context = browser.new_context()
    context.add_cookies(
        [{"name": "identity", "value": standin.world.identity or "", "url": standin.url, "httpOnly": True}]
    )
    view = context.new_page()
    view.goto(standin.url + "/a_listener")
    view.wait_for_selector("#pagedata", state="attached", timeout=10_000)
    assert page_data(view.content())["fan_data"]["is_own_page"]
    summary = view.evaluate("fetch('/api/fan/2/collection_summary').then(r => r.json())")
    assert summary["fan_id"] == standin.world.fan_id

    crumbs = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
    agent = view.evaluate("navigator.userAgent")
    plain = requests.get(standin.url + "/", headers={"Cookie": crumbs, "User-Agent": agent}, timeout=5)
    assert ("HomepageApp" in plain.text) == (mode == "cookie")
    context.close()


@needs_browser
def test_the_challenge_works_under_another_host_name(client: Client, browser: Browser) -> None:
    client.standin.rules.add("challenge", mode="browser_only")
    view = browser.new_page()
    view.goto(f"http://standin.test:{client.standin.port}/")
    view.wait_for_selector("#HomepageApp", state="attached", timeout=10_000)
    answer = view.evaluate("fetch('/api/fan/2/collection_summary').then(r => r.json())")
    assert answer["error_message"] == "must be logged in"
    view.close()


@needs_browser
def test_a_solved_challenge_wears_out(client: Client, browser: Browser) -> None:
    client.standin.rules.add("challenge", mode="cookie", uses=2)
    view = browser.new_page()
    view.goto(client.standin.url + "/")
    view.wait_for_selector("#HomepageApp", state="attached", timeout=10_000)
    crumbs = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in view.context.cookies())
    answers = [requests.get(client.standin.url + "/", headers={"Cookie": crumbs}, timeout=5).text for _ in range(2)]
    assert "HomepageApp" in answers[0] and "Client Challenge" in answers[1]
    view.close()


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    package = Path(sys.modules["standin"].__file__ or "").parent
    command = [sys.executable, str(package), "--port", "0", "--preset", "demo"]
    command += ["--cookies", str(tmp_path / "cookies.txt"), "--port-file", str(tmp_path / "port")]
    command += ["--faults", "every-first-download", "--challenge", "cookie", "--rate", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            url = next(word for word in line.split() if word.startswith("http")).rstrip(",")
            assert url.endswith((tmp_path / "port").read_text().strip()) and "14 purchases" in line
            assert "Client Challenge" in requests.get(url, timeout=5).text
            assert len(requests.get(url + "/_standin/rules", timeout=5).json()) == 2
            assert "identity" in (tmp_path / "cookies.txt").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_a_stopped_stand_in_answers_no_kept_connection() -> None:
    session = requests.Session()
    with StandIn() as standin:
        assert session.get(standin.url, timeout=5).ok
    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(standin.url, timeout=5)
