"""A backup holds every job exactly once; a restore changes nothing, or all, and loses nothing when it is killed."""

import gzip
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync import backup
from bandcamp_sync.backup import MANIFEST, Restored, restore, save_backup, write_backup
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import FolderTrouble, NotABackup, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Claim, Job, State
from bandcamp_sync.spool.spool import Spool, new_holder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.factories import NOW, capture, failure, item, job, receipt

LEASE = timedelta(minutes=2)


@pytest.fixture
def music(tmp_path: Path) -> MusicFolder:
    return MusicFolder(tmp_path / "music")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """Books with a job in each state, and everything around them."""
    return fill(DataFolder(tmp_path / "data"))


def content(one: Job) -> bytes:
    return one.model_dump_json(by_alias=True).encode()


def put(root: Path, files: Mapping[str, bytes]) -> None:
    for name, text in files.items():
        atomic.write_bytes(root / name, text)


def fill(data: DataFolder) -> DataFolder:
    spool = Spool(data.inbox)
    spool.make_folders()
    spool.add(job("p1"))
    spool.add(job("p2"))
    assert spool.claim("p2", new_holder(), NOW)
    atomic.write_bytes(spool.path(State.FAILED, "p3"), content(job("p3", failure=failure(), attempt=2)))
    atomic.write_bytes(spool.path(State.DONE, "p4"), content(job("p4", receipt=receipt())))
    put(
        data.root,
        {
            "collection.json": capture(item("p1")).model_dump_json(by_alias=True).encode(),
            "inbox/failed/quarantine/p9.job.20261123T120000000000": b"{",
            "control/paused": b"2026-11-23T12:00:00Z\n",
            "state/session.json": b"{}",
            "state/alarms/session.json": b"{}",
            "config/cookies.txt": b"the cookies",
            "config/ignore.txt": b"p8\n",
        },
    )
    return data


CLUTTER = {
    "state/progress/p2.json": b"{}",
    "state/patience.json.lock": b"",
    "state/.session.json.0123.tmp": b"half",
    "config/.cookies.txt.0123.tmp": b"half",
    "config/.gitkeep": b"",
    "inbox/pending/.p1.job.0123.tmp": b"half",
    "inbox/pending/readme.txt": b"no job",
    "control/scrape.request": b"{}",
    "logs/worker.log": b"lines",
    "debug/debug.html": b"<html>",
    "health/worker.json": b"[]",
    "music/A/B/01.flac": b"fLaC",
}
IN_IT = {
    MANIFEST,
    "collection.json",
    "config/cookies.txt",
    "config/ignore.txt",
    "control/paused",
    "inbox/done/p4.job",
    "inbox/failed/p3.job",
    "inbox/failed/quarantine/p9.job.20261123T120000000000",
    "inbox/pending/p1.job",
    "inbox/pending/p2.job",
    "state/alarms/session.json",
    "state/session.json",
}


def packed(data: DataFolder) -> bytes:
    out = io.BytesIO()
    write_backup(data, out, Clock())
    return out.getvalue()


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        members = [(member.name, opened.extractfile(member)) for member in opened.getmembers()]
        found = [(name, file.read()) for name, file in members if file is not None]
    assert len({name for name, _ in found}) == len(found) == len(members)
    return dict(found)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder but what a restore leaves to know itself by."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files if path.name != ".restore.lock"}


def run(data: DataFolder, music: MusicFolder, archive: bytes, force: bool = False) -> Restored:
    return restore(data, music, io.BytesIO(archive), LEASE, Clock(), force)


# --- what is in a backup --------------------------------------------------------------------------------------------


def test_a_backup_holds_the_books_and_nothing_else(data: DataFolder) -> None:
    put(data.root, CLUTTER)
    files = unpacked(packed(data))
    assert set(files) == IN_IT
    assert files["config/cookies.txt"] == b"the cookies"


def test_the_list_of_contents_comes_first_and_counts(data: DataFolder) -> None:
    files = unpacked(packed(data))
    assert next(iter(files)) == MANIFEST
    listed = json.loads(files[MANIFEST])
    assert listed["schema"] == 1 and listed["version"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(listed["created_at"])) < timedelta(minutes=1)
    assert listed["created_at"].endswith("Z")
    assert listed["jobs"] == {"pending": 2, "in_progress": 0, "failed": 1, "done": 1}


def test_a_claimed_job_is_archived_as_one_that_waits(data: DataFolder) -> None:
    held = Job.model_validate_json((data.inbox / "in_progress/p2.job").read_bytes())
    assert held.claim is not None
    kept = Job.model_validate_json(unpacked(packed(data))["inbox/pending/p2.job"])
    assert kept == held.model_copy(update={"claim": None})


