"""`backup` and `restore` as a user types them: the books come back, and nothing is downloaded twice."""

import gzip
import json
import os
import pty
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standin import StandIn, World

from .albums import assert_whole
from .conftest import COMMAND, Home, Serve

BOOKS = ("collection.json", "inbox", "state", "control")


@pytest.fixture
def synced(home: Home, serve: Serve) -> StandIn:
    """A home whose small library is complete."""
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("sync").code == 0
    standin.log.clear()
    return standin


def wipe(home: Home) -> None:
    for name in BOOKS:
        path = home.data / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def secrets_of(home: Home) -> list[str]:
    """What no output may show."""
    items = json.loads((home.data / "collection.json").read_text())["items"]
    links = [item["redownload_url"] for item in items if item["redownload_url"]]
    cookies = [line.split("\t")[-1] for line in home.cookies.read_text().splitlines() if line.count("\t") == 6]
    assert links and cookies
    return [*links, *(value for value in cookies if len(value) > 8), "sig="]


def test_the_books_come_back_and_nothing_is_left_to_do(home: Home, synced: StandIn, tmp_path: Path) -> None:
    archive, secrets = tmp_path / "books.tar.gz", secrets_of(home)
    made = home.run("backup", str(archive))
    assert made.code == 0, made.everything
    assert f"{len(home.receipts())} done; {archive.stat().st_size:,} bytes in {archive}" in made.out
    assert archive.stat().st_mode & 0o777 == 0o600
    before = home.status()["counts"]
    wipe(home)
    home.cookies.unlink()

    put = home.run("restore", str(archive))
    assert put.code == 0, put.everything
    [line] = put.out.splitlines()
    assert f"restored: {len(home.receipts())} done, as of 20" in line and "there were none before" not in line
    [former] = home.data.glob("before-restore-*")
    assert str(former) in line
    assert home.cookies.exists() and home.cookies.stat().st_mode & 0o777 == 0o600
    assert home.status()["counts"] == before
    assert "reconcile: nothing to do" in home.run("reconcile").out
    assert_whole(home, synced)
    again = home.run("sync")
    assert again.code == 0 and not synced.log.entries(kind="file")
    assert not any(secret in ran.everything for secret in secrets for ran in (made, put))


def test_a_backup_goes_through_a_pipe_and_back(home: Home, synced: StandIn, tmp_path: Path) -> None:
    archive = tmp_path / "books.tar.gz"
    with archive.open("wb") as out:
        made = subprocess.run(
            [*COMMAND, "backup", "-"], env=home.environment(), stdout=out, stderr=subprocess.PIPE, text=True, check=True
        )
    assert f"{len(home.receipts())} done" in made.stderr
    with tarfile.open(archive) as opened:
        assert opened.next() is not None and opened.getnames()[0] == "bandcampsync-backup.json"
    receipts = home.receipts()
    wipe(home)
    with archive.open("rb") as source:
        done = subprocess.run([*COMMAND, "restore", "-"], env=home.environment(), stdin=source, check=False)
    assert done.returncode == 0 and home.receipts() == receipts


def test_what_arrived_after_the_backup_is_not_fetched_again(home: Home, serve: Serve, tmp_path: Path) -> None:
    standin, archive = serve(World.build(purchases=12, preset="small")), str(tmp_path / "books.tar.gz")
    assert home.run("scrape").code == 0 and home.run("reconcile").code == 0
    assert home.run("work", "--once").code == 0
    assert home.run("backup", archive).code == 0
    assert home.run("work").code == 0
    receipts, albums = home.receipts(), home.albums()
    standin.log.clear()

    put = home.run("restore", archive)
    assert put.code == 0, put.everything
    assert f"{len(receipts) - 1} arrived after the backup" in put.out
    assert home.run("sync").code == 0
    assert home.receipts() == receipts and home.albums() == albums
    assert not standin.log.entries(kind="file"), "nothing is downloaded twice"
    assert_whole(home, standin)


