"""Walking a listing: where to start, when to stop, and what the pages add up to. Pure.

Bandcamp's own idea of a listing's end is not trusted: `more_available` has been false too early, `last_token`
overshoots, and items repeat. A walk ends on an empty page, or, when only news is wanted, on a page that holds none.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bandcamp_sync.collection.item import Capture, Item

PAGE_SIZE = 100
FULL_EVERY = timedelta(days=7)
#: How far a short walk goes on only to look after pre-orders that are known.
PREORDER_PAGES = 5
_OLDEST = datetime.min.replace(tzinfo=UTC)


def first_token(now: datetime) -> str:
    """A token newer than every purchase; a day ahead, for clocks that are behind."""
    return f"{int((now + timedelta(days=1)).timestamp())}:0:a::"


def wants_full_walk(old: Capture | None, fan_id: int, now: datetime) -> bool:
    """Whether everything must be walked: nothing complete is known, another fan, or it is time again."""
    if old is None or not old.complete or old.fan_id != fan_id or old.full_walk_at is None:
        return True
    return not timedelta(0) <= now - old.full_walk_at < FULL_EVERY


def holds_news(page: Iterable[Item], known: Mapping[str, Item], hidden: bool) -> bool:
    """Whether a page shows anything that the old capture does not: a new purchase, or one hidden or shown since."""
    return any(item.key not in known or known[item.key].hidden != hidden for item in page)


def seeks_preorders(known: Mapping[str, Item], seen: Collection[str], pages: int) -> bool:
    """Whether a short walk should go on because a known pre-order has not been looked at yet."""
    return pages < PREORDER_PAGES and any(item.is_preorder and item.key not in seen for item in known.values())


def is_short(listed: int, expected: int, owned: Collection[str], unlisted: Collection[str]) -> bool:
    """Whether a full walk brought less than there is: the profile counts more, and what is owned does not deny it."""
    return listed < expected and (bool(unlisted) or not owned)


@dataclass(frozen=True)
class Listed:
    """What walking brought: the items by key, and how many pages of them had not one link."""

    items: Mapping[str, Item]
    pages: int
    bare_keys: frozenset[str]
    linked: int


def merge_known(old: Mapping[str, Item], listed: Mapping[str, Item]) -> dict[str, Item]:
    """The known purchases, with what was listed now in their place. A link that was known is not forgotten."""
    merged = dict(old)
    for key, item in listed.items():
        before = old.get(key)
        if item.redownload_url is None and before is not None and before.redownload_url is not None:
            item = item.model_copy(update={"redownload_url": before.redownload_url})
        merged[key] = item
    return merged


def newest_first(items: Iterable[Item]) -> tuple[Item, ...]:
    """Items by date of purchase, newest first; the key decides between equals so that the order is stable."""
    return tuple(sorted(items, key=lambda item: (item.purchased or _OLDEST, item.key), reverse=True))


def uncovered(owned: Collection[str], items: Iterable[Item]) -> set[str]:
    """Tralbums that Bandcamp says are owned and that no listed purchase stands for."""
    covered: set[str] = set()
    for item in items:
        if item.tralbum:
            covered.add(item.tralbum)
        if item.item_id is not None:
            covered.update((f"a{item.item_id}", f"t{item.item_id}"))
    return set(owned) - covered


def lost_session(listed: Listed, known: Mapping[str, Item]) -> bool:
    """Whether pages without any link mean that the session was lost, rather than that nothing can be downloaded.

    Lost when no page had a link, or when purchases that had one before stand on a page that has none now.
    """
    if not listed.bare_keys:
        return False
    if listed.linked == 0:
        return True
    return any(key in known and known[key].redownload_url is not None for key in listed.bare_keys)


def shrank(before: int, after: int) -> bool:
    """Whether a collection became so much smaller that it is rather a fault than a fact."""
    return before > 0 and (after == 0 or (before >= 10 and after * 2 < before))
