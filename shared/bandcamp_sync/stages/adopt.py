"""Adopt: take albums that lie in the music folder already into the books, so that they are not downloaded again."""

import logging
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.books import Jobs, Policy, Shown, assign_folders, wanted
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.errors import BadAudio
from bandcamp_sync.files import atomic
from bandcamp_sync.ignore import read_ignored
from bandcamp_sync.ledger import policy_of
from bandcamp_sync.library.audio import is_audio
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.library.receipts import keep_copy
from bandcamp_sync.library.tags import read_tags
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.recognise import receipt_for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A folder with audio, and the names that it may go by: (artist, title), plain letters and digits only."""

    folder: str
    names: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Adoption:
    """What was matched: (purchase, folder); what fits several ways; and folders that fit no purchase."""

    sure: tuple[tuple[Item, str], ...]
    unsure: tuple[tuple[Item, tuple[str, ...]], ...]
    unmatched: tuple[str, ...]


def match(items: Iterable[Item], folders: Iterable[Found], planned: Mapping[str, str]) -> Adoption:
    """Which folder is which purchase. Pure. Sure only where one folder fits one purchase, or lies in its very place."""
    found = list(folders)
    by_name: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in found:
        for name in one.names:
            by_name[name].append(one.folder)
    places = {one.folder for one in found}
    claims: dict[str, list[Item]] = defaultdict(list)
    candidates: dict[str, tuple[Item, tuple[str, ...]]] = {}
    for item in items:
        own, name = planned.get(item.key), (letters(item.artist), letters(item.title))
        # Names without a letter or digit are all alike, so they prove nothing.
        alike = sorted(set(by_name.get(name, []))) if all(name) else []
        fits = [own] if own in places else alike
        candidates[item.key] = (item, tuple(folder for folder in fits if folder))
        for folder in candidates[item.key][1]:
            claims[folder].append(item)
    sure = [(i, f[0]) for i, f in candidates.values() if len(f) == 1 and len(claims[f[0]]) == 1]
    used = {folder for _, folder in sure}
    decided = {item.key for item, _ in sure}
    unsure = [(i, f) for k, (i, f) in candidates.items() if f and k not in decided]
    doubtful = {folder for _, fits in unsure for folder in fits}
    return Adoption(tuple(sure), tuple(unsure), tuple(sorted(places - used - doubtful)))


def letters(text: str) -> str:
    """A name's letters and digits, caseless: what different tools agree on when they write it."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def look(settings: Settings, data: DataFolder, music: MusicFolder, clock: Clock) -> Adoption:
    """What could be adopted; changes nothing."""
    capture = read_capture(data.collection, clock.now())
    jobs = Spool(data.inbox).snapshot()
    ignored, policy = read_ignored(data), policy_of(settings)
    items = [i for i in (capture.items if capture else ()) if _is_open(i, jobs, ignored, policy)]
    known = {job.receipt.folder for _, job in jobs.values() if job.receipt}
    folders = (found for found in _folders(music) if found.folder not in known)
    return match(items, folders, assign_folders(items, {}, settings.layout))


def _is_open(item: Item, jobs: Jobs, ignored: frozenset[str], policy: Policy) -> bool:
    if item.key in jobs:
        return jobs[item.key][0] in (State.PENDING, State.FAILED) and jobs[item.key][1].receipt is None
    return wanted(item, ignored, policy)[0] is Shown.QUEUED


def _folders(music: MusicFolder) -> Iterator[Found]:
    for folder in sorted(p for p in music.root.rglob("*") if p.is_dir()):
        relative = folder.relative_to(music.root)
        if any(part.startswith(".") for part in relative.parts):
            continue
        audio = sorted(p for p in folder.iterdir() if p.is_file() and is_audio(p.name))
        if audio:
            yield Found(relative.as_posix(), frozenset(_names(relative, audio[0])))


def _names(relative: Path, audio: Path) -> Iterator[tuple[str, str]]:
    if len(relative.parts) > 1:
        yield letters(relative.parts[-2]), letters(relative.parts[-1])
    artist, dash, album = relative.parts[-1].partition(" - ")
    if dash:
        yield letters(artist), letters(album)
    try:
        tags = read_tags(audio)
    except (BadAudio, OSError):
        return
    for name in {tags.album_artist, tags.artist} - {None}:
        if tags.album:
            yield letters(name or ""), letters(tags.album)


def adopt(
    data: DataFolder, music: MusicFolder, clock: Clock, adoption: Adoption
) -> tuple[list[str], list[tuple[str, str]]]:
    """Write a receipt for each sure match whose audio decodes, and mark the music folder as these books' own.

    Returns the labels that were adopted, and (label, problem) of those that were not.
    """
    write_marker(data, music, clock.now())
    alarms.clear_alarm(data, alarms.MUSIC_FOLDER)
    spool = Spool(data.inbox)
    spool.make_folders()
    done, refused = [], []
    for item, folder in adoption.sure:
        clock.check()
        try:
            before = spool.find(item.key)
            job = receipt_for(item, folder, before[1].history if before else (), music, clock)
        except (BadAudio, OSError) as error:
            refused.append((item.label, str(error)))
            continue
        keep_copy(music, job)
        content = job.model_dump_json(by_alias=True, indent=1).encode()
        if atomic.write_new(spool.path(State.DONE, item.key), content, 0o600):
            for state in (State.PENDING, State.FAILED):
                atomic.remove(spool.path(state, item.key))
            done.append(item.label)
    return done, refused
