"""The main job, by the commands that a user types, on real files over real HTTP."""

import json

import mutagen
from standin import StandIn, World
from standin.faults import EVERY_FIRST_DOWNLOAD

from .albums import assert_whole, deliverable, truth
from .conftest import Home, Serve


def test_a_sync_brings_every_downloadable_purchase_and_a_second_one_brings_nothing(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    first = home.run("sync")
    assert first.code == 0, first.everything
    assert_whole(home, standin)
    standin.log.clear()

    second = home.run("sync")
    assert second.code == 0, second.everything
    made = len(standin.log.entries())
    assert not standin.log.entries(kind="file")
    assert made <= 5, "a sync without news costs a handful of requests"
    assert f"{made} requests" in second.out


def test_the_books_add_up_and_say_why_for_each_purchase(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    assert home.run("sync").code == 0
    view = home.status()
    assert sum(view["counts"].values()) == view["purchases"] == len(truth(standin))
    assert view["counts"]["synced"] == len(deliverable(standin))
    assert view["counts"]["preorder"] == 1
    assert all(entry["reason"] for entry in view["waiting"])
    text = home.run("status").out
    assert f"= {len(truth(standin))} purchases" in text
    assert "needs you: nothing" in text
    assert "sig=" not in text


def test_the_stages_by_hand_do_what_sync_does(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=24))
    assert home.run("fan-id").out.startswith("fan id 7654321")
    assert home.run("scrape").code == 0
    plan = home.run("reconcile", "--dry-run")
    assert plan.code == 0
    assert f"plan: {len(json.loads((home.data / 'collection.json').read_text())['items']) - 3}" in plan.out
    assert not list((home.data / "inbox").rglob("*.job"))
    assert home.run("reconcile").code == 0
    assert home.run("work", "--once").code == 0
    assert len(home.receipts()) == 1
    drained = home.run("work", "--drain")
    assert drained.code in (0, 1), drained.everything
    assert_whole(home, standin)


def test_two_workers_at_once_never_download_one_purchase_twice(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=40, preset="small"))
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    workers = [home.start("work", "--drain") for _ in range(3)]
    outputs = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], outputs
    assert_whole(home, standin)
    fetched = [entry.key for entry in standin.log.entries(kind="file")]
    assert len(fetched) == len(set(fetched)), "each purchase is one request for a file"


def test_sixty_purchases_with_a_fault_on_every_first_download_end_whole(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=60))
    standin.rules.add("rotate", faults=EVERY_FIRST_DOWNLOAD, times=1, first_each=True)
    ran = home.run("sync", timeout=240, RETRY_BASE="5m")
    assert ran.code == 0, ran.everything[-3000:]
    assert_whole(home, standin)


def test_every_format_that_bandcamp_offers_arrives(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    for name, extension in {
        "flac": "flac",
        "mp3-v0": "mp3",
        "mp3-320": "mp3",
        "aac-hi": "m4a",
        "alac": "m4a",
        "vorbis": "ogg",
        "wav": "wav",
        "aiff-lossless": "aiff",
    }.items():
        one = Home(home.root / name, dict(home.env, COOKIES_FILE=str(home.cookies), FORMAT=name))
        ran = one.run("sync")
        assert ran.code == 0, ran.everything
        assert_whole(one, standin, name)
        audio = [file for files in one.albums().values() for file in files if not file.startswith("cover")]
        assert audio and all(file.endswith(f".{extension}") for file in audio), audio
        assert {receipt["format"] for receipt in one.receipts().values()} == {name}


def test_a_receipt_is_never_fetched_again_wherever_its_files_went(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("sync").code == 0
    elsewhere = home.root / "elsewhere"
    elsewhere.mkdir()
    for artist in [p for p in home.music.iterdir() if not p.name.startswith(".")]:
        artist.rename(elsewhere / artist.name)
    standin.log.clear()
    assert home.run("sync").code == 0
    assert not standin.log.entries(kind="file")
    assert home.status()["counts"]["synced"] == len(deliverable(standin))


def test_a_lost_inbox_or_collection_heals_without_downloading(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("sync").code == 0
    before = home.receipts()
    for path in (home.data / "inbox").rglob("*.job"):
        path.unlink()
    (home.data / "collection.json").unlink()
    standin.log.clear()
    assert home.run("sync").code == 0
    assert not standin.log.entries(kind="file")
    assert home.receipts() == before


def test_a_music_folder_that_is_not_mounted_is_an_alarm_and_not_an_instruction(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("sync").code == 0
    home.music.rename(home.root / "unmounted")
    home.music.mkdir()
    standin.world.add_purchase(1)
    standin.log.clear()
    ran = home.run("sync")
    assert ran.code == 5
    assert "is the disk mounted" in ran.everything
    assert not standin.log.entries(kind="file")
    assert home.albums() == {}
    assert "is the disk mounted" in home.run("status").out
    home.music.rmdir()
    (home.root / "unmounted").rename(home.music)
    assert home.run("sync").code == 0
    assert_whole(home, standin)
    assert home.run("status").out.endswith("needs you: nothing\n")


def test_a_preorder_arrives_when_it_is_released_and_not_before(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    assert home.run("sync").code == 0
    assert home.status()["counts"]["preorder"] == 1
    (key,) = standin.world.release_preorder()
    assert key not in home.receipts()
    ran = home.run("sync")
    assert ran.code == 0, ran.everything
    assert key in home.receipts()
    assert_whole(home, standin)


def test_an_ignored_purchase_is_left_alone_until_it_is_not_ignored(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    key = next(iter(deliverable(standin)))
    assert home.run("ignore", key).code == 0
    assert home.run("sync").code == 0
    assert key not in home.receipts()
    assert home.status()["counts"]["ignored"] == 1
    assert home.run("unignore", key).code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


def test_pause_holds_everything_and_resume_goes_on(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    assert home.run("pause").code == 0
    ran = home.run("sync")
    assert ran.code == 1 and "resume" in ran.err
    assert not standin.log.entries()
    assert home.run("resume").code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


def test_streams_come_through_yt_dlp_and_a_download_replaces_them_later(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    streams = [key for key, purchase in truth(standin).items() if purchase["stream_only"]]
    assert streams
    assert home.run("sync").code == 0
    assert not set(streams) & set(home.receipts())
    ran = home.run("sync", STREAM_FALLBACK="yes")
    assert ran.code == 0, ran.everything
    receipts = home.receipts()
    for key in streams:
        assert receipts[key]["source"] == "stream"
        assert receipts[key]["format"] == "mp3-v0"
        audio = [file["path"] for file in receipts[key]["files"] if file["path"].endswith(".mp3")]
        assert len(audio) == len(truth(standin)[key]["tracks"])
        for path in audio:
            file = mutagen.File(home.music / receipts[key]["folder"] / path)
            assert file.tags.getall("APIC") and file.tags.getall("TIT2"), path

    standin.rules.clear()
    offer_downloads(standin, streams)
    assert home.run("retry", *streams).code == 0
    assert home.run("sync").code == 0
    for key in streams:
        assert home.receipts()[key]["source"] == "purchase"
        assert home.receipts()[key]["format"] == "flac"
        names = home.albums()[home.receipts()[key]["folder"]]
        assert not [name for name in names if name.endswith(".mp3")], "the download took the stream's place"


def offer_downloads(standin: StandIn, keys: list[str]) -> None:
    for key in keys:
        purchase = standin.world.by_key(key)
        assert purchase is not None
        purchase.offered = True
