"""What a whole library is, checked against the truth of the stand-in's world."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.audio_kind import is_audio
from bandcamp_sync.library.tags import read_tags
from standin import World
from standin.archive import ZipStyle
from standin.shelf import Shelf

_OURS = ".bandcampsync"


def deliverable(world: World) -> dict[str, dict[str, Any]]:
    """What a complete sync must bring, by key."""
    return {
        purchase["key"]: purchase
        for purchase in world.truth()["purchases"]
        if purchase["downloadable"] and not purchase["preorder"] and "flac" in purchase["formats"]
    }


def needed_bytes(world: World, shelf: Shelf, keys: set[str]) -> int:
    """The size of the files that Bandcamp has for these purchases."""
    found = (world.by_key(key) for key in keys)
    releases = [purchase.release for purchase in found if purchase is not None and purchase.release is not None]
    return sum(len(shelf.download(release, "flac", ZipStyle()).data) for release in releases)


def receipts(data: Path) -> dict[str, dict[str, Any]]:
    """The receipts, by key."""
    jobs = (json.loads(path.read_text()) for path in (data / "inbox" / "done").glob("*.job"))
    return {job["key"]: job["receipt"] for job in jobs}


def faults_of_library(data: Path, music: Path, world: World) -> tuple[set[str], list[str]]:
    """The purchases that are whole, and everything that is wrong with the music folder and the receipts."""
    wanted, had = deliverable(world), receipts(data)
    whole, problems = set(), [f"{key}: a receipt for what was not bought" for key in had.keys() - wanted.keys()]
    for key in wanted.keys() & had.keys():
        wrong = _faults_of_album(music, had[key], wanted[key])
        problems += [f"{key}: {problem}" for problem in wrong]
        if not wrong:
            whole.add(key)
    placed = {f"{receipt['folder']}/{file['path']}" for receipt in had.values() for file in receipt["files"]}
    paths = (path.relative_to(music) for path in music.rglob("*") if path.is_file())
    strangers = {path.as_posix() for path in paths if path.parts[0] != _OURS} - placed
    problems += [f"{path} belongs to no receipt" for path in sorted(strangers)]
    staging = music / _OURS / "staging"
    problems += [f"left in staging: {path.relative_to(staging)}" for path in staging.rglob("*")]
    return whole, problems


def _faults_of_album(music: Path, receipt: dict[str, Any], purchase: dict[str, Any]) -> list[str]:
    problems, titles = [], []
    for file in receipt["files"]:
        path = music / receipt["folder"] / file["path"]
        try:
            content = path.read_bytes()
            if (len(content), hashlib.sha256(content).hexdigest()) != (file["size"], file["sha256"]):
                problems.append(f"{file['path']} is not what its receipt says")
            elif is_audio(file["path"]):
                decode(path)
                titles.append(str(read_tags(path).title))
        except (OSError, BadAudio) as error:
            problems.append(f"{file['path']}: {error}")
    expected = sorted(track["title"] for track in purchase["tracks"])
    if sorted(titles) != expected:
        problems.append(f"its tracks are {sorted(titles)}, bought were {expected}")
    return problems
