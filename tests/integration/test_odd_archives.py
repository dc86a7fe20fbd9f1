"""Archives that are odd and whole: every file is placed under a name that is safe, inside its album's folder."""

import stat

from hostile.cases import CASES
from hostile.run import MOST_MEMORY, everything_under, served, watched

from .conftest import Home, Serve

PLACED = {name: case for name, case in CASES.items() if case.fails is None}


def test_everything_of_them_is_placed_inside_the_album_and_does_nothing_there(home: Home, serve: Serve) -> None:
    standin, named = served(serve, PLACED)
    ran, memory = watched(home, "sync", WORKERS="4", FORMAT="wav")
    assert ran.code == 0, ran.everything[-3000:]
    assert memory < MOST_MEMORY, memory
    receipts = home.receipts()
    for key, name in named.items():
        found = {file["path"] for file in receipts[key]["files"]} - {"cover.jpg"}
        assert found == PLACED[name].places, name
    for path in everything_under(home.music):
        mode = path.lstat().st_mode
        assert stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not mode & 0o111), path
    placed = {home.music / r["folder"] / f["path"] for r in receipts.values() for f in r["files"]}
    loose = {p for p in everything_under(home.music) if p.is_file()} - placed
    assert all(".bandcampsync" in path.parts for path in loose), loose
    assert not list((home.music / ".bandcampsync" / "staging").glob("*"))
    assert {path.name for path in home.root.iterdir()} == {"data", "music", "out.txt", "err.txt"}
    assert home.run("verify").code == 0
    assert standin.world.purchases
