"""Scrape: walk the purchases and write one capture, whole or not at all."""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bandcamp_sync import alarms
from bandcamp_sync.bandcamp.client import Bandcamp
from bandcamp_sync.bandcamp.session import find_fan, publish_session, remember_fan
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection import walk
from bandcamp_sync.collection.diff import Changes, changes
from bandcamp_sync.collection.item import Capture, Item
from bandcamp_sync.collection.store import read_capture, write_capture
from bandcamp_sync.errors import (
    AskUser,
    BandcampTrouble,
    Challenged,
    ListingShort,
    LoggedOut,
    Refused,
    ShapeChanged,
    SuddenlyShrunk,
    Unreachable,
)
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.logs.redact import redact_sample
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

log = logging.getLogger(__name__)

#: How often an end is asked again while Bandcamp counts more than it listed.
_SECOND_LOOKS = 2


@dataclass(frozen=True)
class Scraped:
    """What a scrape brought. `full`: everything was walked. `requests`: how many were made."""

    capture: Capture
    changes: Changes
    full: bool
    requests: int

    @property
    def sentence(self) -> str:
        """It in a line, as `12 purchases (3 new, 0 gone, 1 released) by a short walk of 3 requests`."""
        new, gone, released = (len(c) for c in (self.changes.added, self.changes.removed, self.changes.released))
        walk = "full" if self.full else "short"
        return (
            f"{len(self.capture.items)} purchases ({new} new, {gone} gone, {released} released) "
            f"by a {walk} walk of {self.requests} requests"
        )


def scrape(
    bandcamp: Bandcamp,
    settings: Settings,
    data: DataFolder,
    clock: Clock,
    full: bool = False,
    accept_shrink: bool = False,
    expires: datetime | None = None,
) -> Scraped:
    """List the purchases and write `collection.json`.

    Raises AskUser, BandcampTrouble or LocalTrouble, and leaves the old capture then, with what was seen in `debug/`.
    """
    try:
        scraped = _Scrape(bandcamp, settings, data, clock, full, accept_shrink).run(expires)
    except (AskUser, BandcampTrouble) as error:
        _keep_evidence(bandcamp, data)
        _tell(data, error, clock.now(), expires)
        raise
    for name in (alarms.SESSION, alarms.BANDCAMP, alarms.COLLECTION):
        alarms.clear_alarm(data, name)
    return scraped


