"""Which files are spoiled together, and what is wrong afterwards."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree

from integration.conftest import Home

from garbage.home import RECORDS, ROUND, Filled
from garbage.spoiling import Spoil

#: So many files that are no records are spoiled at once: they are caches and notes, none of which hides another.
_TOGETHER = 8
#: What the command cannot do without, and can only ask for: how it ends then.
_ASKS = {"data/config/cookies.txt": 3, "music/.bandcampsync/library.json": 5}
#: A number is a fan id like another, and a person may have meant it; of that fan nothing is listed.
_MEANT = {(what, "data/config/fan_id.txt"): 4 for what in ("a number", "cut to half")}
_COOKIES = "data/config/cookies.txt"
#: Garbage that cannot be told from what a person may do to a text file, or from a file that was never written.
_SILENT = {"deleted", "emptied", "in the future", "cut to half"}


def groups(names: Sequence[str], turn: int) -> Iterator[list[str]]:
    """Records and what is asked for by itself; the others several at a time, other ones together at each `turn`."""
    alone = [name for name in names if RECORDS.fullmatch(name) or name.startswith("music/") or name in _ASKS]
    yield from ([name] for name in alone)
    others = [name for name in names if name not in alone]
    parts = max(1, -(-len(others) // _TOGETHER))
    for part in range(parts):
        yield [name for number, name in enumerate(others) if (number + turn * (number // parts)) % parts == part]


def spoiled(filled: Filled, names: Sequence[str], what: str, spoil: Spoil, room: Path) -> list[str]:
    """Spoil these files of a copy, run everything over it, and tell what is not as it must be."""
    # What comes takes most of the time, and is of interest only where records are spoiled.
    filled.hold_back(not any(RECORDS.fullmatch(name) for name in names))
    with filled.copy(room) as home:
        for name in names:
            spoil(home.root / name)
        was = {name: content_of(home.root / name) for name in names if RECORDS.fullmatch(name)}
        allowed = [_ASKS[name] for name in names if name in _ASKS]
        allowed += [_MEANT[what, name] for name in names if (what, name) in _MEANT]
        steps = filled.round(home)
        told = "".join(one["out"] for one in steps)
        wrong = filled.complaints(home, steps, allowed)
        wrong += [one for name in was if (one := lost(home, name, was[name], what, told))]
        if any(name in _ASKS for name in names):
            wrong += _mended_by_hand(filled, home)
        wrong += filled.unlike(home)
    return [f"{what} in {', '.join(names)}: {one}" for one in wrong]


def content_of(path: Path) -> bytes | None:
    """What a regular file holds; None for anything else."""
    return path.read_bytes() if path.is_file() else None


def lost(home: Home, name: str, content: bytes | None, what: str, told: str) -> str | None:
    """What became of a record that is garbage now: it lies where it lay or in quarantine, and is named in a line."""
    path = home.root / name
    if what in _SILENT:
        return None
    kept = [one for one in (path.parent / "quarantine").glob(f"{path.name}.*") if one.is_symlink() or one.exists()]
    if "link" in what or (not kept and content_of(path) == content):
        return None
    if not kept:
        return f"{name} was written over"
    return None if path.name in told else f"no line tells of {name}"


def _mended_by_hand(filled: Filled, home: Home) -> list[str]:
    """Do what the line asked for; then all must be well."""
    for name, source in ((_COOKIES, filled.home.cookies), ("music/.bandcampsync/library.json", None)):
        path = home.root / name
        if path.is_dir() and not path.is_symlink():
            rmtree(path)
        if source is not None:
            path.unlink(missing_ok=True)
            path.write_bytes(source.read_bytes())
            path.chmod(0o600)
    steps = filled.forked.run(home.environment(), [["adopt"], *ROUND])
    return filled.complaints(home, steps)