def test_a_restore_while_services_run_is_refused(home: Home, synced: StandIn, tmp_path: Path) -> None:
    archive = str(tmp_path / "books.tar.gz")
    assert home.run("backup", archive).code == 0
    unit = {"name": "bandcamp-sync.service", "source": "host", "active_state": "active"}
    (home.data / "health").mkdir(exist_ok=True)
    (home.data / "health" / "host.json").write_text(json.dumps({"units": [unit]}))
    refused = home.run("restore", archive)
    assert refused.code == 5
    assert "the services run (bandcamp-sync.service): `make down` first, or give --force" in refused.err
    assert len(refused.everything.strip().splitlines()) == 1
    assert not list(home.data.glob("*restore-*"))
    assert home.run("restore", "--force", archive).code == 0


@pytest.mark.parametrize("spoil", ["text", "cut", "none", "folder"])
def test_what_is_no_backup_is_told_in_one_line(home: Home, synced: StandIn, tmp_path: Path, spoil: str) -> None:
    archive = tmp_path / "books.tar.gz"
    assert home.run("backup", str(archive)).code == 0
    if spoil == "text":
        archive.write_text("not an archive")
    elif spoil == "cut":
        archive.write_bytes(archive.read_bytes()[:-20])
    else:
        archive.unlink()
        if spoil == "folder":
            archive.mkdir()
    receipts = home.receipts()
    ran = home.run("restore", str(archive))
    assert ran.code == 2
    assert ran.err.startswith("bandcampsync: this is no backup") and "nothing was changed" in ran.err
    assert len(ran.everything.strip().splitlines()) == 1
    assert home.receipts() == receipts and not list(home.data.glob("*restore-*"))


def test_where_a_backup_cannot_be_written_is_local_trouble(home: Home, synced: StandIn, tmp_path: Path) -> None:
    ran = home.run("backup", str(tmp_path / "none" / "books.tar.gz"))
    assert ran.code == 5 and "No such file or directory" in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_behind_a_pipe_is_local_trouble(home: Home, synced: StandIn) -> None:
    with Path("/dev/full").open("wb") as full:
        broken = subprocess.run(
            [*COMMAND, "backup", "-"],
            env=home.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert broken.returncode == 5 and "the backup is not complete" in broken.stderr


def test_a_reader_that_has_had_enough_is_told_of(home: Home, synced: StandIn) -> None:
    (home.data / "config" / "noise").write_bytes(os.urandom(2_000_000))
    process = subprocess.Popen(
        [*COMMAND, "backup", "-"], env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    head = process.stdout.read(100)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert head[:2] == gzip.compress(b"")[:2]
    assert process.wait(60) == 5 and "Broken pipe; the backup is not complete" in said and "Traceback" not in said


@pytest.mark.parametrize(("word", "end"), [("backup", "written to"), ("restore", "read from")])
def test_a_terminal_is_no_place_for_a_backup(home: Home, word: str, end: str) -> None:
    ours, theirs = pty.openpty()
    try:
        ran = subprocess.run(
            [*COMMAND, word, "-"],
            env=home.environment(),
            stdin=theirs,
            stdout=theirs if word == "backup" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ran.returncode == 2 and f"not {end} a terminal" in ran.stderr
    assert not (home.data / "logs").exists()


def test_a_backup_amid_workers_is_whole(home: Home, serve: Serve, tmp_path: Path) -> None:
    standin = serve(World.build(purchases=24, preset="small"))
    assert home.run("scrape").code == 0 and home.run("reconcile").code == 0
    queued = {path.name for path in (home.data / "inbox" / "pending").glob("*.job")}
    workers = [home.start("work") for _ in range(2)]
    archives: list[Path] = []
    began = datetime.now(UTC)
    while any(worker.poll() is None for worker in workers):
        archives.append(tmp_path / f"{len(archives)}.tar.gz")
        assert home.run("backup", str(archives[-1])).code == 0
    assert [worker.communicate(timeout=60) and worker.returncode for worker in workers] == [0, 0]
    assert archives
    for archive in archives:
        with tarfile.open(archive) as opened:
            names = [Path(name) for name in opened.getnames() if name.endswith(".job")]
            told = json.load(opened.extractfile("bandcampsync-backup.json"))  # type: ignore[arg-type]
        assert sorted(path.name for path in names) == sorted(queued)
        assert sum(told["jobs"].values()) == len(queued) and told["jobs"]["in_progress"] == 0
        assert datetime.fromisoformat(told["created_at"]) >= began.replace(microsecond=0)
    wipe(home)
    assert home.run("restore", str(archives[0])).code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)
