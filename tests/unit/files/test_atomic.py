import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.files import atomic

_WRITER = """
import sys
from pathlib import Path
from bandcamp_sync.files import atomic
path, n = Path(sys.argv[1]), 0
while True:
    n += 1
    atomic.write_bytes(path, bytes([n % 256]) * (1 + n * 7919 % 100_000), durable=False)
"""


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_file_is_written_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.json"
    atomic.write_text(path, "Ü1")
    atomic.write_json(path, {"ü": [1]})
    assert path.read_text() == '{\n "ü": [\n  1\n ]\n}\n'
    assert leftovers(path.parent) == []


def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "secret", b"x", mode=0o600)
    atomic.write_new(tmp_path / "new", b"x", mode=0o600)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("secret", "new")] == [0o600, 0o600]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(TypeError):
        atomic.write_bytes(tmp_path / "a", "no bytes")  # type: ignore[arg-type]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_in_a_files_place_is_kept_in_quarantine(tmp_path: Path) -> None:
    (tmp_path / "a" / "inside").mkdir(parents=True)
    atomic.write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    [kept] = (tmp_path / "quarantine").iterdir()
    assert (kept / "inside").is_dir()


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("mine"), os.mkfifo, lambda path: path.symlink_to("a")])
def test_what_stands_in_a_folders_place_is_kept_in_quarantine(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    spoil(tmp_path / "a")
    atomic.write_bytes(tmp_path / "a" / "b" / "c", b"x")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"
    assert [path.name.partition(".")[0] for path in (tmp_path / "quarantine").iterdir()] == ["a"]


def test_a_link_to_a_disk_that_is_not_mounted_stays(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "disk")
    with pytest.raises(OSError, match="mounted"):
        atomic.write_bytes(tmp_path / "a" / "b", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "." * 200 + "x"])
def test_the_longest_names_can_be_written(name: str, tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / name, b"1")
    assert not atomic.write_new(tmp_path / name, b"2")
    assert (tmp_path / name).read_bytes() == b"1"


def test_a_reader_never_sees_half_a_file_and_a_killed_writer_leaves_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic.write_bytes(path, b"\x00")
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], env=_environment()) as writer:
        end = time.monotonic() + 1.5
        versions = set()
        while time.monotonic() < end:
            content = path.read_bytes()
            assert content and len(set(content)) == 1
            versions.add(content[:1] + len(content).to_bytes(4, "big"))
        writer.kill()
    content = path.read_bytes()
    assert len(set(content)) == 1
    assert len(versions) > 1
    for left in atomic.leftovers(tmp_path):
        assert left.name.startswith(".a.") and left.suffix == ".tmp"


def test_of_many_who_write_a_new_file_one_does(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: atomic.write_new(path, bytes([n]) * 1000), range(40)))
    assert won.count(True) == 1
    assert path.read_bytes() == bytes([won.index(True)]) * 1000
    assert leftovers(tmp_path) == []


def test_a_new_file_replaces_no_folder_either(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert not atomic.write_new(tmp_path / "a", b"x")


def test_a_move_replaces_what_has_the_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "a").write_text("new")
    (tmp_path / "out" / "a").write_text("old")
    atomic.move(tmp_path / "in" / "a", tmp_path / "out" / "a")
    assert (tmp_path / "out" / "a").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        atomic.move(tmp_path / "in" / "a", tmp_path / "out" / "a")


@pytest.mark.parametrize("is_known", [True, False], ids=["in one step", "by a look"])
def test_a_move_that_replaces_nothing_leaves_both_where_the_name_is_taken(
    is_known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_known:
        monkeypatch.setattr(atomic, "_rename_flagged", lambda *_: False)  # as on an old share
    for name, content in (("a", "mine"), ("b", "theirs")):
        (tmp_path / name).write_text(content)
    with pytest.raises(FileExistsError):
        atomic.move(tmp_path / "a", tmp_path / "b", replace=False)
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["mine", "theirs"]
    atomic.move(tmp_path / "a", tmp_path / "c", replace=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]
    with pytest.raises(FileNotFoundError):
        atomic.move(tmp_path / "a", tmp_path / "d", replace=False)


def test_of_those_who_want_a_folder_to_themselves_one_at_a_time_has_it(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def enter(_: int) -> None:
        with atomic.alone_in(tmp_path):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(20)))
    assert most == [1]


def test_who_cannot_have_a_folder_to_himself_goes_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    with atomic.alone_in(tmp_path / "nowhere"):
        pass
    with atomic.alone_in(tmp_path), atomic.alone_in(tmp_path):
        pass  # late, as the first of the two stands still for the second, and not stuck
    monkeypatch.setattr("fcntl.flock", no_locks)
    with atomic.alone_in(tmp_path), atomic.alone_in(tmp_path):
        pass


def test_removing_twice_is_removing_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    atomic.remove(tmp_path / "a")
    atomic.remove(tmp_path / "a")
    atomic.remove(tmp_path / "no folder" / "a")
    assert not (tmp_path / "a").exists()


def test_leftovers_are_only_files_in_the_making(tmp_path: Path) -> None:
    for name in (".a.0123.tmp", ".hidden", "a.tmp", "a"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in atomic.leftovers(tmp_path)] == [".a.0123.tmp"]
    assert atomic.leftovers(tmp_path / "a") == [] == atomic.leftovers(tmp_path / "nowhere")


def test_what_a_killed_process_was_making_is_removed_at_once_and_what_a_live_one_makes_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _CUT_OFF, str(tmp_path / "a")], env=_environment()) as writer:
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        [made] = atomic.leftovers(tmp_path)
        assert atomic.sweep([tmp_path, tmp_path / "nowhere"], datetime.now(UTC)) == []
        writer.kill()
        writer.wait()
    assert atomic.sweep([tmp_path], datetime.now(UTC)) == [made]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".a.json.0123456789ab.tmp", ".a.0123456789ab-17-99.0123.tmp", ".tmp", "..tmp"])
def test_of_what_others_make_only_its_age_tells(name: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    path = tmp_path / name
    path.write_text("x")
    assert atomic.sweep([tmp_path], now) == []
    assert not atomic.is_abandoned(tmp_path / ".gone.tmp", now)
    assert atomic.is_abandoned(path, now + atomic.ABANDONED + timedelta(minutes=1))


def test_two_folders_change_places_in_one_step(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not atomic.exchange(tmp_path / "new", tmp_path / "old"):
        pytest.skip("this file system cannot exchange two names")
    assert (tmp_path / "old" / "new").exists() and (tmp_path / "new" / "old").exists()
    with pytest.raises(FileNotFoundError):
        atomic.exchange(tmp_path / "old", tmp_path / "nothing")


_CUT_OFF = """
import os, sys, time
from pathlib import Path
from bandcamp_sync.files import atomic
os.fsync = lambda fd: time.sleep(60)
atomic.write_bytes(Path(sys.argv[1]), b"x")
"""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_without_hard_links_a_new_file_is_still_whole_at_once_and_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no hard links")

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "p1.job"
    assert atomic.write_new(path, b"whole")
    written = path.stat().st_ino
    assert not atomic.write_new(path, b"other")
    assert (path.read_bytes(), path.stat().st_ino) == (b"whole", written)
    monkeypatch.setattr(atomic, "_write_exclusive", lambda beside, *_: beside.touch() if beside != path else None)
    path.unlink()
    assert atomic.write_new(path, b""), "it came by a rename: nothing was written at its place"
    assert [entry.name for entry in tmp_path.iterdir()] == ["p1.job"]
