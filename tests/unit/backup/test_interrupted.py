"""A restore that is killed loses nothing, and the next one completes it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bandcamp_sync.errors import FolderTrouble, NotABackup
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder, MusicFolder
from unit.backup.making import content, packed, put, run, tree, without_manifest
from unit.factories import capture, item, job, receipt


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