def test_empty_books_make_a_backup_too(tmp_path: Path) -> None:
    assert list(unpacked(packed(DataFolder(tmp_path / "nowhere")))) == [MANIFEST]


def test_a_file_of_a_backup_is_its_owners_alone_whatever_was_there(data: DataFolder, tmp_path: Path) -> None:
    path = tmp_path / "books.tar.gz"
    path.write_text("an older one")
    path.chmod(0o644)
    manifest = save_backup(data, path, Clock())
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(unpacked(path.read_bytes())) == IN_IT and manifest.jobs[State.PENDING] == 2
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_backup_that_fails_leaves_the_older_one(data: DataFolder, tmp_path: Path) -> None:
    path = tmp_path / "books.tar.gz"
    path.write_text("an older one")
    clock = Clock()
    clock.stop()
    with pytest.raises(Stopped):
        save_backup(data, path, clock)
    assert path.read_text() == "an older one"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["books.tar.gz", "data"]


def test_a_backup_has_no_place_in_a_folder_that_is_not_there_or_over_a_device(data: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(FolderTrouble, match="No such file"):
        save_backup(data, tmp_path / "none" / "books.tar.gz", Clock())
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(FolderTrouble, match="no regular file"):
            save_backup(data, place, Clock())


def test_what_is_no_file_in_the_books_is_passed_over(data: DataFolder, tmp_path: Path) -> None:
    os.mkfifo(data.config / "pipe")
    (data.config / "gone.txt").symlink_to(tmp_path / "nowhere")
    (data.inbox / "pending" / "p7.job").mkdir()
    assert set(unpacked(packed(data))) == IN_IT


def test_a_linked_cookies_file_is_kept_by_its_content(data: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from elsewhere")
    (data.config / "cookies.txt").unlink()
    (data.config / "cookies.txt").symlink_to(tmp_path / "secret")
    assert unpacked(packed(data))["config/cookies.txt"] == b"from elsewhere"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_cookies_that_cannot_be_read_are_told(data: DataFolder) -> None:
    (data.config / "cookies.txt").chmod(0)
    with pytest.raises(FolderTrouble, match=r"cookies\.txt"):
        packed(data)


def test_a_file_that_is_far_too_large_is_named(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "FILE_LIMIT", 10_000)
    (data.config / "film.mkv").write_bytes(bytes(10_001))
    with pytest.raises(FolderTrouble, match=r"film\.mkv.*does not belong"):
        packed(data)


def test_what_could_not_be_restored_is_not_backed_up(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "LIMIT", 10_000)
    with pytest.raises(FolderTrouble, match="larger than"):
        packed(data)
    monkeypatch.undo()
    (data.config / ("x" * 200)).write_text("")
    with pytest.raises(FolderTrouble, match="too long"):
        packed(data)


# --- while everything works -----------------------------------------------------------------------------------------

MOVES = {
    State.PENDING: (State.IN_PROGRESS,),
    State.IN_PROGRESS: (State.DONE, State.FAILED, State.PENDING),
    State.FAILED: (State.PENDING,),
    State.DONE: (),
}


class Restless(Spool):
    """Moves jobs, as workers would, each time a folder has been listed; back to `pending` each one once."""

    def __init__(self, root: Path, choose: Callable[[int], int]) -> None:
        super().__init__(root)
        self._choose = choose
        self._returned: set[str] = set()

    def keys(self, state: State) -> list[str]:
        listed = super().keys(state)
        for one in State:
            for key in super().keys(one):
                ways = [way for way in MOVES[one] if way is not State.PENDING or key not in self._returned]
                chosen = self._choose(len(ways) + 1)
                if chosen < len(ways):
                    self._returned |= {key} if ways[chosen] is State.PENDING else set()
                    self.path(one, key).rename(self.path(ways[chosen], key))
        return listed


@given(picks=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_jobs_that_move_while_they_are_read_are_read_once(
    tmp_path_factory: pytest.TempPathFactory, picks: st.DataObject
) -> None:
    spool = Restless(tmp_path_factory.mktemp("books") / "inbox", lambda ways: picks.draw(st.integers(0, ways - 1)))
    spool.make_folders()
    keys = {f"p{number}" for number in range(1, 5)}
    for key in keys:
        spool.add(job(key))
    found = backup._jobs(spool, Clock())
    assert set(found) == keys
    assert all(state is not State.IN_PROGRESS for state, _ in found.values())
    assert all(Job.model_validate_json(text).key == key for key, (_, text) in found.items())


def test_a_job_that_returned_and_was_claimed_again_between_two_looks_is_not_missed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "inbox")
    spool.make_folders()
    spool.add(job("p1"))
    there = spool.path(State.PENDING, "p1")
    looks = iter([State.IN_PROGRESS, State.PENDING, State.IN_PROGRESS])

    class Sly(Spool):
        def keys(self, state: State) -> list[str]:
            nonlocal there
            if (place := next(looks, None)) is not None:
                there.rename(self.path(place, "p1"))
                there = self.path(place, "p1")
            return super().keys(state)

    assert set(backup._jobs(Sly(tmp_path / "inbox"), Clock())) == {"p1"}


def test_a_backup_amid_workers_has_every_job_once(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    spool, keys = Spool(data.inbox), [f"p{number}" for number in range(1, 61)]
    spool.make_folders()
    for key in keys:
        spool.add(job(key))
    over = threading.Event()

    def work(number: int) -> None:
        while not over.is_set():
            for key in keys[number::3]:
                held = spool.claim(key, f"w{number}", NOW)
                if held is None:
                    continue
                if int(key[1:]) % 2:
                    spool.finish(held.model_copy(update={"receipt": receipt()}))
                else:
                    spool.fail(held.model_copy(update={"failure": failure()}))
                    failed = spool.read(State.FAILED, key)
                    assert failed is not None
                    spool.requeue(State.FAILED, failed)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            files = unpacked(packed(data))
            jobs = [name.split("/") for name in files if name.endswith(".job")]
            assert sorted(name for _, _, name in jobs) == sorted(f"{key}.job" for key in keys)
            assert {state for _, state, _ in jobs} <= {"pending", "failed", "done"}
            for name in files:
                if name.endswith(".job"):
                    assert Job.model_validate_json(files[name]).claim is None
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_file_that_vanishes_is_no_error(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def vanish(self: Path, *given: object, **named: object) -> object:
        if self.name in ("p1.job", "session.json"):
            self.unlink()
        return real(self, *given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", vanish)
    left = set(unpacked(packed(data)))
    gone = {"inbox/pending/p1.job", "state/session.json", "state/alarms/session.json"}
    assert left == IN_IT - gone


# --- a restore that goes well ---------------------------------------------------------------------------------------


def without_manifest(archive: bytes) -> dict[str, bytes]:
    return {name: text for name, text in unpacked(archive).items() if name != MANIFEST}


def test_a_restore_into_an_empty_folder_makes_the_books_as_they_were(
    data: DataFolder, music: MusicFolder, tmp_path: Path
) -> None:
    archive, empty = packed(data), DataFolder(tmp_path / "new")
    done = run(empty, music, archive)
    assert tree(empty.root) == without_manifest(archive)
    assert done.jobs == {State.PENDING: 2, State.FAILED: 1, State.DONE: 1}
    assert done.former is None and not done.completed and not done.unreadable and not done.newer
    assert {path.name for path in empty.inbox.iterdir()} == {state.value for state in State}
    assert not list(empty.root.glob("*restore-*"))


def test_the_former_books_are_kept_under_their_names(data: DataFolder, music: MusicFolder) -> None:
    archive = packed(data)
    (data.inbox / "pending/p1.job").unlink()
    put(data.root, {"inbox/done/p7.job": content(job("p7", receipt=receipt())), "state/new.json": b"1", **CLUTTER})
    data.collection.unlink()
    before = tree(data.root)
    done = run(data, music, archive, force=True)
    assert done.former is not None and done.former.parent == data.root
    assert done.former.stat().st_mode & 0o777 == 0o700
    after, former = tree(data.root), tree(done.former)
    kept = {name for name in before if name.split("/")[0] in ("inbox", "state")} | {"control/paused"}
    kept |= {"config/cookies.txt", "config/ignore.txt"}
    assert former == {name: before[name] for name in kept}
    rest = {name: text for name, text in after.items() if not name.startswith("before-restore-")}
    untouched = {name: text for name, text in before.items() if name not in kept}
    assert rest == without_manifest(archive) | untouched


def test_what_the_backup_does_not_have_goes_but_for_config(
    data: DataFolder, music: MusicFolder, tmp_path: Path
) -> None:
    archive = packed(DataFolder(tmp_path / "nothing"))
    (data.inbox / "in_progress/p2.job").unlink()
    before = tree(data.root)
    done = run(data, music, archive)
    assert done.former is not None
    assert not data.collection.exists() and not data.paused.exists() and data.control.is_dir()
    assert (data.config / "cookies.txt").read_bytes() == b"the cookies"
    former = tree(done.former)
    assert former == {name: text for name, text in before.items() if not name.startswith("config/")}


def test_a_backup_without_cookies_does_not_take_the_cookies(data: DataFolder, music: MusicFolder) -> None:
    cookies = data.config / "cookies.txt"
    cookies.unlink()
    (data.config / "ignore.txt").write_text("p5\n")
    archive = packed(data)
    cookies.write_text("newer cookies")
    (data.config / "ignore.txt").write_text("p6\n")
    done = run(data, music, archive, force=True)
    assert cookies.read_text() == "newer cookies"
    assert (data.config / "ignore.txt").read_text() == "p5\n"
    assert done.former is not None and tree(done.former / "config") == {"ignore.txt": b"p6\n"}


def test_placeholders_stay(data: DataFolder, music: MusicFolder) -> None:
    places = [".gitkeep", "config/.gitkeep", "inbox/.gitkeep", "inbox/done/.gitkeep", "state/progress/.gitkeep"]
    put(data.root, dict.fromkeys(places, b""))
    run(data, music, packed(data), force=True)
    assert all((data.root / place).is_file() for place in places)


def test_secrets_are_their_owners_alone_after_a_restore(data: DataFolder, music: MusicFolder, tmp_path: Path) -> None:
    for path in data.root.rglob("*"):
        path.chmod(0o777)
    new = DataFolder(tmp_path / "new")
    run(new, music, packed(data))
    modes = {name: (new.root / name).stat().st_mode & 0o777 for name in tree(new.root)}
    private = {name for name, mode in modes.items() if mode == 0o600}
    assert private >= {name for name in modes if name.startswith(("config/", "inbox/", "collection"))}
    assert not any(mode & 0o111 for mode in modes.values())


def test_a_cookies_file_that_is_a_link_is_put_aside_as_a_link(
    data: DataFolder, music: MusicFolder, tmp_path: Path
) -> None:
    archive = packed(data)
    (tmp_path / "elsewhere").write_text("mine")
    (data.config / "cookies.txt").unlink()
    (data.config / "cookies.txt").symlink_to(tmp_path / "elsewhere")
    done = run(data, music, archive, force=True)
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert not (data.config / "cookies.txt").is_symlink()
    assert done.former is not None and (done.former / "config/cookies.txt").is_symlink()


def test_what_is_no_job_goes_to_quarantine(data: DataFolder, music: MusicFolder) -> None:
    put(
        data.inbox,
        {"failed/p5.job": b"{", "pending/p6.job": content(job("p7")), "in_progress/p8.job": b"\xff\xfe"},
    )
    done = run(data, music, packed(data), force=True)
    assert done.unreadable == 3 and sum(done.jobs.values()) == 4
    found = {path.relative_to(data.inbox).as_posix().partition(".job")[0] for path in data.inbox.rglob("*.job.*")}
    assert found == {
        "failed/quarantine/p5",
        "failed/quarantine/p9",
        "pending/quarantine/p6",
        "pending/quarantine/p8",
    }


def test_what_arrived_after_the_backup_is_left_to_its_receipt(data: DataFolder, music: MusicFolder) -> None:
    def keep(key: str, days: int) -> None:
        kept = job(key, receipt=receipt(placed_at=NOW + timedelta(days=days)))
        put(music.receipts, {f"{key}.json": content(kept)})

    keep("p1", 0)  # queued then, delivered since
    keep("p3", 0)
    keep("p4", 1)  # delivered anew since
    put(music.receipts, {"p2.json": b"{"})
    done = run(data, music, packed(data), force=True)
    assert sorted(done.newer) == ["p1", "p3", "p4"]
    assert done.jobs == {State.PENDING: 1}
    assert Spool(data.inbox).keys(State.PENDING) == ["p2"]


def test_a_receipt_that_the_music_folder_has_too_is_restored(data: DataFolder, music: MusicFolder) -> None:
    put(music.receipts, {"p4.json": content(job("p4", receipt=receipt()))})
    done = run(data, music, packed(data), force=True)
    assert done.jobs[State.DONE] == 1 and not done.newer


def test_an_archive_packed_by_hand_is_as_good(data: DataFolder, music: MusicFolder, tmp_path: Path) -> None:
    files = unpacked(packed(data))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as opened:
        for name, text in files.items():
            add(opened, name, text)
            if name == MANIFEST:
                for folder in ("inbox", "inbox/done", "inbox/failed/quarantine", "config", "control", "state"):
                    add(opened, folder, b"", tarfile.DIRTYPE)
    new = DataFolder(tmp_path / "new")
    run(new, music, out.getvalue())
    assert tree(new.root) == without_manifest(packed(data))


# --- refusals -------------------------------------------------------------------------------------------------------

TOLD = json.dumps({"schema": 1, "version": "0.1.0", "created_at": "2026-11-23T12:00:00Z", "jobs": {}}).encode()
GOOD = (MANIFEST, TOLD)


def add(opened: tarfile.TarFile, name: str, text: bytes, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, len(text), link
    opened.addfile(member, io.BytesIO(text))


def tar(*members: tuple[str, bytes] | tuple[str, bytes, bytes, str], style: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style) as opened:
        for member in members:
            add(opened, *member)
    return out.getvalue()


def assert_refused(data: DataFolder, music: MusicFolder, archive: bytes, why: str | None = None) -> None:
    before = tree(data.root)
    with pytest.raises(NotABackup, match=why) as raised:
        run(data, music, archive, force=True)
    assert str(raised.value).isprintable()
    assert tree(data.root) == before
    assert not list(data.root.glob("*restore-*"))


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("/etc/evil", tarfile.REGTYPE, ""),
        ("config/../../evil", tarfile.REGTYPE, ""),
        ("config/..", tarfile.DIRTYPE, ""),
        ("./config/cookies.txt", tarfile.REGTYPE, ""),
        ("config//cookies.txt", tarfile.REGTYPE, ""),
        ("config", tarfile.REGTYPE, ""),
        ("config/.gitkeep", tarfile.REGTYPE, ""),
        ("", tarfile.REGTYPE, ""),
        ("evil", tarfile.REGTYPE, ""),
        ("evil", tarfile.DIRTYPE, ""),
        ("music/Artist/Album/01.flac", tarfile.REGTYPE, ""),
        ("logs/worker.log", tarfile.REGTYPE, ""),
        ("health/worker.json", tarfile.REGTYPE, ""),
        ("control/scrape.request", tarfile.REGTYPE, ""),
        ("control/paused/x", tarfile.REGTYPE, ""),
        ("collection.json/x", tarfile.REGTYPE, ""),
        ("inbox/p1.job", tarfile.REGTYPE, ""),
        ("inbox/pending", tarfile.REGTYPE, ""),
        ("inbox/elsewhere/p1.job", tarfile.REGTYPE, ""),
        ("inbox/pending/deep/p1.job", tarfile.REGTYPE, ""),
        ("config\n/x", tarfile.REGTYPE, ""),
        ("config/cookies.txt", tarfile.SYMTYPE, "/etc/passwd"),
        ("config/sub", tarfile.SYMTYPE, "../.."),
        ("config/cookies.txt", tarfile.LNKTYPE, "state/session.json"),
        ("config/cookies.txt", tarfile.LNKTYPE, "/etc/passwd"),
        ("config/pipe", tarfile.FIFOTYPE, ""),
        ("config/disk", tarfile.BLKTYPE, ""),
        ("config/null", tarfile.CHRTYPE, ""),
        ("config/sparse", tarfile.GNUTYPE_SPARSE, ""),
        ("config/contiguous", tarfile.CONTTYPE, ""),
        (MANIFEST, tarfile.SYMTYPE, "/etc/passwd"),
    ],
)
def test_a_member_that_has_no_place_in_a_backup(
    data: DataFolder, music: MusicFolder, name: str, kind: bytes, link: str
) -> None:
    assert_refused(data, music, gzip.compress(tar(GOOD, (name, b"", kind, link))), "does not belong|neither a file")
    assert not (data.root.parent / "evil").exists()


@pytest.mark.parametrize("style", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_an_extended_format_are_not_followed(data: DataFolder, music: MusicFolder, style: int) -> None:
    assert_refused(data, music, gzip.compress(tar(GOOD, ("config/" + "x" * 300, b""), style=style)))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([], "list of contents"),
        ([("collection.json", b"{}"), GOOD], "list of contents"),
        ([("config/a", b"1")], "list of contents"),
        ([(MANIFEST, b"")], "cannot be read"),
        ([(MANIFEST, b"[]")], "cannot be read"),
        ([(MANIFEST, b'{"schema": 1}')], "cannot be read"),
        ([(MANIFEST, TOLD.replace(b"2026-11-23T", b"soon"))], "cannot be read"),
        ([(MANIFEST, TOLD.replace(b'"schema": 1', b'"schema": 2'))], "another version"),
        ([GOOD, GOOD], "twice"),
        ([GOOD, ("config/a", b"1"), ("config/a", b"2")], "twice"),
        ([GOOD, ("config/a", b"1"), ("config/a/b", b"2")], "below a file"),
        ([GOOD, ("config/a/b", b"1"), ("config/a", b"2")], "twice"),
        ([GOOD, ("collection.json", b"")], "collection.json"),
        ([GOOD, ("collection.json", b'{"schema": 1, "items": 5}')], "collection.json"),
        ([GOOD, ("collection.json", b"\xff\x00")], "collection.json"),
    ],
)
def test_an_archive_that_is_not_ours(
    data: DataFolder, music: MusicFolder, members: list[tuple[str, bytes]], why: str
) -> None:
    assert_refused(data, music, gzip.compress(tar(*members)), why)


@pytest.mark.parametrize(
    "archive",
    [b"", b"no gzip", b"\x1f\x8b", tar(GOOD), gzip.compress(b""), gzip.compress(b"x" * 2048)],
    ids=["empty", "text", "two bytes", "not compressed", "nothing within", "text within"],
)
def test_what_is_no_archive(data: DataFolder, music: MusicFolder, archive: bytes) -> None:
    assert_refused(data, music, archive)


def test_an_archive_that_is_cut_off_anywhere(data: DataFolder, music: MusicFolder) -> None:
    archive = packed(data)
    for length in range(len(archive)):
        with pytest.raises(NotABackup, match="cut off"):
            list(backup._members(io.BytesIO(archive[:length])))
    for length in range(0, len(archive), 25):
        assert_refused(data, music, archive[:length], "cut off")


def test_an_archive_that_was_cut_off_before_it_was_compressed(data: DataFolder, music: MusicFolder) -> None:
    whole = gzip.decompress(packed(data))
    for length in range(0, len(whole.rstrip(b"\0")) + 1, 256):
        assert_refused(data, music, gzip.compress(whole[:length], 1))


def test_an_archive_with_a_flipped_bit_is_refused_or_says_the_same(data: DataFolder) -> None:
    archive, refused = packed(data), 0
    whole = list(backup._members(io.BytesIO(archive)))
    for place in range(len(archive)):
        flipped = archive[:place] + bytes([archive[place] ^ (1 << place % 8)]) + archive[place + 1 :]
        try:
            assert list(backup._members(io.BytesIO(flipped))) == whole
        except NotABackup:
            refused += 1
    assert refused > len(archive) * 0.9


@given(text=st.binary(max_size=1500), within=st.booleans())
@settings(max_examples=200)
def test_no_bytes_do_harm(tmp_path_factory: pytest.TempPathFactory, text: bytes, within: bool) -> None:
    root = tmp_path_factory.mktemp("books")
    blocks = tar(GOOD)[:1024] + text.ljust(1536, b"\0") if within else text
    try:
        run(DataFolder(root / "data"), MusicFolder(root / "music"), gzip.compress(blocks))
        assert within and not any(text)
    except NotABackup:
        assert tree(root) == {}


def test_something_behind_the_end(data: DataFolder, music: MusicFolder) -> None:
    assert_refused(data, music, packed(data) + b"more")
    assert_refused(data, music, packed(data) + packed(data), "follows its end")


@pytest.mark.parametrize("size", [-1, -512, 1 << 40, backup.FILE_LIMIT + 1])
def test_a_size_that_cannot_be(data: DataFolder, music: MusicFolder, size: int) -> None:
    member = tarfile.TarInfo("config/x")
    member.size = size
    blocks = tar(GOOD)[:1024] + member.tobuf(tarfile.GNU_FORMAT) + bytes(2048)
    assert_refused(data, music, gzip.compress(blocks), "size|2 GB")


def test_a_bomb_is_refused_before_it_fills_the_disk(
    data: DataFolder, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(backup, "_put", lambda staged, name, text: written.append(len(text)))
    member, zeros = tarfile.TarInfo("config/x"), bytes(102_400_000)
    member.size = len(zeros)
    piece = gzip.compress(member.tobuf() + zeros, 1)
    assert_refused(data, music, gzip.compress(tar(GOOD)[:1024]) + piece * 30, "more than 2 GB")
    assert sum(written) < backup.LIMIT and len(written) == 20
    assert_refused(data, music, gzip.compress(tar(GOOD)) + gzip.compress(zeros, 1) * 30, "follows its end")


def test_a_file_in_the_way_is_found_before_anything_is_moved(data: DataFolder, music: MusicFolder) -> None:
    put(data.config, {"sub/a.txt": b"1"})
    archive = packed(data)
    (data.config / "sub/a.txt").unlink()
    (data.config / "sub").rmdir()
    (data.config / "sub").write_text("a file")
    before = tree(data.root)
    with pytest.raises(FolderTrouble, match=r"sub: is no folder"):
        run(data, music, archive, force=True)
    assert tree(data.root) == before


def test_another_disk_in_the_way_is_found_before_anything_is_moved(
    data: DataFolder, music: MusicFolder, tmp_path: Path
) -> None:
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk")
    archive, other = packed(data), Path("/dev/shm") / f"bandcampsync-{os.getpid()}"
    data.config.rename(tmp_path / "kept")
    other.mkdir()
    try:
        data.config.symlink_to(other)
        before = tree(data.root)
        with pytest.raises(FolderTrouble, match="another disk"):
            run(data, music, archive, force=True)
        assert tree(data.root) == before
    finally:
        other.rmdir()


def test_a_full_disk_changes_nothing(data: DataFolder, music: MusicFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, before, real = packed(data), tree(data.root), atomic.write_bytes

    def full(path: Path, *given: object, **named: object) -> None:
        if path.name == "ignore.txt":
            raise OSError(28, "No space left on device", str(path))
        real(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run(data, music, archive, force=True)
    assert tree(data.root) == before


def test_who_is_asked_to_end_while_reading_changes_nothing(data: DataFolder, music: MusicFolder) -> None:
    archive, before, clock = packed(data), tree(data.root), Clock()
    clock.stop()
    with pytest.raises(Stopped):
        restore(data, music, io.BytesIO(archive), LEASE, clock, force=True)
    assert tree(data.root) == before


# --- while services run ---------------------------------------------------------------------------------------------


def publish(data: DataFolder, name: str, state: str, age_s: float = 0) -> None:
    path = data.health / "x.json"
    atomic.write_json(path, {"units": [{"name": name, "active_state": state, "source": "container"}]})
    then = datetime.now(UTC).timestamp() - age_s
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    ("name", "state", "age_s", "refused"),
    [
        ("bandcamp-sync-worker@1.service", "active", 0, True),
        ("bandcamp-dashboard.service", "activating", 60, True),
        ("bandcamp-sync.service", "active", 120, False),
        ("bandcamp-sync.service", "inactive", 0, False),
        ("bandcamp-sync.service", "failed", 0, False),
        ("bandcamp-sync.timer", "active", 0, False),
    ],
)
def test_services_that_run_are_in_the_way(
    data: DataFolder, music: MusicFolder, name: str, state: str, age_s: float, refused: bool
) -> None:
    archive = packed(data)
    (data.inbox / "in_progress/p2.job").unlink()
    publish(data, name, state, age_s)
    before = tree(data.root)
    if refused:
        with pytest.raises(FolderTrouble, match=f"services run .{name}.: `make down` first, or give --force"):
            run(data, music, archive)
        assert tree(data.root) == before
        assert run(data, music, archive, force=True).former is not None
    else:
        assert run(data, music, archive).former is not None


@pytest.mark.parametrize(("age_s", "holder", "refused"), [(0, "other:1:a", True), (300, "other:1:a", False)])
def test_a_worker_that_gives_signs_of_life_is_in_the_way(
    data: DataFolder, music: MusicFolder, age_s: float, holder: str, refused: bool
) -> None:
    archive, path = packed(data), data.inbox / "in_progress/p2.job"
    path.write_bytes(content(job("p2", claim=Claim(holder=holder, at=NOW))))
    then = datetime.now(UTC).timestamp() - age_s
    os.utime(path, (then, then))
    if refused:
        with pytest.raises(FolderTrouble, match=r"busy with p2.*--force"):
            run(data, music, archive)
        assert path.exists()
    else:
        assert run(data, music, archive).former is not None


def test_two_restores_at_once_are_one_too_many(data: DataFolder, music: MusicFolder) -> None:
    archive = packed(data)
    with backup._alone(data), pytest.raises(FolderTrouble, match="another restore"):
        run(data, music, archive, force=True)
    assert run(data, music, archive, force=True).former is not None


# --- killed in between ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """As SIGKILL, nothing of ours is run any more but what a `finally` would."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lets a restore die at its `step`-th change of the books, before it or after it; which one it was."""
    done = 0
    real_move, real_remove, real_rmtree, real_mkdir = atomic.move, atomic.remove, shutil.rmtree, Path.mkdir

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def act(*given: object, **named: object) -> object:
            nonlocal done
            done += 1
            if done * 2 - 1 == step:
                raise Killed
            result = real(*given, **named)
            if done * 2 == step:
                raise Killed
            return result

        return act

    def mkdir(self: Path, *given: object, **named: object) -> object:
        wrapped = counted(real_mkdir) if self.name.startswith("before-restore-") else real_mkdir
        return wrapped(self, *given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "move", counted(real_move))
        patched.setattr(atomic, "remove", counted(real_remove))
        patched.setattr(shutil, "rmtree", counted(real_rmtree))
        patched.setattr(Path, "mkdir", mkdir)
        yield "armed"


def books_of(number: int, root: Path) -> DataFolder:
    """Books that tell by every content whose they are. Every second ones have no collection and no pause."""
    data = DataFolder(root)
    mark = str(number).encode()
    put(root, {"state/mark.json": mark, "config/cookies.txt": mark, "config/sub/deep.txt": mark})
    put(root, {"inbox/done/p1.job": content(job("p1", attempt=number, receipt=receipt()))})
    if number % 2:
        listed = capture(item("p1"), fan_id=number).model_dump_json(by_alias=True).encode()
        put(root, {"collection.json": listed, "control/paused": mark})
    return data


@pytest.mark.parametrize(("present", "kept"), [(1, 3), (1, 2), (2, 1), (2, 4)])
def test_a_restore_that_is_killed_anywhere_loses_nothing_and_is_completed_by_the_next(
    tmp_path: Path, music: MusicFolder, monkeypatch: pytest.MonkeyPatch, present: int, kept: int
) -> None:
    archive = packed(books_of(kept, tmp_path / "kept"))
    wanted = without_manifest(archive)
    step, deaths = 0, 0
    while True:
        step += 1
        data = books_of(present, tmp_path / f"data{step}")
        before = tree(data.root)
        died = False
        for _ in killed_at(step, monkeypatch):
            try:
                run(data, music, archive)
            except Killed:
                died = True
        after_death = tree(data.root)
        assert set(before.values()) <= set(after_death.values()), f"step {step}: something is lost"
        done = run(data, music, archive)
        everything = tree(data.root)
        rest = {name: text for name, text in everything.items() if not name.startswith("before-restore-")}
        assert rest == wanted, f"step {step}"
        assert not list(data.root.glob(".restore-*"))
        folders = [*done.completed, *([done.former] if done.former else [])]
        first = tree(folders[0])
        assert first in (before, wanted), f"step {step}: the former books are not together"
        assert any(tree(folder) == before for folder in data.root.glob("before-restore-*")), f"step {step}"
        if not died:
            break
        deaths += 1
    assert deaths > 10


def test_a_completion_that_is_killed_is_completed(
    tmp_path: Path, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = [packed(books_of(number, tmp_path / f"kept{number}")) for number in (2, 3, 4)]
    data = books_of(1, tmp_path / "data")
    before = tree(data.root)
    for step, archive in zip((7, 9, 6), archives, strict=True):
        for _ in killed_at(step, monkeypatch):
            with pytest.raises(Killed):
                run(data, music, archive)
    run(data, music, archives[0])
    rest = {name: text for name, text in tree(data.root).items() if not name.startswith("before-restore-")}
    assert rest == without_manifest(archives[0])
    assert any(tree(folder) == before for folder in data.root.glob("before-restore-*"))


def test_what_a_service_wrote_after_a_restore_was_killed_is_kept_too(
    tmp_path: Path, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(books_of(3, tmp_path / "kept"))
    data = books_of(1, tmp_path / "data")
    old = data.collection.read_bytes()
    real = atomic.move

    def die(source: Path, target: Path) -> None:
        if target == data.collection:
            raise Killed
        real(source, target)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(atomic, "move", die)
        run(data, music, archive)
    assert not data.collection.exists()
    data.collection.write_bytes(b"written meanwhile")
    done = run(data, music, archive)
    [former] = done.completed
    assert (former / "collection.json").read_bytes() == old
    assert (former / "collection.json.2").read_bytes() == b"written meanwhile"


def test_a_broken_archive_does_not_complete_an_interrupted_restore(
    tmp_path: Path, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, data = packed(books_of(3, tmp_path / "kept")), books_of(1, tmp_path / "data")
    for _ in killed_at(8, monkeypatch):
        with pytest.raises(Killed):
            run(data, music, archive)
    before = tree(data.root)
    with pytest.raises(NotABackup):
        run(data, music, archive[:-1])
    assert tree(data.root) == before


def test_a_rename_that_fails_says_that_nothing_is_lost(
    tmp_path: Path, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, data = packed(books_of(3, tmp_path / "kept")), books_of(1, tmp_path / "data")
    real = atomic.move

    def fail(source: Path, target: Path) -> None:
        if source == data.collection:
            raise OSError(5, "Input/output error", str(source))
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "move", fail)
        with pytest.raises(FolderTrouble, match=r"Input/output error; nothing is lost.*again"):
            run(data, music, archive)
    assert run(data, music, archive).completed


def test_folders_of_others_with_a_name_like_ours_stay(data: DataFolder, music: MusicFolder) -> None:
    put(data.root, {".restore-notes/a.txt": b"mine", ".restore-20261123T120000000001/b.txt": b"half read"})
    run(data, music, packed(data), force=True)
    assert (data.root / ".restore-notes/a.txt").exists()
    assert not (data.root / ".restore-20261123T120000000001").exists()
