from collections.abc import Mapping
from pathlib import Path

import pytest
from bandcamp_sync.alarms import raised_alarms
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import MusicFolderMissing, Stopped
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.verify import Verdict, repair, verify
from unit.factories import NOW, job, put, receipt, sound


class Library:
    """A data folder and a music folder that know each other."""

    def __init__(self, root: Path) -> None:
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        write_marker(self.data, self.music, NOW)

    def add(self, key: str, files: Mapping[str, bytes]) -> Path:
        folder = f"Los Faros/{key}"
        listed = put(self.music.root / folder, files)
        done = job(key, receipt=receipt(folder, files=listed))
        self.spool.path(State.DONE, key).write_text(done.model_dump_json(by_alias=True))
        return self.music.root / folder

    def verify(self) -> dict[str, Verdict]:
        return {one.job.key: one for one in verify(self.data, self.music, Clock())}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_an_album_that_is_as_its_receipt_says_is_good(library: Library) -> None:
    library.add("p1", {"01 Quay.wav": sound(), "cover.jpg": b"\xff\xd8"})
    assert library.verify()["p1"].good


def test_each_kind_of_damage_is_named_with_its_file(library: Library) -> None:
    folder = library.add("p1", {"01.wav": sound(), "02.wav": sound(), "03.jpg": b"abc", "04.jpg": b"abc"})
    library.add("p2", {"cover.jpg": b"abc"})
    (folder / "02.wav").write_bytes(sound()[:-9])
    (folder / "03.jpg").write_bytes(b"abd")
    (folder / "04.jpg").unlink()
    found = library.verify()
    assert dict(found["p1"].problems) == {
        "02.wav": f"has {len(sound()) - 9} bytes, the receipt says {len(sound())}",
        "03.jpg": "its content has changed",
        "04.jpg": "is missing",
    }
    assert not found["p1"].good and found["p2"].good


def test_audio_that_was_never_whole_is_found_though_it_is_what_the_receipt_says(library: Library) -> None:
    library.add("p1", {"01.wav": b"RIFF" + bytes(500)})
    [(file, problem)] = library.verify()["p1"].problems
    assert file == "01.wav" and problem.startswith("does not decode")


def test_an_album_whose_folder_is_gone_is_gone(library: Library) -> None:
    folder = library.add("p1", {"cover.jpg": b"abc"})
    (folder / "cover.jpg").unlink()
    folder.rmdir()
    assert library.verify()["p1"].gone and not library.verify()["p1"].good


def test_exactly_the_broken_and_the_missing_are_queued_again_and_keep_their_receipts(library: Library) -> None:
    for key in ("p1", "p2", "p3"):
        library.add(key, {"cover.jpg": b"abc"})
    (library.music.root / "Los Faros/p1/cover.jpg").write_bytes(b"abd")
    (library.music.root / "Los Faros/p3/cover.jpg").unlink()
    verdicts = list(library.verify().values())
    assert sorted(one.key for one in repair(library.data, verdicts, Clock())) == ["p1", "p3"]
    assert repair(library.data, verdicts, Clock()) == []
    assert library.spool.keys(State.DONE) == ["p2"]
    waiting = library.spool.read(State.PENDING, "p1")
    assert waiting is not None and waiting.receipt is not None


def test_a_folder_that_is_not_mounted_is_one_alarm_and_not_a_missing_library(library: Library) -> None:
    library.add("p1", {"cover.jpg": b"abc"})
    library.music.marker.unlink()
    with pytest.raises(MusicFolderMissing):
        library.verify()
    assert [alarm["name"] for alarm in raised_alarms(library.data)] == ["music-folder"]


def test_who_asks_it_to_end_is_heard_between_albums(library: Library) -> None:
    for key in ("p1", "p2"):
        library.add(key, {"cover.jpg": b"abc"})
    clock, seen = Clock(), []

    def notice(verdict: Verdict) -> None:
        seen.append(verdict)
        clock.stop()

    with pytest.raises(Stopped):
        verify(library.data, library.music, clock, notice)
    assert len(seen) == 1
