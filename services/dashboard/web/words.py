"""How values are written on pages: sizes, days, states. Registered as template filters. Pure."""

from datetime import datetime
from typing import Any

from bandcamp_sync.books import Shown

_WORDS = {Shown.PREORDER.value: "pre-order"}


def size_text(size: Any) -> str:
    """`1.2 GB`, in powers of a thousand; a dash for what is not known."""
    if not isinstance(size, int | float):
        return "–"
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def day_text(moment: Any) -> str:
    """The day of an RFC 3339 time; a dash when there is none."""
    try:
        return f"{datetime.fromisoformat(str(moment)):%Y-%m-%d}"
    except ValueError:
        return "–"


def state_word(state: str) -> str:
    """A purchase's state as people write it."""
    return _WORDS.get(state, state)


FILTERS = {"size": size_text, "day": day_text, "state_word": state_word}
