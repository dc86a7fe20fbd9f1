"""What a reader of the collection asked for, out of the page's address, and the addresses of what is next to it. Pure.

An address holds only what differs from the usual, so that it stays short enough to be read and passed on. A wrong
address is no error here: whatever in it makes no sense counts as not said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bandcamp_sync.listing import SORTS, states_named

USUAL_SORT = "-purchased"
#: How many purchases stand on one page of each view.
PER_PAGE = {"table": 60, "grid": 120}
#: What people want to see from its upper end first.
_DOWNWARDS = ("purchased", "size")
_LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Asked:
    """A part of the collection. `state`: a state's name, `unsynced`, several with commas, or nothing for all."""

    q: str = ""
    state: str = ""
    sort: str = USUAL_SORT
    page: int = 1
    view: str = "table"

    @property
    def states(self) -> list[str]:
        """The names in `state`."""
        return [name for name in self.state.split(",") if name]

    @property
    def per_page(self) -> int:
        """How many purchases a page of this view holds."""
        return PER_PAGE[self.view]

    @property
    def is_narrowed(self) -> bool:
        """Whether this is less than the whole collection."""
        return bool(self.q.strip() or self.state)

    def parameters(self) -> dict[str, str | int]:
        """What stands in the address."""
        given: dict[str, str | int] = {
            "q": self.q,
            "state": self.state,
            "sort": "" if self.sort == USUAL_SORT else self.sort,
            "view": "" if self.view == "table" else self.view,
            "page": "" if self.page == 1 else self.page,
        }
        return {name: value for name, value in given.items() if value}

    def but(self, **changes: str) -> dict[str, str | int]:
        """The parameters of the same with something changed, from its first page on."""
        return replace(self, page=1, **changes).parameters()

    def on(self, page: int) -> dict[str, str | int]:
        """The parameters of another page of the same."""
        return replace(self, page=page).parameters()

    def sorted_by(self, sort: str) -> str:
        """What choosing `sort` does: its usual way round, or the other way when it is chosen already."""
        usual = f"-{sort}" if sort in _DOWNWARDS else sort
        other = sort if usual.startswith("-") else f"-{sort}"
        return other if self.sort == usual else usual

    def direction(self, sort: str) -> str | None:
        """`ascending` or `descending` when it is sorted by `sort`, as `aria-sort` says it."""
        if self.sort.removeprefix("-") != sort:
            return None
        return "descending" if self.sort.startswith("-") else "ascending"


def read_asked(given: Mapping[str, str]) -> Asked:
    """What these parameters of an address ask for."""
    state, sort, page, view = (given.get(name, "") for name in ("state", "sort", "page", "view"))
    return Asked(
        q=given.get("q", "")[:_LONGEST_SEARCH],
        state=state if _are_states(state) else "",
        sort=sort if sort.removeprefix("-") in SORTS else USUAL_SORT,
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        view=view if view in PER_PAGE else "table",
    )


def _are_states(text: str) -> bool:
    try:
        return bool(states_named(name for name in text.split(",") if name))
    except ValueError:
        return False
