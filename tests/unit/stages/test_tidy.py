import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from bandcamp_sync.files import atomic
from bandcamp_sync.library.receipts import copies, keep_copy, mend_copies
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.processes import identity, stamp
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.tidy import HOLDER, tidy_data, tidy_music
from unit.factories import KEY, job, receipt

_STAMP = "import os; from bandcamp_sync.processes import identity, stamp; print(stamp(), identity(os.getpid()))"


class Home:
    def __init__(self, root: Path) -> None:
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.spool, self.now = Spool(self.data.inbox), datetime.now().astimezone()
        self.spool.make_folders()
        self.cookies = root / "elsewhere" / "my cookies.txt"

    def lay(self, state: State, one: Job) -> None:
        self.spool.path(state, one.key).write_text(one.model_dump_json(by_alias=True))

    def stage(self, key: str, holder: str = "") -> Path:
        folder = self.music.staging / key / "r0"
        folder.mkdir(parents=True)
        (folder / "m0000.flac").write_text("x")
        (folder.parent / HOLDER).write_text(f"{holder}\n")
        return folder.parent

    def tidy(self, books_whole: bool = True, later: timedelta = timedelta(0)) -> None:
        tidy_data(self.data, self.cookies, self.spool, self.now + later)
        tidy_music(self.music, self.spool, self.now + later, books_whole)

    def staged(self) -> list[str]:
        return sorted(path.name for path in self.music.staging.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def dead() -> tuple[str, str]:
    """The stamp and the identity of a process that is gone."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, "-c", _STAMP], env=environment, capture_output=True, text=True, check=True)
    stamp, name = ran.stdout.split()
    return stamp, name


def folders(home: Home) -> list[Path]:
    data, music = home.data, home.music
    of_data = [data.root, data.config, data.drop, data.control, data.health, data.covers, data.debug, data.state]
    of_state = [data.actions, data.alarms, data.timers, data.progress, data.throughput]
    of_music = [music.own, music.receipts, music.staging / KEY, music.staging / KEY / "r0"]
    return [*of_data, *of_state, *map(home.spool.folder, State), *of_music]


def test_what_a_dead_process_was_making_goes_from_every_folder_and_what_a_live_one_makes_stays(
    home: Home, dead: tuple[str, str]
) -> None:
    home.lay(State.PENDING, job())
    for folder in folders(home):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".a.json.{dead[0]}.0123.tmp").write_text("x")
        (folder / f".a.json.{stamp()}.0123.tmp").write_text("x")
    home.tidy()
    for folder in folders(home):
        assert [path.name for path in atomic.leftovers(folder)] == [f".a.json.{stamp()}.0123.tmp"], folder


def test_beside_cookies_that_lie_elsewhere_only_ours_goes(home: Home, dead: tuple[str, str]) -> None:
    home.cookies.parent.mkdir()
    for name in (f".my cookies.txt.{dead[0]}.0123.tmp", f".letter.{dead[0]}.0123.tmp"):
        (home.cookies.parent / name).write_text("x")
    home.tidy()
    assert [path.name for path in home.cookies.parent.iterdir()] == [f".letter.{dead[0]}.0123.tmp"]


def test_progress_of_what_nobody_works_on_goes(home: Home) -> None:
    home.data.progress.mkdir(parents=True)
    for key in ("p1", "p2"):
        (home.data.progress / f"{key}.json").write_text("{}")
    home.lay(State.IN_PROGRESS, job("p2"))
    home.tidy()
    assert [path.name for path in home.data.progress.iterdir()] == ["p2.json"]


def test_a_job_beside_its_receipt_goes_and_one_beside_another_stays(home: Home) -> None:
    home.lay(State.DONE, job("p1", receipt=receipt()))
    for key in ("p1", "p2"):
        home.lay(State.FAILED, job(key))
    home.tidy()
    assert home.spool.keys(State.FAILED) == ["p2"] and home.spool.keys(State.DONE) == ["p1"]


@pytest.mark.parametrize(
    ("holder", "books_whole", "later", "left"),
    [
        ("dead", True, timedelta(0), []),
        ("dead", False, timedelta(0), [KEY]),
        ("live", True, timedelta(0), [KEY]),
        ("elsewhere-12345678:1:2:ab", True, timedelta(0), [KEY]),
        ("", True, timedelta(0), [KEY]),
        ("live", False, timedelta(hours=25), []),
    ],
)
def test_staging_of_a_purchase_without_a_job_goes_when_nobody_can_come_back_for_it(
    home: Home, dead: tuple[str, str], holder: str, books_whole: bool, later: timedelta, left: list[str]
) -> None:
    names = {"dead": f"{dead[1]}:ab", "live": f"{identity(os.getpid())}:ab"}
    home.stage(KEY, names.get(holder, holder))
    home.tidy(books_whole, later)
    assert home.staged() == left


@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS, State.FAILED])
def test_staging_stays_for_the_job_that_will_go_on_with_it(home: Home, dead: tuple[str, str], state: State) -> None:
    home.lay(state, job())
    home.stage(KEY, f"{dead[1]}:ab")
    home.tidy(later=timedelta(days=40))
    assert home.staged() == [KEY]


def test_staging_of_what_is_delivered_goes_and_an_album_that_lies_in_it_is_put_back_before(home: Home) -> None:
    content = b"old"
    files = [{"path": "01 Quay.flac", "size": 3, "sha256": sha256(content).hexdigest()}]
    home.lay(State.DONE, job(receipt=receipt(folder="Los Faros/Night Ferry", files=files)))
    old = home.stage(KEY) / "replaced"
    old.mkdir()
    (old / "01 Quay.flac").write_bytes(content)
    home.stage("p1.0123.discarded")
    home.tidy()
    assert home.staged() == []
    assert (home.music.root / "Los Faros" / "Night Ferry" / "01 Quay.flac").read_bytes() == content


def test_folders_that_are_not_there_or_cannot_be_written_are_no_trouble(
    home: Home, request: pytest.FixtureRequest
) -> None:
    home.tidy()
    home.stage(KEY)
    home.music.staging.chmod(0o500)
    request.addfinalizer(_again_writable(home.music.staging))
    home.tidy(later=timedelta(days=2))


def _again_writable(folder: Path) -> Callable[[], None]:
    return lambda: folder.chmod(0o700)


# --- copies of receipts ---------------------------------------------------------------------------------------------


def spoil(path: Path, how: str) -> None:
    path.unlink()
    match how:
        case "empty":
            path.touch()
        case "other JSON":
            path.write_text("[]")
        case "a folder":
            path.mkdir()
        case "a link":
            path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("how", ["missing", "empty", "other JSON", "a folder", "a link"])
def test_the_copy_of_a_receipt_that_is_none_any_more_is_written_anew(home: Home, how: str) -> None:
    done = job(receipt=receipt())
    home.lay(State.DONE, done)
    keep_copy(home.music, done)
    path = home.music.receipts / f"{KEY}.json"
    before = path.read_text()
    spoil(path, how)
    home.tidy()
    assert path.is_file() and path.read_text() == before
    assert (home.music.receipts / "quarantine").is_dir() is (how != "missing"), "nothing is thrown away"
    assert [one.key for one in copies(home.music, frozenset())] == [KEY]


def test_copies_that_are_as_they_should_be_are_not_touched(home: Home) -> None:
    home.lay(State.DONE, job(receipt=receipt()))
    keep_copy(home.music, job(receipt=receipt()))
    path = home.music.receipts / f"{KEY}.json"
    before = path.stat()
    home.tidy()
    assert path.stat() == before


def test_who_reads_all_copies_finds_those_that_are_another_ones_or_cut(home: Home) -> None:
    for key, content in (("p1", None), ("p2", "cut"), ("p3", "another's")):
        done = job(key, receipt=receipt(f"A/{key}"))
        home.lay(State.DONE, done)
        keep_copy(home.music, done)
        path = home.music.receipts / f"{key}.json"
        if content == "cut":
            path.write_text(path.read_text()[:-20])
        elif content:
            path.write_text((home.music.receipts / "p1.json").read_text())
    mended = mend_copies(
        home.music, home.spool.keys(State.DONE), lambda key: home.spool.read(State.DONE, key), home.now, read_all=True
    )
    assert mended == 2
    assert {one.key for one in copies(home.music, frozenset())} == {"p1", "p2", "p3"}
