"""What is no backup, or a broken one, is refused, and nothing has changed then."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from bandcamp_sync.backup import archive as form
from bandcamp_sync.backup import restore as restoring
from bandcamp_sync.backup.archive import MANIFEST
from bandcamp_sync.backup.restore import restore
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import FolderTrouble, NotABackup, Stopped
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder, MusicFolder
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.backup.making import LEASE, add, packed, put, run, tree

TOLD = json.dumps({"schema": 1, "version": "0.1.0", "created_at": "2026-11-23T12:00:00Z", "jobs": {}}).encode()
GOOD = (MANIFEST, TOLD)


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
            list(form.members(io.BytesIO(archive[:length])))
    for length in range(0, len(archive), 25):
        assert_refused(data, music, archive[:length], "cut off")


def test_an_archive_that_was_cut_off_before_it_was_compressed(data: DataFolder, music: MusicFolder) -> None:
    whole = gzip.decompress(packed(data))
    for length in range(0, len(whole.rstrip(b"\0")) + 1, 256):
        assert_refused(data, music, gzip.compress(whole[:length], 1))


def test_an_archive_with_a_flipped_bit_is_refused_or_says_the_same(data: DataFolder) -> None:
    archive, refused = packed(data), 0
    whole = list(form.members(io.BytesIO(archive)))
    for place in range(len(archive)):
        flipped = archive[:place] + bytes([archive[place] ^ (1 << place % 8)]) + archive[place + 1 :]
        try:
            assert list(form.members(io.BytesIO(flipped))) == whole
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


@pytest.mark.parametrize("size", [-1, -512, 1 << 40, form.FILE_LIMIT + 1])
def test_a_size_that_cannot_be(data: DataFolder, music: MusicFolder, size: int) -> None:
    member = tarfile.TarInfo("config/x")
    member.size = size
    blocks = tar(GOOD)[:1024] + member.tobuf(tarfile.GNU_FORMAT) + bytes(2048)
    assert_refused(data, music, gzip.compress(blocks), "size|2 GB")


def test_a_bomb_is_refused_before_it_fills_the_disk(
    data: DataFolder, music: MusicFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(restoring, "_put", lambda staged, name, text: written.append(len(text)))
    member, zeros = tarfile.TarInfo("config/x"), bytes(102_400_000)
    member.size = len(zeros)
    piece = gzip.compress(member.tobuf() + zeros, 1)
    assert_refused(data, music, gzip.compress(tar(GOOD)[:1024]) + piece * 30, "more than 2 GB")
    assert sum(written) < form.LIMIT and len(written) == 20
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
