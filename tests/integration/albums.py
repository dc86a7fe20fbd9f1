"""What a whole library is, checked against the truth of the stand-in's world."""

import re
from typing import Any

from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.audio_kind import is_audio
from bandcamp_sync.library.tags import read_tags
from standin import StandIn

from .conftest import Home


def truth(standin: StandIn) -> dict[str, dict[str, Any]]:
    """The world's purchases by key."""
    return {purchase["key"]: purchase for purchase in standin.world.truth()["purchases"]}


def deliverable(standin: StandIn, audio_format: str = "flac") -> dict[str, dict[str, Any]]:
    """What a complete sync must bring: purchases with a download in this format that are released."""
    return {
        key: purchase
        for key, purchase in truth(standin).items()
        if purchase["downloadable"] and not purchase["preorder"] and audio_format in purchase["formats"]
    }


def assert_whole(home: Home, standin: StandIn, audio_format: str = "flac") -> None:
    """Every deliverable purchase is on disk: complete, decodable, truly tagged, cleanly named, and nothing else is."""
    wanted, receipts = deliverable(standin, audio_format), home.receipts()
    assert sorted(receipts) == sorted(wanted)
    albums = home.albums()
    for key, purchase in wanted.items():
        receipt = receipts[key]
        files = [file["path"] for file in receipt["files"]]
        audio = [path for path in files if is_audio(path)]
        assert len(audio) == len(purchase["tracks"]), (key, files)
        titles = []
        for path in audio:
            full = home.music / receipt["folder"] / path
            decode(full)
            tags = read_tags(full)
            titles.append(tags.title)
            assert tags.artist and tags.track_number is not None, (key, path, tags)
            assert re.match(r"\d{2,3} \S", path.rpartition("/")[2]), path
        assert sorted(map(str, titles)) == sorted(track["title"] for track in purchase["tracks"]), key
        assert any(path.endswith(("cover.jpg", "cover.png")) for path in files), (key, files)
    placed = {f"{r['folder']}/{f['path']}" for r in receipts.values() for f in r["files"]}
    on_disk = {f"{folder}/{name}" for folder, names in albums.items() for name in names}
    assert on_disk == placed
    assert not list((home.music / ".bandcampsync" / "staging").glob("*"))
