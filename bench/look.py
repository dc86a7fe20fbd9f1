"""What the benchmark reads from outside: a process's memory and processor time, and a browser's clock."""

import os
import time
from pathlib import Path

from bandcamp_sync.bandcamp.browser import find_chromium
from playwright.sync_api import Page, sync_playwright

_TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 5

#: Said when the first rows stand in the page and the frame after them is drawn.
_NOTE_ROWS = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("%s")) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.rowsAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in tree(int(child)))]


def memory(pid: int) -> int:
    """Bytes: the proportional share of a process and those below it."""
    return sum(_pss(one) for one in tree(pid))


def processor_share(pid: int, seconds: float) -> float:
    """How much of one core a process and those below it use, over so long."""
    before, began = _ticks(pid), time.perf_counter()
    time.sleep(seconds)
    return (_ticks(pid) - before) / _TICKS / (time.perf_counter() - began)


def time_to_page(url: str, purchases: int) -> list[tuple[str, float]]:
    """Seconds from navigation to rows that are drawn and to a search that works, and from a key in the search field to
    the rows that match; medians of some rounds with an empty cache each."""
    rows, usable, searches, again = [], [], [], []
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        if path is None:
            return []
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(ROUNDS):
            context = browser.new_context(viewport={"width": 1400, "height": 900})
            context.add_init_script(_NOTE_ROWS % ROW)
            page = context.new_page()
            rows.append(_rows_at(page, url))
            usable.append(_usable_at(page))
            searches.append(_search(page))
            again.append(_rows_at(page, url))
            context.close()
        browser.close()
    return [
        (f"Chromium: /collection of {purchases:,} to drawn rows", _median(rows)),
        ("until its search works", _median(usable)),
        ("to drawn rows, with a warm cache", _median(again)),
        ("from a key in the search to the rows found", _median(searches)),
    ]


ROW = "[data-key]"
_SEARCH = "input[type=search]"
_FOUND = "Winter"


def _rows_at(page: Page, url: str) -> float:
    page.goto(f"{url}/collection", wait_until="commit")
    # Asked for again and again: the page's own policy lets nothing be evaluated in it that would wait.
    for _ in range(1200):
        rows_at = page.evaluate("window.rowsAt")
        if rows_at:
            return float(rows_at) / 1000
        page.wait_for_timeout(50)
    return float("nan")


def _usable_at(page: Page) -> float:
    # Modules have run by the time of the load event.
    page.wait_for_load_state("load")
    return float(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000


def _search(page: Page) -> float:
    # In the page itself, so that the messages between it and this process are not counted.
    return (
        float(
            page.evaluate(
                """async ([row, field, word]) => {
                    const input = document.querySelector(field);
                    const began = performance.now();
                    input.focus();
                    input.value = word;
                    input.dispatchEvent(new Event("input", { bubbles: true }));
                    const all = () => [...document.querySelectorAll(row)].filter((one) => one.offsetParent);
                    const isDone = () => all().length && all().every((one) => one.textContent.includes(word));
                    while (!isDone() && performance.now() - began < 30000)
                        await new Promise((done) => requestAnimationFrame(done));
                    return performance.now() - began;
                }""",
                [ROW, _SEARCH, _FOUND],
            )
        )
        / 1000
    )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    # User and system time are the 12th and 13th field behind the name, which may hold anything but its bracket.
    fields = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in tree(pid))
    return sum(int(own[11]) + int(own[12]) for own in fields)
