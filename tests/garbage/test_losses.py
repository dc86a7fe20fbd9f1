"""Whole parts of a home are lost, or come back from a backup: nothing that is in the music is downloaded again."""

import shutil
from pathlib import Path

import pytest
from integration.conftest import Home

from garbage.home import Filled
from garbage.spoiling import away

INBOX, RECEIPTS = "data/inbox", "music/.bandcampsync/receipts"
BOOKS = ("data/collection.json", INBOX, "data/state")
ALL_BUT_CONFIG = (*BOOKS, "data/control", "data/health", "data/logs", "data/covers", "data/debug", "data/drop")


def healed(filled: Filled, home: Home) -> list[str]:
    """What is wrong after a scrape, a reconcile and the work that these leave."""
    steps = filled.round(home, steps=[["scrape"], ["reconcile"], ["work", "--drain"], ["status"]])
    return filled.complaints(home, steps) + filled.unlike(home)


@pytest.mark.parametrize(
    "lost",
    [(INBOX,), (INBOX, RECEIPTS), BOOKS, ALL_BUT_CONFIG, (*ALL_BUT_CONFIG, RECEIPTS)],
    ids=["inbox", "inbox and receipts", "books", "all but config", "all but config, and receipts"],
)
def test_what_is_lost_is_found_in_the_music_folder(lost: tuple[str, ...], filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    with filled.copy(room) as home:
        for name in lost:
            away(home.root / name)
        assert healed(filled, home) == []


def test_an_old_backup_of_the_inbox_has_jobs_that_are_done(filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    with filled.copy(room) as home:
        for state in ("pending", "in_progress", "failed"):
            away(home.data / "inbox" / state)
        (home.data / "inbox" / "done").rename(home.data / "inbox" / "pending")
        for path in (home.data / "inbox" / "pending").glob("*.job"):
            text = path.read_text()
            path.write_text(text[: text.index(' "receipt"')] + ' "attempt": 0\n}\n')
        assert healed(filled, home) == []


def test_an_album_that_was_deleted_on_purpose_stays_deleted_whatever_is_lost(filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    receipts = filled.home.receipts()
    key = min(receipts)
    for lost in ((), (INBOX,), BOOKS, ALL_BUT_CONFIG):
        with filled.copy(room) as home:
            shutil.rmtree(home.music / receipts[key]["folder"])
            for name in lost:
                away(home.root / name)
            rounds = [["scrape", "--full"], ["reconcile"], ["work", "--drain"], ["loops"], ["sync"]]
            steps = filled.round(home, steps=rounds)
            assert [one for one in steps if one["code"] not in (0, 1)] == []
            assert not filled.standin.log.entries(kind="file"), lost
            assert not (home.music / receipts[key]["folder"]).exists()
            assert key in home.receipts()
