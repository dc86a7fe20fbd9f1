import os
import stat
from pathlib import Path

import pytest
from bandcamp_sync.drop import seal
from bandcamp_sync.drop.seal import Handed, Unopened
from bandcamp_sync.paths import DataFolder
from unit.factories import NOW

GIVEN = b"# Netscape HTTP Cookie File\n.bandcamp.com\tTRUE\t/\tTRUE\t0\tidentity\tSECRET\n\xff\x00"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    data = DataFolder(tmp_path)
    data.config.mkdir()
    return data


def hand_over(data: DataFolder, given: bytes = GIVEN, switch: bool = False) -> str:
    key = seal.public_key(data)
    assert key is not None
    return seal.hand_over(data, key, given, NOW, switch)


def opened(data: DataFolder) -> Handed | Unopened | None:
    return seal.open_taken(data, seal.own_key(data))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_handed_over_arrives_byte_for_byte(data: DataFolder) -> None:
    seal.own_key(data)
    drop_id = hand_over(data, switch=True)
    assert seal.take(data)
    assert opened(data) == Handed(drop_id, GIVEN, "2026-11-23T12:00:00Z", switch=True)
    seal.forget_taken(data)
    assert opened(data) is None and not seal.take(data)


@pytest.mark.parametrize("given", [b"", b"\x00" * seal.MAX_GIVEN_BYTES])
def test_the_smallest_and_the_largest_arrive(data: DataFolder, given: bytes) -> None:
    seal.own_key(data)
    hand_over(data, given)
    seal.take(data)
    found = opened(data)
    assert isinstance(found, Handed) and found.given == given


def test_nothing_of_it_can_be_read_without_the_private_key(data: DataFolder) -> None:
    seal.own_key(data)
    hand_over(data)
    data.drop_key.unlink()
    for path in data.root.rglob("*"):
        assert not path.is_file() or b"SECRET" not in path.read_bytes(), path
    assert "SECRET" not in repr(Handed("1", GIVEN, "2026-11-23T12:00:00Z"))


def test_the_newest_wins_and_a_new_one_takes_the_place_of_one_that_was_taken(data: DataFolder) -> None:
    seal.own_key(data)
    hand_over(data, b"first")
    hand_over(data, b"second")
    seal.take(data)
    hand_over(data, b"third")
    found = opened(data)
    assert isinstance(found, Handed) and found.given == b"second"
    seal.take(data)
    found = opened(data)
    assert isinstance(found, Handed) and found.given == b"third"


def test_only_its_owner_reads_folder_key_and_file(data: DataFolder) -> None:
    data.drop.mkdir(mode=0o755)
    os.umask(os.umask(0o000))
    seal.own_key(data)
    hand_over(data)
    assert mode(data.drop) == 0o700
    assert mode(data.drop_key) == mode(seal.sealed_path(data)) == 0o600


def test_there_is_no_key_before_the_scraper_made_one(data: DataFolder) -> None:
    assert seal.public_key(data) is None
    data.state.mkdir()
    data.drop_public.write_text("no key\n")
    assert seal.public_key(data) is None
    seal.own_key(data)
    assert seal.public_key(data) == seal.own_key(data).public_key


def test_the_key_stays_and_a_public_one_that_was_changed_is_put_right(data: DataFolder) -> None:
    key = seal.own_key(data)
    data.drop_public.write_text("AAAA")
    assert seal.own_key(data) == key
    assert seal.public_key(data) == key.public_key


@pytest.mark.parametrize("broken", [None, b"", b"garbage", b"AAAA"])
def test_a_lost_key_is_made_anew_and_what_was_sealed_to_it_is_told_apart_from_damage(
    data: DataFolder, broken: bytes | None
) -> None:
    old = seal.own_key(data)
    drop_id = hand_over(data)
    data.drop_key.unlink()
    if broken is not None:
        data.drop_key.write_bytes(broken)
    assert seal.own_key(data) != old
    assert mode(data.drop_key) == 0o600
    seal.take(data)
    assert opened(data) == Unopened(drop_id, "it was sealed to a key that is no more", damaged=False)


def spoilt(content: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "garbage": b"\x00\xff garbage",
        "cut off in its head": content[:30],
        "cut off behind its head": content[: content.index(b"\n") + 1],
        "cut off": content[:-10],
        "changed": content[:-1] + bytes([content[-1] ^ 1]),
        "longer": content + b"x",
        "huge": content + bytes(3 * seal.MAX_GIVEN_BYTES),
        "of another name": content.replace(content.split()[3], b"0" * 16, 1),
    }


@pytest.mark.parametrize("how", spoilt(b"bandcampsync-drop 1 0 0\n"))
def test_what_is_damaged_is_never_opened(data: DataFolder, how: str) -> None:
    seal.own_key(data)
    hand_over(data)
    seal.sealed_path(data).write_bytes(spoilt(seal.sealed_path(data).read_bytes())[how])
    seal.take(data)
    found = opened(data)
    assert isinstance(found, Unopened) and found.damaged


def test_only_a_regular_file_is_opened(data: DataFolder) -> None:
    key = seal.own_key(data)
    (data.config / "cookies.txt").write_text("SECRET")
    seal.taken_path(data).symlink_to(data.config / "cookies.txt")
    assert isinstance(seal.open_taken(data, key), Unopened)
    seal.taken_path(data).unlink()
    os.mkfifo(seal.taken_path(data))
    assert isinstance(seal.open_taken(data, key), Unopened), "and nobody waits for a writer"
