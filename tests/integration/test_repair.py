"""Verify and repair on a real library: what rots, what is edited, what is moved away, and what cannot be read."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from bandcamp_sync.library.audio_kind import is_audio
from standin import World

from .albums import assert_whole
from .conftest import Home, Serve

FORMATS = ("flac", "mp3-v0", "mp3-320", "aac-hi", "alac", "vorbis", "wav", "aiff-lossless")


def tracks(home: Home, key: str) -> list[Path]:
    receipt = home.receipts()[key]
    return [home.music / receipt["folder"] / f["path"] for f in receipt["files"] if is_audio(f["path"])]


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.unlink()
    path.write_bytes(content)


def pending(home: Home) -> list[str]:
    return sorted(path.stem for path in (home.data / "inbox" / "pending").glob("*.job"))


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_flipped_byte_is_found_and_exactly_its_album_is_mended(audio_format: str, home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small", seconds=(0.3, 0.5)))
    home.env["FORMAT"] = audio_format
    assert home.run("sync").code == 0
    rotten, other = sorted(home.receipts())
    flip_a_byte(tracks(home, rotten)[0])
    found = home.run("verify", "--repair")
    assert found.code == 1 and "1 of 2 albums are whole" in found.out and "1 queued again" in found.out
    assert pending(home) == [rotten]
    standin.log.clear()
    assert home.run("work", "--drain").code == 0
    assert {entry.key for entry in standin.log.entries(kind="file")} == {rotten}
    assert home.run("verify").code == 0
    assert other in home.receipts()


def test_what_a_person_put_there_or_edited_outlives_a_repair(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small", seconds=(0.3, 0.5)))
    assert home.run("sync").code == 0
    key = sorted(home.receipts())[0]
    folder = home.music / home.receipts()[key]["folder"]
    mine = {"album.nfo": b"mine", "scans/back.jpg": b"scan", "01.lrc": b"la la", "list.m3u": b"01.flac"}
    for name, content in mine.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    edited, lost = tracks(home, key)[0], tracks(home, key)[1:]
    flip_a_byte(edited)
    changed = edited.read_bytes()
    (folder / "cover.jpg").write_bytes(b"my own scan of the cover")
    for path in lost:
        path.unlink()
    assert home.run("verify", "--repair").code == 1
    done = home.run("work", "--drain")
    assert done.code == 0 and "kept in" in done.everything
    assert {name: (folder / name).read_bytes() for name in mine} == mine
    [kept] = (home.music / ".bandcampsync" / "replaced" / key).iterdir()
    assert (kept / edited.name).read_bytes() == changed
    assert (kept / "cover.jpg").read_bytes() == b"my own scan of the cover"
    for name in mine:
        (folder / name).unlink()
    (folder / "scans").rmdir()
    assert_whole(home, standin)


def test_a_deleted_album_or_track_comes_back_only_when_it_is_asked_for(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small", seconds=(0.3, 0.5)))
    assert home.run("sync").code == 0
    album, track, moved = sorted(home.receipts())
    shutil.rmtree(home.music / home.receipts()[album]["folder"])
    tracks(home, track)[0].unlink()
    there = home.music / home.receipts()[moved]["folder"]
    there.rename(there.with_name("Moved by hand"))
    standin.log.clear()
    for command in (["scrape", "--full"], ["reconcile"], ["work", "--drain"], ["sync"], ["verify"]):
        home.run(*command)
    (home.data / "state" / "library.json").unlink()
    shutil.rmtree(home.data / "inbox")
    assert home.run("sync").code == 0
    assert not standin.log.entries(kind="file")
    assert "queued" in home.run("retry", album).out
    assert home.run("work", "--drain").code == 0
    assert {entry.key for entry in standin.log.entries(kind="file")} == {album}
    told = home.run("verify", "--repair").out
    assert told.count("gone: ") == 1 and "moved or deleted" in told and "broken: " in told
    assert pending(home) == sorted([track, moved])


def test_a_receipt_that_leads_out_of_the_music_folder_is_no_receipt(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=3, preset="small", seconds=(0.3, 0.5)))
    assert home.run("sync").code == 0
    outside = home.root / "outside"
    outside.mkdir()
    (outside / "01 Mine.flac").write_bytes(b"mine")
    first, second, third = sorted(home.receipts())
    for key, where in ((first, "../outside"), (second, str(outside))):
        path = home.data / "inbox" / "done" / f"{key}.job"
        job = json.loads(path.read_text())
        job["receipt"]["folder"] = where
        path.write_text(json.dumps(job))
    link = tracks(home, third)[0]
    link.unlink()
    link.symlink_to(outside / "01 Mine.flac")
    found = home.run("verify", "--repair")
    assert found.code == 1 and "leads out of the music folder" in found.out and "0 queued again" in found.out
    assert "quarantine" in found.everything
    assert home.run("sync").code == 0
    assert [path.name for path in outside.iterdir()] == ["01 Mine.flac"]
    assert (outside / "01 Mine.flac").read_bytes() == b"mine"
    assert sorted(home.receipts()) == sorted([first, second, third]), "the copies beside the music were taken"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_library_that_cannot_be_read_at_all_is_local_trouble(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=2, preset="small", seconds=(0.3, 0.5)))
    assert home.run("sync").code == 0
    for key in home.receipts():
        for path in tracks(home, key)[0].parent.iterdir():
            path.chmod(0)
    found = home.run("verify", "--repair")
    assert found.code == 5 and "no file in it can be read" in found.err
    assert pending(home) == []


def test_an_interrupted_verify_ends_at_once_and_says_nothing_wrong(home: Home, serve: Serve) -> None:
    serve(World.build(purchases=5, preset="small", seconds=(20.0, 25.0)))
    assert home.run("sync").code == 0
    first = home.music / min(receipt["folder"] for receipt in home.receipts().values())
    first.rename(home.root / "away")
    running = home.start("verify")
    assert running.stdout is not None
    assert running.stdout.readline().startswith("gone:"), "it is told first, and the other four are still to come"
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert "verify:" not in running.stdout.read()
    running.stdout.close()
    (home.root / "away").rename(first)
    assert home.run("verify").code == 0
