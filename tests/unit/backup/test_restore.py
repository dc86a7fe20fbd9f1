"""A restore makes the books as they were, keeps the former, and minds who works."""

import io
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.backup import restore as restoring
from bandcamp_sync.backup.archive import MANIFEST
from bandcamp_sync.errors import FolderTrouble
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Claim, State
from bandcamp_sync.spool.spool import Spool
from unit.backup.making import CLUTTER, add, content, packed, put, run, tree, unpacked, without_manifest
from unit.factories import NOW, job, receipt


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
    with restoring._alone(data), pytest.raises(FolderTrouble, match="another restore"):
        run(data, music, archive, force=True)
    assert run(data, music, archive, force=True).former is not None
