from collections.abc import Iterator
from pathlib import Path

import pytest
from bandcamp_sync import errors
from bandcamp_sync.errors import (
    AskUser,
    BandcampSyncError,
    BandcampTrouble,
    ItemTrouble,
    LocalTrouble,
    Reason,
)
from unit.factories import NOW

PLACE = Path("/srv/bandcamp/config/cookies.txt")
EXAMPLES: list[BandcampSyncError] = [
    errors.SettingInvalid("WORKERS", "0\n", "a number from 1 to 16"),
    errors.UnknownKey("p1\n"),
    errors.CookiesMissing(PLACE),
    errors.CookiesInvalid(PLACE, "the identity is cut off", 7),
    errors.CookiesInvalid(PLACE, "the identity is cut off"),
    errors.CookiesExpired(PLACE, NOW),
    errors.LoggedOut("home page shows no identity"),
    errors.HandedRefused("there is no identity cookie in it: log in, and export after that"),
    errors.Unreachable("collection_summary", "time-out"),
    errors.RateLimited(NOW),
    errors.Challenged("file", "a page for browsers came instead of the file"),
    errors.Refused("https://bandcamp.com/"),
    errors.ShapeChanged("download page", "digital_items"),
    errors.ListingShort(3, 5),
    errors.SuddenlyShrunk(300, 2),
    errors.RedirectRefused("https://evil.example"),
    errors.DiskFull(PLACE, 10**9, 3 * 10**9),
    errors.FolderTrouble(PLACE, "Permission denied"),
    errors.MusicFolderMissing(PLACE),
    errors.Paused(),
    errors.NotABackup("it is damaged, cut off, or no tar.gz at all"),
    errors.LeaseLost("p1"),
    errors.ItemTrouble(Reason.GONE, "its download page is gone"),
    errors.TransferBroken("the connection broke"),
    errors.LinkStale("the file's link answered 404"),
    errors.ArchiveBroken("the archive is damaged"),
    errors.BadAudio("01 Quay.flac", "its last frame is missing"),
]
FAMILIES = (AskUser, BandcampTrouble, LocalTrouble, ItemTrouble)


def below(kind: type[BandcampSyncError]) -> Iterator[type[BandcampSyncError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from below(child)


def test_every_error_has_an_example_here() -> None:
    # `Stopped` is no trouble and is never told; the families are not raised themselves.
    untold = {AskUser, BandcampTrouble, LocalTrouble, errors.Stopped}
    assert {type(example) for example in EXAMPLES} == set(below(BandcampSyncError)) - untold


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_clear_line(error: BandcampSyncError) -> None:
    text = str(error)
    assert len(text) > 10 and text.isprintable()
    assert text == text.strip() and "None" not in text and "<" not in text


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_belongs_to_one_family_at_most(error: BandcampSyncError) -> None:
    assert sum(isinstance(error, family) for family in FAMILIES) <= 1


@pytest.mark.parametrize("error", [e for e in EXAMPLES if isinstance(e, AskUser)], ids=lambda e: type(e).__name__)
def test_what_only_a_person_can_mend_says_what_to_do(error: AskUser) -> None:
    assert "export" in str(error)


def test_the_fields_are_in_the_message() -> None:
    assert "cookies.txt, line 7:" in str(errors.CookiesInvalid(PLACE, "cut off", 7))
    assert "1.0 GB free, 3.0 GB wanted" in str(errors.DiskFull(PLACE, 10**9, 3 * 10**9))
    assert "3 of 5" in str(errors.ListingShort(3, 5))
    assert "2026-11-23 12:00:00 UTC" in str(errors.RateLimited(NOW))
    assert "--accept-shrink" in str(errors.SuddenlyShrunk(300, 2))
    assert "'digital_items'" in str(errors.ShapeChanged("download page", "digital_items"))


def test_a_trouble_of_an_item_carries_its_reason() -> None:
    assert errors.TransferBroken("x").reason is Reason.TRANSFER
    assert errors.LinkStale("x").reason is Reason.LINK
    assert errors.ArchiveBroken("x").reason is Reason.ARCHIVE
    assert errors.BadAudio("a.flac", "x").reason is Reason.AUDIO
    assert ItemTrouble(Reason.REAUTH, "x", "https://bandcamp.com/settings").link == "https://bandcamp.com/settings"


def test_a_path_inside_a_container_is_told_as_its_owner_knows_it() -> None:
    assert "(a container's /data is your ./volumes, or DATA_DIR)" in str(
        errors.CookiesMissing(Path("/data/config/cookies.txt"))
    )
    assert "container" not in str(errors.CookiesMissing(Path("/srv/music/config/cookies.txt")))
