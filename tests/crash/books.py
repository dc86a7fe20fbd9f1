"""What the folders hold at a moment, as values to compare: purchases, albums by content, what is left over."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bandcamp_sync.fetch.journal import NAME
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.spool.job import Job, State

#: What lies in an album's folder: name to (size, SHA-256).
Album = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Books:
    """`states`: the folders of the spool that hold a job, by purchase. `receipts`: (album's folder, its files) as the
    receipt says, by purchase. `listed`: the purchases in `collection.json`. `albums`: what is visible, by folder.
    `cookies`: the hash of those in use. `handed`: what lies in the drop place.
    """

    states: dict[str, tuple[str, ...]]
    receipts: dict[str, tuple[str, Album]]
    listed: frozenset[str]
    ignored: frozenset[str]
    albums: dict[str, Album]
    cookies: str
    handed: frozenset[str]


def read_books(data: DataFolder, music: MusicFolder) -> Books:
    """The books as they are; a job or a collection that cannot be read is left out."""
    states: dict[str, tuple[str, ...]] = {}
    receipts: dict[str, tuple[str, Album]] = {}
    for state in State:
        for path in sorted((data.inbox / state).glob("p*.job")):
            job = _job_in(path)
            if job is not None:
                states[job.key] = (*states.get(job.key, ()), str(state))
                if job.receipt is not None and state is State.DONE:
                    files = {file.path: (file.size, file.sha256) for file in job.receipt.files}
                    receipts[job.key] = (job.receipt.folder, files)
    items = (_json(data.collection) or {}).get("items", [])
    ignored = data.ignore.read_text().split() if data.ignore.exists() else []
    return Books(
        states,
        receipts,
        frozenset(item["key"] for item in items),
        frozenset(word for word in ignored if word.startswith("p") and word[1:].isdigit()),
        albums(music),
        _content(data.config / "cookies.txt")[1],
        frozenset(path.name for path in data.drop.glob("*")),
    )


def albums(music: MusicFolder) -> dict[str, Album]:
    """Every folder with files that a player would see."""
    found: dict[str, Album] = {}
    for root, folders, names in os.walk(music.root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if names:
            here = Path(root)
            found[here.relative_to(music.root).as_posix()] = {name: _content(here / name) for name in names}
    return found


def unreadable(data: DataFolder, music: MusicFolder) -> dict[str, str]:
    """Files that should be JSON and are not, with the hash of what they are; not those put aside or in the making."""
    found = {}
    for path in (*_files(data), *_own_files(music)):
        hidden = path.name.startswith(".") or "quarantine" in path.parts
        if path.suffix in (".json", ".job", ".request") and not hidden and _json(path) is None:
            found[path.name] = _content(path)[1]
    return found


def leftovers(data: DataFolder, music: MusicFolder) -> list[str]:
    """What may not be there when a reconcile has run and nobody else does."""
    left = [path for path in (*_files(data), *_own_files(music)) if path.name.endswith((".tmp", ".taken"))]
    left += [path for path in data.progress.glob("*") if not _job(data, path.stem, State.IN_PROGRESS)]
    for folder in music.staging.glob("*"):
        going_on = (State.PENDING, State.IN_PROGRESS, State.FAILED)
        if not any(_job(data, folder.name, state) for state in going_on) or _job(data, folder.name, State.DONE):
            left.append(folder)
    return [str(path.relative_to(data.root.parent)) for path in left]


def unclaimed(data: DataFolder) -> list[Path]:
    """Jobs that somebody was about to claim or to hand on: nobody can know whose they are, so their lease decides."""
    return [p for p in (data.inbox / State.IN_PROGRESS).glob("*.job") if (_json(p) or {}).get("claim") is None]


def durable_bytes(music: MusicFolder) -> Counter[str]:
    """How much of each purchase was fetched and is noted as such, in bytes."""
    had: Counter[str] = Counter()
    for folder in music.staging.glob("*/r*"):
        members = (_json(folder / NAME) or {}).get("members", [])
        had[folder.parent.name] += sum(m["size"] for m in members if _size(folder / m["file"]) == m["size"])
        had[folder.parent.name] += _size(folder / "file.part")
    return had


def _files(data: DataFolder) -> list[Path]:
    return [path for path in data.root.rglob("*") if path.is_file() and data.logs not in path.parents]


def _own_files(music: MusicFolder) -> list[Path]:
    return [path for path in music.own.rglob("*") if path.is_file()]


def _job(data: DataFolder, key: str, state: State) -> bool:
    return (data.inbox / state / f"{key}.job").exists()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _job_in(path: Path) -> Job | None:
    try:
        return Job.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _content(path: Path) -> tuple[int, str]:
    content = path.read_bytes()
    return len(content), sha256(content).hexdigest()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
