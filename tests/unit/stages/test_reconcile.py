"""What a reconcile makes of a library that changes while it looks."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.paths import DataFolder, MusicFolder, data_folder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool, new_holder
from bandcamp_sync.stages.reconcile import plan_reconcile
from unit.factories import KEY, NOW, capture, item, job


class Home:
    """A data folder with one purchase, and its music folder."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment({"DATA_DIR": str(root), "LEASE": "2m"})
        self.data: DataFolder = data_folder(self.settings)
        self.music: MusicFolder = music_folder(self.settings)
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        write_capture(self.data.collection, capture(item()))
        write_marker(self.data, self.music, NOW)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


class SlowDisk(Clock):
    """A clock by which reading the books took three leases: its first answer lies so far back."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._before = [3 * home.settings.lease]

    def now(self) -> datetime:
        return super().now() - (self._before.pop() if self._before else timedelta(0))


def test_a_worker_that_gave_a_sign_of_life_while_the_books_were_read_is_not_taken_for_dead(home: Home) -> None:
    home.spool.add(job())
    assert home.spool.claim(KEY, new_holder(), Clock().now()) is not None
    assert plan_reconcile(home.settings, home.data, home.music, SlowDisk(home)).intents == ()
    assert home.spool.keys(State.IN_PROGRESS) == [KEY]
