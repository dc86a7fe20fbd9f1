"""Whose trouble it is; and a worker whose run ends amid a purchase lets go of it, always, at no attempt's cost."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.downloads import DownloadPage
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import (
    BandcampSyncError,
    LocalTrouble,
    LoggedOut,
    Refused,
    ShapeChanged,
    Stopped,
    TransferBroken,
    Unreachable,
    exit_code,
)
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.stages.work import Strikes, Worker
from unit.factories import KEY, job

LOGIN_PAGE = LoggedOut("sent to the login page")
SILENCE = Unreachable("/download", "timed out")
REFUSAL = Refused("/download")
REDESIGN = ShapeChanged("download page", "data-blob")


class Scripted(Bandcamp):
    """A Bandcamp whose pages and whose session do what a test says."""

    def __init__(self, page: Exception, session: Exception | None = None) -> None:
        self.last_answer = "<html></html>"
        self._page, self._session = page, session

    def close(self) -> None:
        return

    def download_page(self, redownload_url: str) -> DownloadPage:
        raise self._page

    def summary(self) -> Fan:
        if self._session is not None:
            raise self._session
        return Fan(7654321, "a_listener")

    def fan_of_page(self, username: str | None = None) -> Fan:
        return Scripted.summary(self)


class Home:
    """A data folder in which one purchase waits, and a music folder."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment({"DATA_DIR": str(root), "MIN_FREE_SPACE": "1M"})
        self.data, self.music = data_folder(self.settings), music_folder(self.settings)
        self.worker = self.at(Scripted(SILENCE))
        self.spool = self.worker.spool
        self.spool.make_folders()
        self.spool.add(job())

    def at(self, bandcamp: Bandcamp, strikes: int = 0) -> Worker:
        before = Strikes()
        before.count = strikes
        self.worker = Worker(self.settings, self.data, self.music, Clock(), lambda: bandcamp, None, before)
        return self.worker

    def only(self, state: State) -> Job:
        assert [key for one in State for key in self.spool.keys(one)] == [KEY]
        found = self.spool.read(state, KEY)
        assert found is not None
        return found

    def waits_unharmed(self) -> bool:
        one = self.only(State.PENDING)
        return (one.attempt, one.failure) == (0, None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """After a call of it, this many writes more fit into the folder of claimed jobs."""

    def full_after(writes: int) -> None:
        left, write = [writes], atomic.write_bytes

        def once(path: Path, *given: Any, **more: Any) -> None:
            if path.parent.name == State.IN_PROGRESS.value:
                if left[0] == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
                left[0] -= 1
            write(path, *given, **more)

        monkeypatch.setattr(atomic, "write_bytes", once)

    return full_after


@pytest.mark.parametrize("page", [LOGIN_PAGE, SILENCE, REFUSAL], ids=lambda error: type(error).__name__)
def test_told_to_end_while_it_asks_whether_the_session_works_it_hands_the_purchase_back(
    page: Exception, home: Home
) -> None:
    with pytest.raises(Stopped):
        home.at(Scripted(page, session=Stopped())).work_one()
    assert home.waits_unharmed()


@pytest.mark.parametrize("trouble", [SILENCE, REFUSAL], ids=lambda error: type(error).__name__)
def test_what_befalls_every_page_is_bandcamps_and_counts_no_attempt(trouble: Exception, home: Home) -> None:
    with pytest.raises(type(trouble)) as ended:
        home.at(Scripted(trouble, session=trouble)).drain()
    assert home.waits_unharmed()
    assert isinstance(ended.value, BandcampSyncError) and exit_code(ended.value) == 4


def test_an_api_that_answers_makes_the_refusal_of_every_page_no_purchases_fault(home: Home) -> None:
    class WithApi(Scripted):
        def summary(self) -> Fan:
            return Fan(7654321)

    with pytest.raises(Refused):
        home.at(WithApi(REFUSAL, session=REFUSAL)).drain()
    assert home.waits_unharmed()


@pytest.mark.parametrize("trouble", [SILENCE, REFUSAL], ids=lambda error: type(error).__name__)
def test_what_befalls_one_page_while_the_session_works_fails_alone(trouble: Exception, home: Home) -> None:
    assert home.at(Scripted(trouble)).drain().failed == [(job().label, str(trouble))]
    assert home.only(State.FAILED).attempt == 1


@pytest.mark.parametrize("end", [Stopped(), LOGIN_PAGE, OSError(errno.EIO, "Input/output error")], ids=repr)
def test_where_the_disk_has_no_room_for_the_note_a_purchase_is_handed_back_by_a_rename_alone(
    end: Exception, home: Home, disk: Callable[[int], None]
) -> None:
    disk(1)  # the claim's own
    with pytest.raises((Stopped, LoggedOut, LocalTrouble)):
        home.at(Scripted(end, session=LOGIN_PAGE)).work_one()
    assert home.waits_unharmed()


def test_a_failure_that_the_disk_takes_no_note_of_counts_no_attempt(home: Home, disk: Callable[[int], None]) -> None:
    disk(1)
    with pytest.raises(LocalTrouble, match="no room"):
        home.at(Scripted(TransferBroken("the connection broke"))).work_one()
    assert home.waits_unharmed()


def test_what_was_handed_back_once_is_not_handed_back_again(home: Home, disk: Callable[[int], None]) -> None:
    disk(1)
    worker = home.at(Scripted(LOGIN_PAGE, session=LOGIN_PAGE))
    with pytest.raises(LoggedOut):
        worker.work_one()
    # Another one's claim, in the moment in which it still says the name that the last holder could not take out.
    home.spool.path(State.PENDING, KEY).rename(home.spool.path(State.IN_PROGRESS, KEY))
    worker.close()
    home.only(State.IN_PROGRESS)


def test_a_page_that_cannot_be_kept_for_a_report_costs_nothing(home: Home) -> None:
    home.data.debug.symlink_to("a disk that is not mounted")
    with pytest.raises(ShapeChanged):
        home.at(Scripted(REDESIGN), strikes=2).work_one()
    assert home.waits_unharmed()


def test_a_command_that_ends_lets_go_of_what_it_could_not_hand_back_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = home.at(Scripted(LOGIN_PAGE, session=LOGIN_PAGE))
    move = atomic.move

    def claims_alone(source: Path, target: Path, replace: bool = True) -> None:
        if source.parent.name == State.IN_PROGRESS.value:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(source))
        move(source, target, replace)

    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "move", claims_alone)
        with pytest.raises(LoggedOut):
            worker.work_one()
    home.only(State.IN_PROGRESS)
    worker.close()
    assert home.waits_unharmed()
