"""How values are written on pages: sizes, days, states, times. Registered as template filters. Pure.

What changes with time alone ("in 5 minutes") is a `<time>` element that `static/js/clock.js` fills; what is written
here for it is the time in UTC.
"""

from datetime import UTC, datetime
from typing import Any

from bandcamp_sync.books import Shown
from bandcamp_sync.reconciles import in_words
from markupsafe import Markup

_WORDS = {Shown.PREORDER.value: "pre-order"}
_NOTHING = "–"


def size_text(size: Any) -> str:
    """`1.2 GB`, in powers of a thousand; a dash for what is not known."""
    if not isinstance(size, int | float):
        return _NOTHING
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def day_text(moment: Any) -> str:
    """The day of an RFC 3339 time; a dash when there is none."""
    at = _moment(moment)
    return f"{at:%Y-%m-%d}" if at else _NOTHING


def span_text(seconds: Any) -> str:
    """`2 h 5 min`, `3 min 20 s`, `8 s`; nothing for what is not known."""
    if not isinstance(seconds, int | float):
        return ""
    whole = max(0, round(seconds))
    if whole >= 86400 * 2:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def near(moment: Any, none: str = _NOTHING) -> str:
    """An element that reads `in 5 minutes` or `3 hours ago`; `none` when there is no such time."""
    return _time(moment, "near", none)


def countdown(moment: Any, none: str = _NOTHING) -> str:
    """An element that counts down to a time."""
    return _time(moment, "countdown", none)


def local(moment: Any, none: str = _NOTHING) -> str:
    """An element with the day and time where the reader is."""
    return _time(moment, "local", none)


def state_word(state: str) -> str:
    """A purchase's state as people write it."""
    return _WORDS.get(state, state)


def share(part: Any, whole: Any) -> float:
    """`part` of `whole` in percent, from 0 to 100; 0 where there is no whole."""
    return round(min(100.0, max(0.0, 100.0 * part / whole)), 2) if whole else 0.0


def _time(moment: Any, kind: str, none: str) -> str:
    at = _moment(moment)
    if at is None:
        return none
    utc = at.astimezone(UTC)
    text = '<time datetime="{}" data-{}="">{}</time>'
    return Markup(text).format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", kind, f"{utc:%Y-%m-%d %H:%M} UTC")


def _moment(moment: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


FILTERS = {
    "size": size_text,
    "day": day_text,
    "span": span_text,
    "near": near,
    "countdown": countdown,
    "local": local,
    "state_word": state_word,
    "share": share,
    "acts": in_words,
}
