"""Files and folders that belong to somebody else and may not be read: what only `chown` mends ends with such a line.

The commands run without root's power over permissions, so a file of mode 000 is as closed to them as to anybody.
"""

import os
from pathlib import Path

import pytest
from integration.conftest import Home

from garbage.home import RECORDS, ROUND, Filled

_SOMEBODY = 12345


def close(path: Path) -> None:
    """Nobody may read it; where this is root, it is also somebody else's."""
    path.chmod(0)
    if os.getuid() == 0:
        os.chown(path, _SOMEBODY, _SOMEBODY)


def _named(path: Path, told: str) -> bool:
    # `chown -R` on the folder around it mends it, too.
    return path.name in told or f"{path.parent}\n" in told or f" {path.parent.parent}\n" in told


def complaints(filled: Filled, home: Home, name: str) -> list[str]:
    """Rounds before and after it was given back, and what is wrong with either."""
    path = home.root / name
    was = path.lstat().st_ino
    steps = filled.round(home, bound=True)
    wrong = filled.complaints(home, steps, allowed=[5, 3])
    refused = [one for one in steps if one["code"] == 5]
    wrong += [f"{one['step']}: no line mends it: {one['out'][-300:]}" for one in refused if "chown" not in one["out"]]
    wrong += [
        f"{one['step']}: no line names it: {one['out'][-300:]}" for one in refused if not _named(path, one["out"])
    ]
    if RECORDS.fullmatch(name) and (not path.exists() or path.lstat().st_ino != was):
        wrong.append("it was taken away")
    if path.exists() and path.lstat().st_ino == was:
        os.chown(path, os.getuid(), os.getgid())
        path.chmod(0o700 if path.is_dir() else 0o600)
    wrong += filled.complaints(home, filled.forked.run(home.environment(), ROUND, bound=True))
    return wrong + filled.unlike(home)


@pytest.mark.parametrize("folders", [False, True], ids=["file", "folder"])
def test_any_may_be_closed_to_us(folders: bool, filled: Filled, room: Path) -> None:
    filled.hold_back(True)
    names, wrong = filled.kinds(folders=folders), []
    for name in names:
        with filled.copy(room) as home:
            close(home.root / name)
            wrong += [f"{name} is closed: {one}" for one in complaints(filled, home, name)]
            for path in home.root.rglob("*"):
                if not path.is_symlink():
                    path.chmod(0o700 if path.is_dir() else 0o600)
    print(f"{len(names)} {'folders' if folders else 'files'} that are closed")
    assert not wrong, "\n".join(wrong)
