"""What the stages add to a purchase's history."""

from pathlib import Path

import pytest
from bandcamp_sync.clock import Clock
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Job, State, What
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.adopt import Adoption, adopt
from bandcamp_sync.stages.retry import retry_jobs
from bandcamp_sync.stages.verify import repair, verify
from unit.factories import NOW, failure, item, job, put, receipt, sound


class Library:
    """A data folder and a music folder that know each other."""

    def __init__(self, root: Path) -> None:
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        write_marker(self.data, self.music, NOW)

    def lay(self, state: State, one: Job) -> None:
        self.spool.path(state, one.key).write_text(one.model_dump_json(by_alias=True))

    def told(self, state: State, key: str = "p1") -> list[tuple[str, str | None]]:
        found = self.spool.read(state, key)
        assert found is not None
        return [(event.what.value, event.sentence) for event in found.history]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_a_repair_says_what_was_broken(library: Library) -> None:
    files = put(library.music.root / "A/B", {"01.wav": sound(), "02.jpg": b"abc", "03.jpg": b"abc"})
    library.lay(State.DONE, job("p1", receipt=receipt("A/B", files=files)))
    library.lay(State.DONE, job("p2", receipt=receipt("A/C", files=files)))
    (library.music.root / "A/B/02.jpg").unlink()
    (library.music.root / "A/B/03.jpg").write_bytes(b"abcd")
    repair(library.data, verify(library.data, library.music, Clock()), Clock())
    assert library.told(State.PENDING) == [("repair", "02.jpg is missing, and 1 more")]
    assert library.told(State.PENDING, "p2") == [("repair", "its folder is gone")]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [(State.FAILED, "failed, and asked for by hand"), (State.DONE, "delivered, and asked for again")],
)
def test_a_retry_by_hand_is_remembered(library: Library, state: State, sentence: str) -> None:
    one = job("p1", failure=failure(), receipt=receipt() if state is State.DONE else None)
    library.lay(state, one.after(What.QUEUED, NOW, "new"))
    assert retry_jobs(Settings.from_environment({}), library.data, ["p1"], Clock()) == ["p1"]
    assert library.told(State.PENDING) == [("queued", "new"), ("retried", sentence)]


def test_what_is_adopted_keeps_what_it_went_through_before(library: Library) -> None:
    put(library.music.root / "A/B", {"01.wav": sound()})
    library.lay(State.FAILED, job("p1", failure=failure()).after(What.FAILED, NOW, "the connection broke"))
    adopt(library.data, library.music, Clock(), Adoption(((item("p1"), "A/B"),), (), ()))
    former, adopted = library.told(State.DONE)
    assert former == ("failed", "the connection broke")
    assert adopted[0] == "adopted" and str(adopted[1]).endswith(", A/B")
    assert library.spool.keys(State.FAILED) == []