class _Scrape:
    """One run; holds what its steps share."""

    def __init__(
        self,
        bandcamp: Bandcamp,
        settings: Settings,
        data: DataFolder,
        clock: Clock,
        full: bool,
        accept_shrink: bool,
    ) -> None:
        self.bandcamp, self.settings, self.data, self.clock = bandcamp, settings, data, clock
        self.full, self.accept_shrink = full, accept_shrink
        self.old = read_capture(data.collection, clock.now())
        self.has_complete = self.old is not None and self.old.complete
        #: How many purchases another fan's complete collection has, in whose place this one's would come.
        self.of_another = 0
        self.absent: set[str] = set()

    def run(self, expires: datetime | None) -> Scraped:
        now = self.clock.now()
        found = find_fan(self.bandcamp, self.settings, self.data)
        remember_fan(self.data, found)
        publish_session(self.data, now, found.fan, expires, None)
        fan = found.fan
        if self.old is not None and self.old.fan_id != fan.fan_id:
            log.warning("the cookies are fan %d's now, the collection was fan %d's", fan.fan_id, self.old.fan_id)
            self.of_another = len(self.old.items) if self.old.complete else 0
            self.old = None
        if not self.full and not walk.wants_full_walk(self.old, fan.fan_id, now):
            capture = self._short_walk(fan.fan_id, fan.username, fan.owned)
            if capture is not None:
                return self._write(capture, full=False)
            log.info("what is owned has changed in more places than the newest; walking everything")
        return self._write(self._full_walk(fan.fan_id, fan.username, fan.owned), full=True)

    def _short_walk(self, fan_id: int, username: str | None, owned: frozenset[str]) -> Capture | None:
        """Only the news. None when they do not explain what Bandcamp says is owned, so that all must be walked."""
        assert self.old is not None
        known = self.old.by_key()
        if set(self.old.owned) - owned:
            return None
        listed = self._walk_lists(fan_id, known, None, None)
        if known and not listed.items:
            return None
        items = walk.merge_known(known, listed.items)
        if walk.uncovered(owned, items.values()) - set(self.old.unlisted):
            return None
        return self._capture(fan_id, username, items, owned, self.old.full_walk_at, self.old.unlisted)

    def _full_walk(self, fan_id: int, username: str | None, owned: frozenset[str]) -> Capture:
        visible, hidden = None, None
        if username:
            visible, hidden = self._counted(username)
        listed = self._walk_lists(fan_id, None, visible, hidden)
        known = self.old.by_key() if self.old else {}
        items = {key: walk.merge_known(known, {key: item})[key] for key, item in listed.items.items()}
        counts_hidden = self.settings.include_hidden and "hidden" not in self.absent
        expected = (visible or 0) + ((hidden or 0) if counts_hidden else 0)
        unlisted = walk.uncovered(owned, items.values())
        capture = self._capture(fan_id, username, items, owned, self.clock.now(), tuple(sorted(unlisted)))
        if walk.is_short(len(items), expected, owned, unlisted):
            return self._believe_or_refuse(capture, expected)
        atomic.remove(self.data.state / "short.json")
        if walk.shrank(len(known), len(items)) and not self.accept_shrink:
            raise SuddenlyShrunk(len(known), len(items))
        # Another fan may well own less; where the profile page counts it too, only having nothing at all is strange.
        is_strange = not items if visible is not None else walk.shrank(self.of_another, len(items))
        if self.of_another and is_strange and not self.accept_shrink:
            raise SuddenlyShrunk(self.of_another, len(items))
        return capture

    def _counted(self, username: str) -> tuple[int | None, int | None]:
        """How many purchases the profile page counts, hidden ones apart; unknown when that page alone is out of order.

        It is a second opinion on how long the listings are, and nothing hangs on it.
        """
        try:
            counts = self.bandcamp.counts(username)
        except (Unreachable, Refused, Challenged, ShapeChanged) as error:
            log.warning("the profile page, which counts the purchases, is not to be had: %s", error)
            return None, None
        return counts.collection, counts.hidden

    def _believe_or_refuse(self, capture: Capture, expected: int) -> Capture:
        """A listing that is shorter than what is owned: once, it is refused; twice the same, its news are taken in.

        Some purchases are counted and never listed, and a user must not be cut off from the rest for it. But nothing
        that is known is dropped on such a listing's word, and the next scrape walks everything again. Raises
        ListingShort; where there is nothing complete, of no other fan either, what was listed is written as incomplete
        first.
        """
        listed, memory = len(capture.items), self.data.state / "short.json"
        seen = {"listed": listed, "expected": expected}
        if _read_json(memory) == seen and listed:
            log.warning("Bandcamp counts %d purchases and lists %d, again; nothing known is dropped", expected, listed)
            merged = walk.merge_known(self.old.by_key() if self.old else {}, capture.by_key())
            return capture.model_copy(update={"items": walk.newest_first(merged.values()), "full_walk_at": None})
        atomic.write_json(memory, seen)
        if not self.has_complete:
            write_capture(self.data.collection, capture.model_copy(update={"complete": False, "full_walk_at": None}))
        raise ListingShort(listed, expected)

    def _walk_lists(
        self, fan_id: int, known: dict[str, Item] | None, visible: int | None, hidden: int | None
    ) -> walk.Listed:
        lists = [("collection", visible)] + ([("hidden", hidden)] if self.settings.include_hidden else [])
        items: dict[str, Item] = {}
        pages, linked, bare = 0, 0, set[str]()
        for name, expected in lists:
            one = self._walk_list(name, fan_id, known, expected)
            items = {**one.items, **items}  # what stands in both lists is visible
            pages, linked = pages + one.pages, linked + one.linked
            bare |= one.bare_keys
        listed = walk.Listed(items, pages, frozenset(bare), linked)
        if walk.lost_session(listed, self.old.by_key() if self.old else {}):
            raise LoggedOut("the listing comes without any download link")
        return listed

    def _walk_list(self, name: str, fan_id: int, known: dict[str, Item] | None, expected: int | None) -> walk.Listed:
        """One listing, page by page. `known`: stop at a page without news; None: walk to the end."""
        hidden = name == "hidden"
        token, items, bare = walk.first_token(self.clock.now()), dict[str, Item](), set[str]()
        pages = linked = looks = 0
        while True:
            page = self.bandcamp.listing(name, fan_id, token, walk.PAGE_SIZE)
            if page.absent:
                return self._as_known(name)
            fresh = {item.key: item for item in page.items if item.key not in items}
            if page.items and not fresh:
                log.debug("%s: a page of repeats only", name)
            items.update(fresh)
            if not page.items or page.last_token is None or (not fresh and page.last_token == token):
                if expected is None or len(items) >= expected or looks >= _SECOND_LOOKS or known is not None:
                    return walk.Listed(items, pages, frozenset(bare), linked)
                looks += 1
                log.info("%s: Bandcamp counts %d and listed %d; asking again", name, expected, len(items))
                # Too quick a second call is one of the things that end a listing early.
                self.clock.sleep(max(0.3, min(2.0, self.settings.request_interval.total_seconds())) * looks)
                continue
            pages += 1
            linked += sum(item.redownload_url is not None for item in page.items)
            if page.bare:
                bare.update(item.key for item in page.items if item.item_type in ("album", "track"))
            log.info("%s: page %d, %d purchases so far", name, pages, len(items))
            if known is not None and not walk.holds_news(page.items, known, hidden):
                of_list = {k: item for k, item in known.items() if item.hidden == hidden}
                if not walk.seeks_preorders(of_list, items.keys(), pages):
                    return walk.Listed(items, pages, frozenset(bare), linked)
            token = page.last_token

    def _as_known(self, name: str) -> walk.Listed:
        """A list that Bandcamp does not offer: what was known of it stays, and it is not counted on."""
        self.absent.add(name)
        known = self.old.items if self.old else ()
        return walk.Listed({item.key: item for item in known if item.hidden}, 0, frozenset(), 0)

    def _capture(
        self,
        fan_id: int,
        username: str | None,
        items: dict[str, Item],
        owned: frozenset[str],
        full_walk_at: datetime | None,
        unlisted: tuple[str, ...],
    ) -> Capture:
        return Capture(
            fan_id=fan_id,
            username=username,
            captured_at=self.clock.now(),
            complete=True,
            items=walk.newest_first(items.values()),
            owned=tuple(sorted(owned)),
            full_walk_at=full_walk_at,
            unlisted=unlisted,
        )

    def _write(self, capture: Capture, full: bool) -> Scraped:
        write_capture(self.data.collection, capture)
        made = self.bandcamp.transport.requests_made
        scraped = Scraped(capture, changes(self.old, capture), full, made)
        log.info("%s", scraped.sentence)
        return scraped


def _read_json(path: Path) -> object:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _keep_evidence(bandcamp: Bandcamp, data: DataFolder) -> None:
    """What Bandcamp showed when it went wrong, with the secrets cut out, and a picture where a browser was used."""
    try:
        atomic.write_text(data.debug / "debug.html", redact_sample(bandcamp.last_answer))
        if not bandcamp.transport.screenshot(data.debug / "debug.png"):
            atomic.remove(data.debug / "debug.png")
    except OSError as error:
        log.warning("debug/ cannot be written: %s", error.strerror)


def _tell(data: DataFolder, error: AskUser | BandcampTrouble, now: datetime, expires: datetime | None) -> None:
    """Publish what is wrong: the session's state when it is the session, an alarm when a person should know."""
    if isinstance(error, AskUser):
        publish_session(data, now, None, expires, str(error))
        alarms.raise_alarm(data, alarms.SESSION, str(error), True, now)
    elif isinstance(error, ShapeChanged):
        alarms.raise_alarm(data, alarms.BANDCAMP, str(error), False, now)
    elif isinstance(error, SuddenlyShrunk | ListingShort):
        alarms.raise_alarm(data, alarms.COLLECTION, str(error), True, now)
