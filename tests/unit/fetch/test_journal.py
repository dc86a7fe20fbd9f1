from pathlib import Path

import pytest
from bandcamp_sync.fetch.journal import Journal, Member, Workspace


def member(folder: Path, ordinal: int = 0, content: bytes = b"abc", name: str = "01 Quay.flac") -> Member:
    path = folder / f"m{ordinal:04d}.flac"
    path.write_bytes(content)
    return Member(ordinal=ordinal, name=name, file=path.name, size=len(content), crc=7, sha256="0" * 64)


def test_what_was_noted_is_known_after_a_crash(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "p1" / "0", "flac")
    space.note(kind="zip", total=1000, etag='"x"')
    one = member(space.folder)
    space.add(one)
    again = Workspace(tmp_path / "p1" / "0", "flac")
    assert again.journal == Journal(format="flac", kind="zip", total=1000, etag='"x"', members=(one,))


def test_a_member_is_had_in_its_place_and_name_and_as_it_is_wanted_now(tmp_path: Path) -> None:
    space = Workspace(tmp_path, "flac")
    one = member(tmp_path)
    space.add(one)
    has = space.journal.has
    assert has(0, "01 Quay.flac") == has(0, "01 Quay.flac", 3) == has(0, "01 Quay.flac", 3, 7) == one
    assert has(1, "01 Quay.flac") is None and has(0, "other.flac") is None
    assert has(0, "01 Quay.flac", 4) is None and has(0, "01 Quay.flac", 3, 8) is None


@pytest.mark.parametrize("left", [b"ab", None])
def test_a_member_that_is_not_on_disk_in_full_is_not_had(tmp_path: Path, left: bytes | None) -> None:
    space = Workspace(tmp_path, "flac")
    one = member(tmp_path)
    space.add(one)
    (tmp_path / one.file).unlink()
    if left is not None:
        (tmp_path / one.file).write_bytes(left)
    assert Workspace(tmp_path, "flac").journal.members == ()


def test_a_member_that_comes_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    space = Workspace(tmp_path, "flac")
    space.add(member(tmp_path, content=b"old"))
    space.add(member(tmp_path, content=b"newer"))
    assert [one.size for one in space.journal.members] == [5]


def test_a_member_that_is_no_good_is_dropped_with_its_file_and_the_others_stay(tmp_path: Path) -> None:
    space = Workspace(tmp_path, "flac")
    bad, good = member(tmp_path, 0), member(tmp_path, 1)
    space.add(bad)
    space.add(good)
    space.drop([bad])
    assert Workspace(tmp_path, "flac").journal.members == (good,)
    assert not (tmp_path / bad.file).exists() and (tmp_path / good.file).exists()
    space.drop([bad])


def test_another_format_begins_again(tmp_path: Path) -> None:
    space = Workspace(tmp_path, "flac")
    space.add(member(tmp_path))
    again = Workspace(tmp_path, "mp3-320")
    assert again.journal == Journal(format="mp3-320") and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 5}', '{"format": "flac", "members": [{}]}'])
def test_a_journal_that_is_broken_begins_again(tmp_path: Path, content: str) -> None:
    member(tmp_path)
    (tmp_path / "journal.json").write_text(content)
    assert Workspace(tmp_path, "flac").journal == Journal(format="flac")
    assert list(tmp_path.iterdir()) == []


def test_starting_again_forgets_everything_of_this_release_alone(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "beside").write_text("x")
    space = Workspace(tmp_path / "0", "flac")
    space.add(member(space.folder))
    space.part.write_bytes(b"x")
    space.start_again()
    assert list(space.folder.iterdir()) == [] and (tmp_path / "beside").exists()
    assert space.journal == Journal(format="flac")
