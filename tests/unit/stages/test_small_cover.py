import os
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.covers import CoverFolder
from bandcamp_sync.library.tags import Tags, write_tags
from bandcamp_sync.library.thumbnail import MAX_BYTES
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.pictures import picture_size
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.small_cover import keep_small_cover
from standin.covers import cover
from unit.factories import KEY, item, job, put, receipt, sound
from unit.pictures import png

FOLDER, ART = "Los Faros/Night Ferry", 4031


class Home:
    """One delivered purchase."""

    def __init__(self, root: Path) -> None:
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        self.covers = CoverFolder(self.data.covers)

    def deliver(self, files: dict[str, bytes], **changes: Any) -> None:
        placed = put(self.music.root / FOLDER, files)
        done = job(of=item(**{"art_id": str(ART), **changes}), receipt=receipt(FOLDER, files=placed))
        self.spool.path(State.DONE, KEY).write_text(done.model_dump_json(by_alias=True))

    def keep(self) -> bool:
        return keep_small_cover(self.data, self.music, self.spool, KEY)

    def size(self) -> tuple[int, int] | None:
        found = self.covers.read(ART)
        return picture_size(found[0]) if found else None


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_cover_beside_the_music_is_made_small(home: Home) -> None:
    home.deliver({"01 Quay.wav": sound(), "cover.jpg": cover(ART, "16"), "booklet.jpg": b"x"})
    assert home.keep()
    assert home.size() == (210, 210)
    assert not home.keep(), "once is enough"


def test_a_png_is_made_a_small_jpeg(home: Home) -> None:
    home.deliver({"cover.png": png(500, 250)})
    assert home.keep()
    assert home.size() == (210, 105)


def test_without_one_the_cover_inside_the_music_is_taken(home: Home, tmp_path: Path) -> None:
    inside = tmp_path / "01 Quay.wav"
    inside.write_bytes(sound())
    write_tags(inside, Tags(), cover(ART, "2"))
    home.deliver({"01 Quay.wav": inside.read_bytes()})
    assert home.keep()
    assert home.size() == (210, 210)


def test_a_picture_that_is_there_is_kept(home: Home) -> None:
    home.covers.keep(ART, b"fetched before")
    home.deliver({"cover.jpg": cover(ART, "16")})
    assert not home.keep()
    assert home.covers.read(ART) is not None
    assert home.size() is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cover.jpg": b""},
        {"cover.jpg": b"<html>"},
        {"cover.jpg": cover(ART, "16")[:5000]},
        {"cover.jpg": cover(ART, "16") + bytes(MAX_BYTES)},
        {"01 Quay.wav": sound()},
        {"01 Quay.flac": os.urandom(1000)},
        {"01 First/cover.jpg": cover(ART, "16"), "02 Second/cover.jpg": cover(ART + 1, "16")},
    ],
)
def test_what_brings_no_cover_that_can_be_used_is_passed_over(home: Home, files: dict[str, bytes]) -> None:
    home.deliver(files)
    assert not home.keep()
    assert home.covers.listed(job().queued_at).files == 0


@pytest.mark.parametrize("art_id", [None, "../../../etc/x", "0"])
def test_a_purchase_without_a_number_has_no_picture(home: Home, art_id: str | None) -> None:
    home.deliver({"cover.jpg": cover(ART, "16")}, art_id=art_id)
    assert not home.keep()
    assert not home.covers.path.exists()


def test_nothing_that_is_in_the_way_is_raised(home: Home, tmp_path: Path) -> None:
    assert not home.keep(), "there is no such job"
    home.deliver({"cover.jpg": cover(ART, "16")})
    (home.music.root / FOLDER / "cover.jpg").unlink()
    assert not home.keep()
    (home.music.root / FOLDER / "cover.jpg").mkdir()
    assert not home.keep()
    home.deliver({"cover.png": png(300, 300)})
    home.covers.path.symlink_to("a disk that is not mounted")
    assert not home.keep()
    assert home.covers.path.is_symlink()
