"""Names that break things: each purchase has its own stable folder, and its tags keep the true names."""

from standin import World

from .albums import assert_whole, deliverable
from .conftest import Home, Serve


def test_every_nasty_name_has_its_own_folder_inside_the_music_folder(home: Home, serve: Serve) -> None:
    standin = serve(World.build(preset="names"))
    ran = home.run("sync", timeout=240)
    assert ran.code == 0, ran.everything[-2000:]
    assert_whole(home, standin)
    receipts = home.receipts()
    folders = {key: receipt["folder"] for key, receipt in receipts.items()}
    assert len({folder.casefold() for folder in folders.values()}) == len(folders)
    for folder in folders.values():
        assert (home.music / folder).resolve().is_relative_to(home.music.resolve())
        for part in folder.split("/"):
            assert part not in ("", ".", "..") and len(part.encode()) <= 255
            assert part == part.strip(" .") and not set(part) & set('<>:"\\|?*\n\r\t\u202e\u200f')
    assert {p.name for p in home.root.iterdir()} == {"data", "music"}, "nothing escaped"


def test_folders_stay_the_same_on_every_later_run(home: Home, serve: Serve) -> None:
    standin = serve(World.build(preset="names"))
    assert home.run("sync", timeout=240).code == 0
    before = {key: receipt["folder"] for key, receipt in home.receipts().items()}
    keys = list(deliverable(standin))[:8]
    assert home.run("retry", *keys).code == 0
    assert home.run("sync", timeout=240).code == 0
    assert {key: receipt["folder"] for key, receipt in home.receipts().items()} == before
    assert_whole(home, standin)
