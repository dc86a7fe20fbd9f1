"""The look at a music folder sees what must not be: a half album, a file that is another, one without a book."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from bandcamp_sync.paths import DataFolder, MusicFolder
from soak.library import LibraryWatch
from standin.tones import tone

TRACKS = {f"{number:02d} Song.flac": tone(number, 1.0, "flac") for number in (1, 2)}
FILES = {**TRACKS, "cover.jpg": b"a picture"}
ALBUM = "Los Faros/Night Ferry"


class Shelf:
    """An album in its place, with its receipt."""

    def __init__(self, root: Path) -> None:
        self.data, self.music = DataFolder(root / "data"), MusicFolder(root / "music")
        self.album = self.music.root / ALBUM
        self.album.mkdir(parents=True)
        for name, content in FILES.items():
            (self.album / name).write_bytes(content)
        self.receipt("done")
        self.violations: list[str] = []
        self.watch = LibraryWatch(self.data, self.music, lambda: {"p1": 2}, self.violations.append)

    def receipt(self, state: str) -> None:
        files = [{"path": n, "size": len(c), "sha256": sha256(c).hexdigest()} for n, c in FILES.items()]
        path = self.data.inbox / state / "p1.job"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"key": "p1", "receipt": {"folder": ALBUM, "files": files}}))

    def looked(self) -> list[str]:
        self.watch.look()
        return self.violations


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_is_whole_is_fine(shelf: Shelf) -> None:
    assert shelf.looked() == []


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


SPOILED: list[tuple[Callable[[Shelf], object], str]] = [
    (lambda s: (s.album / "02 Song.flac").unlink(), "a half album"),
    (lambda s: (s.album / "more.txt").write_text("x"), "a half album"),
    (lambda s: (s.album / "02 Song.flac").write_bytes(b"x"), "a half album"),
    (lambda s: _flip(s.album / "01 Song.flac"), "is not what its receipt says"),
    (lambda s: s.album.rename(s.music.root / "Los Faros" / "Elsewhere"), "in no book"),
    (lambda s: s.album.rename(s.music.root / "Los Faros" / "Elsewhere"), "is not true"),
    (lambda s: setattr(s.watch, "truth", lambda: {"p1": 3}), "2 of 3 tracks"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILED, ids=[f"{n} {said}" for n, (_, said) in enumerate(SPOILED)])
def test_what_must_not_be_is_seen(shelf: Shelf, spoil: Callable[[Shelf], object], said: str) -> None:
    spoil(shelf)
    assert [one for one in shelf.looked() if said in one]


def test_what_is_damaged_on_purpose_is_not_told_of(shelf: Shelf) -> None:
    shelf.watch.damaged.add("p1")
    (shelf.album / "02 Song.flac").unlink()
    assert shelf.looked() == []


def test_a_job_that_stays_in_two_places_is_seen(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.receipt("pending")
    assert shelf.looked() == [], "a rename may be under way"
    monkeypatch.setattr("soak.library._TWO_PLACES_S", 0.0)
    assert "at once" in shelf.looked()[0]
