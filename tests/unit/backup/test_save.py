"""A backup holds the books and nothing else, and every job exactly once, also while everything works."""

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.backup import save as saving
from bandcamp_sync.backup.archive import MANIFEST
from bandcamp_sync.backup.save import save_backup
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import FolderTrouble, Stopped
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.backup.making import CLUTTER, IN_IT, packed, put, unpacked
from unit.factories import NOW, failure, job, receipt


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


def test_cookies_that_cannot_be_read_are_told(data: DataFolder) -> None:
    (data.config / "cookies.txt").unlink()
    (data.config / "cookies.txt").symlink_to("/proc/self/mem")  # its beginning fails to be read, for root as well
    with pytest.raises(FolderTrouble, match=r"cookies\.txt"):
        packed(data)


def test_a_file_that_is_far_too_large_is_named(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "FILE_LIMIT", 10_000)
    (data.config / "film.mkv").write_bytes(bytes(10_001))
    with pytest.raises(FolderTrouble, match=r"film\.mkv.*does not belong"):
        packed(data)


def test_what_could_not_be_restored_is_not_backed_up(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "LIMIT", 10_000)
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
    found = saving._jobs(spool, Clock())
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

    assert set(saving._jobs(Sly(tmp_path / "inbox"), Clock())) == {"p1"}


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
