"""Which purchases a person asked to see, and in which order. Pure.

Made once for each version of the books and then asked many times: what does not change from one question to the next
(the text to search in, each order) is worked out when it is first needed, and kept.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from bandcamp_sync.books import Row, Shown

SORTS = ("purchased", "artist", "title", "state", "size", "format")
#: What is not on disk, and not for want of wishing so.
UNSYNCED = (
    Shown.QUEUED,
    Shown.DOWNLOADING,
    Shown.WAITING,
    Shown.FAILED,
    Shown.PREORDER,
    Shown.UNAVAILABLE,
)

_EPOCH = datetime.min.replace(tzinfo=UTC)
_PLACE = {state: number for number, state in enumerate(Shown)}


def states_named(names: Iterable[str]) -> frozenset[Shown]:
    """The states of these names, `unsynced` being several; ValueError for a name that is none."""
    named: set[Shown] = set()
    for name in names:
        named.update(UNSYNCED if name == "unsynced" else (Shown(name),))
    return frozenset(named)


def fold(text: str) -> str:
    """`text` for comparing, without case, accents and what has no shape: `Valadão` is found by `valadao`."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in apart if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


class Listing:
    """The rows of one version of the books, to be searched, filtered and sorted."""

    def __init__(self, rows: Sequence[Row], before: "Listing | None" = None) -> None:
        """`before`: of an earlier version. Names are mostly the same in it, so what is known of them is taken over."""
        self.rows = rows
        self._names: list[tuple[str, str]]
        self._texts: list[str] | None = None
        self._orders: dict[str, list[int]] = {}
        if before is not None and _same_items(rows, before.rows):
            self._names, self._texts = before._names, before._texts
            self._orders = {sort: order for sort, order in before._orders.copy().items() if sort in _OF_ITEMS}
        else:
            # An artist's name is there once for each album; folding it once for all spares most of the work.
            folded: dict[str, str] = {}
            self._names = [(_folded(row.item.artist, folded), _folded(row.item.title, folded)) for row in rows]

    def select(
        self,
        states: Iterable[str] = (),
        q: str = "",
        sort: str = "-purchased",
        start: int = 0,
        count: int | None = None,
    ) -> tuple[int, list[Row]]:
        """Of the rows in one of `states` (all, when none is named) whose artist, title and key hold every word of `q`:
        how many there are, and `count` of them from `start` on.

        `sort`: one of `SORTS`, with `-` before it for the other way round. Raises ValueError for a wrong argument.
        """
        rows, wanted, words = self.rows, tuple(states_named(states)), fold(q).split()
        found = self._order(sort.removeprefix("-"))
        # Twenty thousand times each: these two lines are the price of an answer.
        if wanted:
            found = [at for at in found if rows[at].state in wanted]
        texts = self._searched() if words else []
        for word in words:
            found = [at for at in found if word in texts[at]]
        if sort.startswith("-"):
            found = found[::-1]
        end = None if count is None else start + count
        return len(found), [rows[at] for at in found[start:end]]

    def _order(self, sort: str) -> list[int]:
        """Where the rows are when sorted upwards. No two rows are equal: the last word is the key's."""
        if sort not in _KEYS:
            raise ValueError(f"sort may be {', '.join(SORTS)}, with a minus before it or not")
        if sort not in self._orders:
            key = _KEYS[sort]
            keys = [key(row, names) for row, names in zip(self.rows, self._names, strict=True)]
            self._orders[sort] = sorted(range(len(keys)), key=keys.__getitem__)
        return self._orders[sort]

    def _searched(self) -> list[str]:
        if self._texts is None:
            named = zip(self.rows, self._names, strict=True)
            self._texts = [f"{artist} {title} {row.item.key}" for row, (artist, title) in named]
        return self._texts


def _folded(text: str, known: dict[str, str]) -> str:
    found = known.get(text)
    if found is None:
        found = known[text] = fold(text)
    return found


def _same_items(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    # One capture's purchases are the same objects in each version of the books that is written from it.
    return len(rows) == len(others) and all(a.item is b.item for a, b in zip(rows, others, strict=True))


_KEYS: dict[str, Callable[[Row, tuple[str, str]], tuple[Any, ...]]] = {
    "purchased": lambda row, names: (row.item.purchased or _EPOCH, row.item.key),
    "artist": lambda row, names: (*names, row.item.key),
    "title": lambda row, names: (names[1], names[0], row.item.key),
    "state": lambda row, names: (_PLACE[row.state], *names, row.item.key),
    "size": lambda row, names: (row.size or 0, row.item.key),
    "format": lambda row, names: (row.format or "", *names, row.item.key),
}
#: The orders that depend on the purchases alone, and not on what became of them.
_OF_ITEMS = frozenset({"purchased", "artist", "title"})
