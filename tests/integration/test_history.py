"""What a sync leaves behind for those who ask later: the history of a purchase, and how much came in when."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
from bandcamp_sync.fetch.judge import CHUNK
from bandcamp_sync.settings import Settings
from flask.testing import FlaskClient
from standin import StandIn, World

from services.dashboard.web.app import create_app

from .albums import assert_whole, deliverable, truth
from .conftest import Home, Serve


def api(home: Home) -> FlaskClient:
    return create_app(Settings.from_environment({"DATA_DIR": str(home.data)})).test_client()


def asked(home: Home, path: str) -> dict[str, Any]:
    answer = api(home).get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def served(standin: StandIn, faulty: Iterable[bool] = (False, True)) -> int:
    """Bytes of files that were sent; a page that came instead of a file is none."""
    entries = [one for one in standin.log.entries(kind="file") if (one.fault is not None) in faulty]
    return sum(one.bytes_sent for one in entries if one.status in (200, 206))


def test_an_album_that_fails_and_then_comes_shows_it_all(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    key, *others = sorted(deliverable(standin))
    standin.rules.add("cutoff", match={"class": "file", "key": key}, times=2)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything[-3000:]
    assert_whole(home, standin)
    found = asked(home, f"/api/items/{key}")
    assert [event["what"] for event in found["history"]] == ["queued", "failed", "due", "delivered"]
    queued, failed, due, delivered = (event["sentence"] for event in found["history"])
    assert (queued, due) == ("new", "attempt 2 is due") and failed in ran.everything
    assert delivered.startswith("flac, ") and f"{len(found['files'])} file" in delivered
    times = [event["at"] for event in found["history"]]
    assert times == sorted(times) and times[0] == found["queued_at"] and times[-1] >= found["placed_at"]
    assert found["state"] == "synced" and sum(file["size"] for file in found["files"]) == found["size"]
    assert all((home.music / found["path"] / file["path"]).stat().st_size == file["size"] for file in found["files"])
    for other in others:
        assert [e["what"] for e in asked(home, f"/api/items/{other}")["history"]] == ["queued", "delivered"]


def test_what_is_asked_for_again_by_hand_and_what_lost_its_books_remember_it(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=1, preset="small"))
    [key] = deliverable(standin)
    assert home.run("sync").code == 0
    assert home.run("retry", key).code == 0
    assert home.run("work", "--drain").code == 0
    for path in (home.data / "inbox").rglob("*.job"):
        path.unlink()
    assert home.run("reconcile").code == 0
    found = asked(home, f"/api/items/{key}")
    assert [event["what"] for event in found["history"]] == [
        "queued",
        "delivered",
        "retried",
        "delivered",
        "remembered",
    ]


def test_the_throughput_is_what_was_fetched_to_the_byte(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=5, preset="small"))
    assert home.run("sync").code == 0
    found = asked(home, "/api/throughput?hours=1")
    assert found["total_bytes"] == served(standin) > 0
    assert (found["hours"], found["bucket_s"], len(found["buckets"])) == (1, 300, 12)
    assert sum(bucket["bytes"] for bucket in found["buckets"]) == found["total_bytes"]
    assert sum(bucket["albums"] for bucket in found["buckets"]) == len(home.receipts())


def test_downloads_that_break_and_go_on_count_no_byte_that_was_not_fetched(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=5, preset="small"))
    standin.rules.add("truncate", match={"class": "file"}, times=1, first_each=True, percent=70)
    assert home.run("sync").code == 0
    found, entries = asked(home, "/api/throughput")["total_bytes"], standin.log.entries(kind="file")
    # The last piece of a broken answer may be lost, and the ends of archives are read only for what they list.
    assert served(standin) - len(entries) * CHUNK <= found <= served(standin)
    assert found > served(standin, (False,))


def test_a_worker_that_is_killed_loses_seconds_of_its_count_and_the_next_one_goes_on(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.settings.rate = 60_000
    first = home.start("sync", WORKERS="1")
    counted, deadline = 0, time.monotonic() + 60
    while not counted and time.monotonic() < deadline:
        time.sleep(0.2)
        counted = asked(home, "/api/throughput")["total_bytes"] if (home.data / "state" / "throughput").exists() else 0
    first.kill()
    first.wait()
    before = asked(home, "/api/throughput")["total_bytes"]
    assert 0 < counted <= before <= served(standin)
    standin.settings.rate = None
    standin.log.clear()
    assert home.run("sync", WORKERS="1").code == 0
    assert_whole(home, standin)
    found = asked(home, "/api/throughput")["total_bytes"]
    assert before + served(standin) - CHUNK * len(standin.log.entries(kind="file")) <= found
    assert found <= before + served(standin)
    assert len(list((home.data / "state" / "throughput").glob("*.json"))) == 1


def test_streams_count_as_well_and_the_download_that_takes_their_place_is_remembered(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    books = truth(standin)
    key, *_ = sorted(key for key, purchase in books.items() if purchase["stream_only"])
    assert home.run("scrape").code == 0
    assert home.run("ignore", *(other for other in books if other != key)).code == 0
    assert home.run("sync", STREAM_FALLBACK="yes").code == 0
    found, tracks = asked(home, "/api/throughput")["total_bytes"], len(books[key]["tracks"])
    sent = sum(one.bytes_sent for one in standin.log.entries(kind="stream"))
    # Where a track goes on, nobody knows how much of the first piece is new; yt-dlp begins with a small one.
    assert sent - 4096 * tracks <= found <= sent
    item = asked(home, f"/api/items/{key}")
    assert item["source"] == "stream" and item["history"][-1]["sentence"].startswith("mp3-")
    purchase = standin.world.by_key(key)
    assert purchase is not None
    purchase.offered = True
    assert home.run("retry", key).code == 0
    assert home.run("sync").code == 0
    history = asked(home, f"/api/items/{key}")["history"]
    assert [event["what"] for event in history] == ["queued", "delivered", "retried", "delivered"]


@pytest.mark.parametrize("hours", ["0", "25", "-1", "x", "1.5", "٣"])
def test_hours_that_are_not_kept_are_refused(home: Home, hours: str) -> None:
    answer = api(home).get("/api/throughput", query_string={"hours": hours})
    assert answer.status_code == 400 and "1 to 24" in answer.get_json()["detail"]


@pytest.mark.parametrize("key", ["p999", "x", "P1"])
def test_a_purchase_that_nobody_knows_is_not_found(home: Home, key: str) -> None:
    answer = api(home).get(f"/api/items/{key}")
    assert answer.status_code == 404 and answer.content_type == "application/problem+json"
