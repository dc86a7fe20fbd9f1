"""Every folder of a full home: a file in its place, deleted, a link to itself, a FIFO."""

from pathlib import Path

import pytest

from garbage.cases import content_of
from garbage.home import Filled
from garbage.spoiling import FOLDERS

#: Its marker is in it, or it is the way to it: nothing is done before a person says that this is the right disk.
_ASKS = {"music/.bandcampsync"}
#: With it went the cookies, and they come back when they are handed over.
_LOGIN = {"data/config"}


@pytest.mark.parametrize("what", FOLDERS)
def test_any_folder_may_be(what: str, filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    names, wrong = filled.kinds(folders=True), []
    for name in names:
        with filled.copy(room) as home:
            FOLDERS[what](home.root / name)
            steps = filled.round(home)
            allowed = [5] if name in _ASKS else [3, 4] if name in _LOGIN else []
            one = filled.complaints(home, steps, allowed)
            if name in _LOGIN:
                home.cookies.parent.mkdir(exist_ok=True)
                home.cookies.write_bytes(content_of(filled.home.cookies) or b"")
            if name in _ASKS:
                one += filled.complaints(home, filled.forked.run(home.environment(), [["adopt"]]))
            again = filled.forked.run(home.environment(), [["scrape"], ["reconcile"], ["work"], ["pages"]])
            one += filled.complaints(home, again)
            one += filled.unlike(home)
            wrong += [f"{what} in place of {name}: {complaint}" for complaint in one]
    print(f"{len(names)} folders: {what}")
    assert not wrong, "\n".join(wrong)
