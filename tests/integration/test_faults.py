"""One fault at a time: what is wanted ends whole, and what cannot be had says why."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn, World, ZipStyle

from .albums import assert_whole, deliverable
from .conftest import Home, Serve

MENDS_ITSELF: list[tuple[str, dict[str, Any]]] = [
    ("truncate", {"percent": 70}),
    ("truncate", {"percent": 1}),
    ("reset", {"percent": 60}),
    ("stall", {"percent": 50, "seconds": 4}),
    ("flip_byte", {"percent": 50}),
    ("flip_byte", {"where": "audio", "percent": 30}),
    ("wrong_length", {"delta": 5000}),
    ("wrong_length", {"delta": -5000}),
    ("no_length", {"mode": "close"}),
    ("no_length", {"mode": "chunked"}),
    ("encoding", {}),
    ("error_page", {}),
    ("throttle_page", {}),
    ("expired_link", {}),
    ("cutoff", {}),
    ("withdrawn", {}),
    ("status", {"code": 502}),
    ("rate_limit", {"retry_after": 1}),
    ("rate_limit", {"retry_after": None}),
    ("rate_limit", {"retry_after": "date:1"}),
    ("drop", {}),
    ("damaged_audio", {"bytes": 400}),
    ("no_disposition", {}),
    ("empty", {}),
]


@pytest.mark.parametrize(("fault", "params"), MENDS_ITSELF, ids=lambda value: str(value))
def test_a_fault_of_the_first_download_leaves_nothing_behind(
    home: Home, serve: Serve, fault: str, params: dict[str, Any]
) -> None:
    standin = serve(World.build(purchases=5, preset="small"))  # albums in archives, and one bare track
    standin.rules.add(fault, match={"class": "file"}, times=1, first_each=True, **params)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything[-3000:]
    assert_whole(home, standin)


@pytest.mark.parametrize(
    ("fault", "params"),
    [("ignore_range", {}), ("no_range_headers", {}), ("changed_file", {"resume_only": True})],
    ids=lambda value: str(value),
)
def test_a_resume_that_the_server_does_not_go_along_with_starts_again(
    home: Home, serve: Serve, fault: str, params: dict[str, Any]
) -> None:
    standin = serve(World.build(purchases=5, preset="small"))
    standin.rules.add("truncate", match={"class": "file"}, times=1, first_each=True, percent=70)
    standin.rules.add(fault, match={"class": "file"}, **params)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything[-3000:]
    assert_whole(home, standin)


@pytest.mark.parametrize("variant", ["json", "js", "js_spaced", "var", "var_json", "ok_without_url", "retry_url"])
@pytest.mark.parametrize("popplers", ["direct", "open", "bcbits"])
def test_every_stat_answer_and_file_host_that_was_seen_works(
    home: Home, serve: Serve, variant: str, popplers: str
) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.settings.popplers = popplers
    standin.rules.add("stat", variant=variant)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything
    assert_whole(home, standin)


def test_an_archive_that_is_not_ready_is_asked_for_until_it_is(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.rules.add("stat", variant="pending", times=2, first_each=True)
    assert home.run("sync").code == 0
    assert_whole(home, standin)
    assert len(standin.log.entries(kind="file")) == 2, "no file was asked for before it was ready"


@pytest.mark.parametrize(
    "style",
    [
        ZipStyle(folder=True, method="deflated"),
        ZipStyle(method="stored"),
        ZipStyle(method="deflated", descriptor=True),
        ZipStyle(method="stored", descriptor=True),
        ZipStyle(extras=True),
    ],
    ids=str,
)
def test_archives_of_every_make_are_unpacked(home: Home, serve: Serve, style: ZipStyle) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    standin.settings.zip_style = style
    standin.rules.add("truncate", match={"class": "file"}, times=1, first_each=True, percent=80)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything
    assert_whole(home, standin)
    unpacked_while_streaming = not (style.method == "stored" and style.descriptor)
    assert ("fetching it whole" not in ran.everything) is unpacked_while_streaming


def test_what_only_a_person_can_clear_is_listed_with_its_link(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    key = next(iter(deliverable(standin)))
    standin.rules.add("reauth", match={"class": ["stat", "file"], "key": key})
    ran = home.run("sync")
    assert ran.code == 1
    assert key in ran.out
    view = home.status()
    assert view["counts"]["failed"] == 1 and view["counts"]["synced"] == 3
    (need,) = view["needs_you"]
    assert need["key"] == key and need["link"] == f"{standin.url}/settings"
    standin.rules.clear()
    assert home.run("retry", key).code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


def test_a_purchase_that_is_gone_is_unavailable_and_the_rest_goes_on(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    key = next(iter(deliverable(standin)))
    standin.rules.add("not_found", match={"class": "page", "key": key})
    assert home.run("sync").code == 0
    view = home.status()
    assert (view["counts"]["unavailable"], view["counts"]["synced"]) == (1, 3)
    assert "gone" in view["waiting"][0]["reason"]


def test_music_that_never_decodes_fails_alone_and_is_never_shown(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    key = next(iter(deliverable(standin)))
    standin.rules.add("damaged_audio", match={"class": "file", "key": key}, bytes=400)
    ran = home.run("sync", MAX_ATTEMPTS="2")
    assert ran.code == 1
    assert "does not decode" in ran.out
    assert len(home.albums()) == 3
    assert home.status()["counts"]["failed"] == 1


def test_logged_out_in_mid_run_hands_the_job_back_and_goes_on_with_new_cookies(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    for _ in range(2):
        assert home.run("work", "--once").code == 0
    standin.world.log_out()
    # The pages' own links still open without a login; the session is what a listing or a withheld download shows.
    standin.rules.add("no_downloads", match={"class": "page"})
    ran = home.run("work", "--drain")
    assert ran.code == 3, ran.everything
    assert len(home.receipts()) == 2
    for job in (home.data / "inbox" / "pending").glob("*.job"):
        assert json.loads(job.read_text())["attempt"] == 0, "trouble of ours costs a job no attempt"
    assert home.status()["counts"]["queued"] == 4
    assert any("cookies" in need["reason"] for need in home.status()["needs_you"])
    standin.rules.clear()
    standin.world.set_identity()
    standin.write_cookies(home.cookies)
    assert home.run("sync").code == 0
    assert_whole(home, standin)
    assert home.run("status").out.endswith("needs you: nothing\n")


def big_album(serve: Serve) -> StandIn:
    """A stand-in with one album of some megabytes."""
    return serve(World.build(purchases=1, preset="small", seconds=(25.0, 30.0)))


def worker_amid_download(home: Home, standin: StandIn, track: str, rate: int) -> "subprocess.Popen[str]":
    """A worker that has begun to write this `track`, over a line of `rate` bytes a second."""
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    standin.settings.rate = rate
    worker = home.start("work", "--drain")
    deadline = time.monotonic() + 60
    while not list((home.music / ".bandcampsync" / "staging").rglob(track)):
        assert time.monotonic() < deadline and worker.poll() is None
        time.sleep(0.02)
    return worker


def test_a_killed_worker_goes_on_at_the_last_whole_track(home: Home, serve: Serve) -> None:
    standin = big_album(serve)
    worker = worker_amid_download(home, standin, track="m0001*", rate=1_500_000)
    worker.kill()
    worker.wait()
    assert home.albums() == {}, "nothing is visible before it is whole"
    standin.settings.rate = None
    standin.log.clear()
    assert home.run("reconcile").code == 0
    time.sleep(0.5)
    assert home.run("reconcile", LEASE="100ms").code == 0
    ran = home.run("work", "--drain")
    assert ran.code == 0, ran.everything
    assert_whole(home, standin)
    ranges = [entry.range for entry in standin.log.entries(kind="file")]
    assert ranges and all(ranges), "only ranges were asked for"
    receipt = next(iter(home.receipts().values()))
    whole = sum(file["size"] for file in receipt["files"])
    assert sum(entry.bytes_sent for entry in standin.log.entries(kind="file")) < 0.9 * whole + 70_000


def test_a_worker_that_is_asked_to_end_hands_its_job_back_at_once(home: Home, serve: Serve) -> None:
    standin = big_album(serve)
    worker = worker_amid_download(home, standin, track="m0000*", rate=500_000)
    asked = time.monotonic()
    worker.terminate()
    worker.wait(timeout=20)
    assert time.monotonic() - asked < 10
    assert len(list((home.data / "inbox" / "pending").glob("*.job"))) == 1
    assert not list((home.data / "inbox" / "in_progress").glob("*.job"))
    standin.settings.rate = None
    assert home.run("work").code == 0
    assert_whole(home, standin)


def test_each_byte_is_written_to_disk_once(home: Home, serve: Serve, tmp_path: Path) -> None:
    serve(World.build(purchases=1, preset="small", seconds=(25.0, 30.0)))
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    # What the kernel counted when the command ended: bytes passed to write(), requests and logs included.
    script = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(lambda: pathlib.Path({str(tmp_path / 'io')!r})"
        ".write_text(pathlib.Path('/proc/self/io').read_text()))\n"
        "from bandcamp_sync.cli import main\n"
        "main(['work', '--drain'])\n"
    )
    subprocess.run([sys.executable, "-c", script], env=home.environment(), check=True, timeout=60, capture_output=True)
    written = int(dict(line.split(": ") for line in (tmp_path / "io").read_text().splitlines())["wchar"])
    placed = sum(path.stat().st_size for path in home.music.rglob("*.*") if path.is_file())
    assert placed > 3_000_000
    assert written < 1.05 * placed + 100_000


def test_one_purchase_with_a_broken_page_does_not_end_the_run(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=5, preset="small"))
    broken, changed = list(deliverable(standin))[1:3]
    standin.rules.add("status", match={"class": "page", "key": broken}, code=500)
    standin.rules.add("redesign", match={"class": "page", "key": changed})
    ran = home.run("sync", timeout=180, RETRY_BASE="5m")
    assert ran.code == 1, ran.everything
    assert broken in ran.out and changed in ran.out
    assert home.status()["counts"] | {"waiting": 2, "synced": 3} == home.status()["counts"]


def test_a_redesign_of_every_page_stops_the_worker_with_the_field_named(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=6, preset="small"))
    standin.rules.add("drop_fields", match={"class": "page"}, fields=["digital_items", "download_items"])
    ran = home.run("sync", WORKERS="1")
    assert ran.code == 4, ran.everything
    assert "'digital_items'" in ran.err
    assert (home.data / "debug" / "debug.html").stat().st_size > 0
    standin.rules.clear()
    assert home.run("retry", "--all").code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


def test_one_purchase_whose_page_wants_a_login_does_not_send_the_user_for_new_cookies(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    odd = next(iter(deliverable(standin)))
    standin.rules.add("redirect_login", match={"class": "page", "key": odd})
    ran = home.run("sync", RETRY_BASE="5m")
    assert ran.code == 1, ran.everything
    assert len(home.receipts()) == 3
    assert not [need for need in home.status()["needs_you"] if need["key"] is None]


def test_a_process_that_waits_for_a_silent_server_ends_at_once_when_asked(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.rules.add("hang", match={"class": ["page", "collection"]}, seconds=60)
    for command in ("scrape", "sync"):
        waiting = home.start(command, STALL_TIMEOUT="50s")
        deadline = time.monotonic() + 20
        while not standin.log.entries():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        asked = time.monotonic()
        waiting.terminate()
        waiting.wait(timeout=30)
        assert time.monotonic() - asked < 5
        standin.log.clear()


def test_an_encoder_that_never_finishes_does_not_hold_a_sync_for_ever(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    key = next(iter(deliverable(standin)))
    standin.rules.add("stat", match={"class": "stat", "key": key}, variant="pending")
    ran = home.run("sync", RETRY_BASE="5m", timeout=180)
    assert ran.code == 1
    assert key in ran.out and "still preparing" in ran.out
    assert len(home.receipts()) == 2


@pytest.mark.parametrize("fault", ["drop", "hang"])
def test_one_page_that_never_answers_does_not_block_the_queue(home: Home, serve: Serve, fault: str) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    odd = next(iter(deliverable(standin)))
    params: dict[str, Any] = {"seconds": 60} if fault == "hang" else {}
    standin.rules.add(fault, match={"class": "page", "key": odd}, **params)
    ran = home.run("sync", RETRY_BASE="5m", WORKERS="1", STALL_TIMEOUT="1s")
    assert ran.code == 1, ran.everything
    assert odd in ran.out and len(home.receipts()) == 3


def test_the_jobs_of_a_killed_worker_of_this_machine_are_taken_up_at_once(home: Home, serve: Serve) -> None:
    standin = big_album(serve)
    worker = worker_amid_download(home, standin, track="m0000*", rate=500_000)
    worker.kill()
    worker.wait()
    standin.settings.rate = None
    ran = home.run("sync")
    assert ran.code == 0, ran.everything
    assert_whole(home, standin)


def test_a_delivered_album_that_cannot_be_had_again_stays_and_is_named(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    assert home.run("sync").code == 0
    key = next(iter(deliverable(standin)))
    standin.rules.add("not_found", match={"class": "page", "key": key})
    assert home.run("retry", key).code == 0
    ran = home.run("sync")
    assert ran.code == 1 and key in ran.out and "stays" in ran.out
    assert home.status()["counts"]["synced"] == 3
    assert home.run("verify").code == 0
