"""The stages that are killed: how each is prepared, what is run after it, and what its restart must make."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from crash.place import Place
from crash.stage import RECONCILE, SCRAPE, WORK, Run, Stage, run
from crash.worlds import archive_world, pair_world, track_world

#: Where the work is not what is killed, it is run after each so many kills.
SELDOM = 5
RETRY, ADOPT, REPAIR = run("retry", "--all"), run("adopt"), run("verify", "--repair")


def after(*runs: Run) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        for one in runs:
            place.run(*one.arguments, what=one.what)

    return prepare


def both(first: Callable[[Place], None], *then: Callable[[Place], None]) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        for one in (first, *then):
            one(place)

    return prepare


_SYNCED = after(SCRAPE, RECONCILE, WORK)
QUEUED = after(SCRAPE, RECONCILE)


def _jobs(place: Place, state: str) -> list[Path]:
    return sorted((place.data.inbox / state).glob("*.job"))


def _buy(place: Place) -> None:
    place.standin.world.add_purchase(1)


def _fail_all(place: Place) -> None:
    """Every purchase has failed, and is due again."""
    _trouble(place)
    place.run(*WORK.arguments)
    _no_trouble(place)
    for path in _jobs(place, "failed"):
        job = json.loads(path.read_text())
        path.write_text(json.dumps({**job, "not_before": "2020-01-01T00:00:00Z"}))
    assert _jobs(place, "failed")


def _trouble(place: Place) -> None:
    place.standin.rules.clear()
    place.standin.rules.add("not_found", match={"class": "page", "path": "download"})


def _no_trouble(place: Place) -> None:
    place.standin.rules.clear()


def _die_in_mid_work(place: Place) -> None:
    """A worker was killed with a job in its hands, in the middle of a download."""
    for step in range(60, 10, -1):
        place.keep("alive")
        place.kill(WORK.arguments, step)
        if _jobs(place, "in_progress") and list(place.music.staging.glob("*/r*/*")):
            shutil.rmtree(place.root / "kept-alive")
            return
        place.bring_back("alive")
        shutil.rmtree(place.root / "kept-alive")
    raise AssertionError("no step of the worker is in the middle of a download")


def _die_before_exchange(place: Place) -> None:
    """A worker was killed when the new album was ready, and the old one, of the same names and sizes, still there."""
    place.keep("repairing")
    if place.kill(WORK.arguments, "renameat2 music").killed is None:
        # Where two albums cannot change places, the old one is moved away first; that is another stage.
        place.bring_back("repairing")
    place.run(*RECONCILE.arguments)


def _unwant(place: Place) -> None:
    """The purchase that was being worked on is not wanted any more; it is back in the queue."""
    place.run(*RECONCILE.arguments)
    place.run("ignore", *[path.stem for path in _jobs(place, "pending")])


def _spoil_books(place: Place) -> None:
    """A job and the collection are garbage; another job is cut off."""
    first, second = _jobs(place, "pending")[:2]
    first.write_bytes(first.read_bytes()[:100])
    second.write_text("[]")
    place.data.collection.write_text("{")


def _lose_inbox(place: Place) -> None:
    shutil.rmtree(place.data.inbox)


def _flip_byte(place: Place) -> None:
    """One file of an album has another content, of the same length; a file of another album is missing."""
    (first, *_), second = (sorted(folder.glob("*.flac")) for folder in sorted(place.music.root.glob("[!.]*/*")))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 0xFF
    # As another file of this name: what is damaged in place is no step of ours.
    first.unlink()
    first.write_bytes(content)
    second[0].unlink()


def _flip_one(place: Place) -> None:
    path = sorted(place.music.root.glob("[!.]*/*/*.flac"))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.unlink()
    path.write_bytes(content)


def _lose_all_but_music(place: Place) -> None:
    """The albums are there, in folders that are not ours, and nothing knows of them but by their names."""
    for album in list(place.music.root.glob("[!.]*/*")):
        album.rename(place.music.root / f"{album.parent.name} - {album.name}")
        album.parent.rmdir()
    shutil.rmtree(place.data.inbox)
    shutil.rmtree(place.music.own)
    place.data.library_id.unlink()
    place.run(*RECONCILE.arguments)
    assert _jobs(place, "pending"), "they are queued, as nobody knows that they are there"


def _some_failed(place: Place) -> None:
    """One of the jobs waits in `pending`, the other has failed."""
    path = _jobs(place, "pending")[0]
    os.rename(path, place.data.inbox / "failed" / path.name)  # noqa: PTH104


RECONCILER = (
    Stage("reconciler, first", RECONCILE, after(SCRAPE), world=pair_world, work_every=SELDOM),
    Stage("reconciler, a retry is due", RECONCILE, both(QUEUED, _fail_all), world=pair_world, work_every=SELDOM),
    Stage(
        "reconciler, an abandoned job",
        RECONCILE,
        both(QUEUED, _die_in_mid_work),
        world=archive_world,
        work_every=SELDOM,
    ),
    Stage(
        "reconciler, not wanted any more",
        RECONCILE,
        both(QUEUED, _die_in_mid_work, _unwant),
        world=archive_world,
        work_every=SELDOM,
    ),
    Stage(
        "reconciler, garbage",
        RECONCILE,
        both(QUEUED, _spoil_books),
        restart=(SCRAPE, RECONCILE, WORK),
        world=pair_world,
        work_every=SELDOM,
    ),
    Stage("reconciler, the inbox is lost", RECONCILE, both(_SYNCED, _lose_inbox), world=pair_world, work_every=SELDOM),
)
SCRAPER = (
    Stage(
        "scraper, first",
        SCRAPE,
        lambda place: None,
        restart=(SCRAPE, RECONCILE, WORK),
        world=track_world,
        work_every=SELDOM,
    ),
    Stage(
        "scraper, with news",
        SCRAPE,
        both(_SYNCED, _buy),
        restart=(SCRAPE, RECONCILE, WORK),
        world=track_world,
        work_every=SELDOM,
    ),
)
WORKER_ARCHIVE = (Stage("worker, an archive", WORK, QUEUED, world=archive_world),)
_REPAIRING = both(_SYNCED, _flip_one, after(REPAIR))
WORKER_REPLACEMENT = (
    Stage("worker, a replacement", WORK, _REPAIRING, world=archive_world),
    Stage("worker, a replacement, once more", WORK, both(_REPAIRING, _die_before_exchange), world=archive_world),
)
WORKER_TRACK = (
    Stage("worker, a bare track", WORK, QUEUED, world=track_world),
    Stage(
        "worker, a purchase that fails",
        WORK,
        QUEUED,
        restart=(RETRY, RECONCILE, WORK),
        world=pair_world,
        trouble=_trouble,
        over=_no_trouble,
    ),
)
_BY_HAND = (
    Stage(
        "verify --repair",
        REPAIR,
        both(_SYNCED, _flip_byte),
        restart=(RECONCILE, REPAIR, RECONCILE, WORK),
        world=pair_world,
        work_every=SELDOM,
    ),
    Stage(
        "retry --all",
        RETRY,
        both(QUEUED, _fail_all),
        restart=(RETRY, RECONCILE, WORK),
        world=pair_world,
        work_every=SELDOM,
    ),
    Stage(
        "adopt",
        ADOPT,
        both(_SYNCED, _lose_all_but_music),
        restart=(ADOPT, RECONCILE, WORK),
        world=pair_world,
        work_every=SELDOM,
    ),
    Stage(
        "adopt, where jobs wait and failed",
        ADOPT,
        both(_SYNCED, _lose_all_but_music, _some_failed),
        restart=(ADOPT, RECONCILE, WORK),
        world=pair_world,
        work_every=SELDOM,
    ),
)


def _ignore_stage() -> Stage:
    keys = [purchase.key for purchase in pair_world().purchases]
    ignore = run("ignore", *keys[:1])
    return Stage("ignore", ignore, QUEUED, restart=(ignore, RECONCILE, WORK), world=pair_world, work_every=SELDOM)


BY_HAND = (*_BY_HAND, _ignore_stage())
#: All but the hand-over, of which each run needs its own place.
EVERY = (*SCRAPER, *RECONCILER, *WORKER_ARCHIVE, *WORKER_TRACK, *WORKER_REPLACEMENT, *BY_HAND)
