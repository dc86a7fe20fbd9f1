"""`python tests/storm [--write docs/storm.md]`: three storms of twenty seconds each, and their timelines."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared"), str(ROOT / "tests")]

from storm.stack import BASE_S, CREW, PURCHASES, Stack  # noqa: E402 - only now can it be found
from storm.timeline import figures, rendered  # noqa: E402

STORM_S = 20.0
STORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "429 without Retry-After": ("rate_limit", {}),
    "429 with Retry-After: 5": ("rate_limit", {"retry_after": 5}),
    "503 without Retry-After": ("status", {"code": 503}),
}
_ABOUT = f"""# The request timeline of a storm

Written by `python tests/storm --write docs/storm.md`. {len(CREW)} processes ({CREW.count("worker")} workers, scraper,
reconciler) share one view of Bandcamp's patience. {PURCHASES} purchases are queued and a scrape is asked for; then the
stand-in refuses every request, until {STORM_S:g} seconds after the first. `RETRY_BASE` is {BASE_S:g} s here, so that
the first hold is that long (ten seconds at the default). Each one is twice as long as the one before, and up to 30 %
longer by chance.

A row is a class of request, a column a second: `.` nothing was asked, a digit: so many requests were answered, `x`: a
request was refused. `|` is the second in which the storm ended. When a hold is over one request goes first; the others
follow when it was answered. After an outage (5xx) that first one asks for the home page.
"""


def main() -> int:
    """Print the timelines; write them too, where asked. 1 when a library did not become whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep the timelines in this file")
    wanted = parser.parse_args()
    parts, whole = [_ABOUT], True
    for name, (fault, params) in STORMS.items():
        text, is_whole = one_storm(name, fault, params)
        print(text, flush=True)
        parts.append(text)
        whole = whole and is_whole
    if wanted.write:
        wanted.write.write_text("\n".join(parts), encoding="utf-8")
    return 0 if whole else 1


def one_storm(name: str, fault: str, params: dict[str, Any]) -> tuple[str, bool]:
    """Its timeline as Markdown, and whether the library was whole at the end."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            stack.fill()
            stack.begin_storm(fault, **params)
            stack.start()
            stack.until(lambda: stack.age_s() >= STORM_S, STORM_S + 60)
            storm_s = stack.end_storm()
            stack.until(lambda: stack.placed() == PURCHASES, 180)
            asked, placed = stack.asked(), stack.placed()
        finally:
            stack.close()
    found = figures(asked, storm_s)
    told = [
        f"- {found.in_storm} requests during the storm, of {found.in_all} in all",
        f"- pauses of everybody: {', '.join(f'{gap:.1f} s' for gap in found.holds)}",
        f"- the longest gap between two requests: {found.longest_gap_s:.1f} s",
        f"- first request after the storm: {(found.first_after or 0) - storm_s:.1f} s after its end",
        f"- purchases in their place at the end, without help: {placed} of {PURCHASES}",
    ]
    lines = "\n".join(rendered(asked, storm_s))
    return f"## {name}\n\n```\n{lines}\n```\n\n" + "\n".join(told) + "\n", placed == PURCHASES


if __name__ == "__main__":
    sys.exit(main())
