"""Pictures of every page in docs/screenshots, of the whole stack at work: `make screenshots`.

The collection is the stand-in Bandcamp's gallery. Most of it is fetched at full speed; then a handful is let go on a
slow line, and once two downloads are under way, with a retry waiting and one purchase failed, the pictures are taken:
desktop (1400x900) and phone (390x844, at twice the density). What the throughput chart shows of the hours before is
made up. Takes two minutes or three; with names of pictures as arguments, those alone are taken.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "shared")]

from bandcamp_sync.bandcamp.browser import find_chromium  # noqa: E402
from bandcamp_sync.throughput import BUCKET_S  # noqa: E402
from browser.served import Dashboard  # noqa: E402
from browser.stack import Stack  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402
from smaller import with_few_colours  # noqa: E402
from standin import World  # noqa: E402

PLACE = ROOT / "docs" / "screenshots"
MOST_BYTES = 300_000
#: Purchases by their part in the picture; the rest is synced.
ARRIVING = ("p500000001", "p500000004")
QUEUED = ("p500000006", "p500000008")
RETRIED, FAILED, IGNORED = "p500000009", "p500000012", "p500000029"
#: Bytes a second at which the last ones arrive.
SLOW = 450_000

#: Picture by name: its page.
PAGES = {
    "overview": "/",
    "collection": "/collection",
    "covers": "/collection?view=grid",
    "item": f"/collection/{RETRIED}",
    "logs": "/logs",
    "setup": "/setup",
}
_DEVICES = {
    "desktop": {"viewport": {"width": 1400, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


def main(chosen: list[str]) -> int:
    """Take the pictures; the exit code."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, _browser() as browser:
        stack = _stack(Path(scratch))
        try:
            _set_the_scene(stack)
            for device in _DEVICES:
                for name, path in PAGES.items():
                    if not chosen or name in chosen:
                        _wait_for_the_moment(stack)
                        _take(browser, device, name, stack.url + path)
                if not chosen or "login" in chosen:
                    _take_login(browser, device, stack)
        finally:
            stack.stop()
    return 0


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        if path is None:
            sys.exit("no Chromium is found here; run `make setup`")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


# --- the scene ------------------------------------------------------------------------------------------------------


def _stack(scratch: Path) -> Stack:
    """Everything is fetched but what is held back by the ignore list for now."""
    world = World.build(preset="gallery", seconds=(60.0, 90.0))
    stack = Stack(scratch, world, RETRY_BASE="14m", REQUEST_INTERVAL="100ms", MIN_FREE_SPACE="1G", STALL_TIMEOUT="60s")
    stack.standin.rules.add("damaged_audio", match={"key": RETRIED})
    stack.standin.rules.add("reauth", match={"key": FAILED})
    _ignore(stack, *ARRIVING, *QUEUED, IGNORED)
    _pretend_that_it_ran_before(stack)
    return stack


def _ignore(stack: Stack, *keys: str) -> None:
    stack.data.config.mkdir(parents=True, exist_ok=True)
    stack.data.ignore.write_text("".join(f"{key}\n" for key in keys))


def _pretend_that_it_ran_before(stack: Stack) -> None:
    """A chart of a stack that is a minute old has one bar: earlier downloads, invented as the music is."""
    dice, newest = random.Random(4), int(time.time()) // BUCKET_S
    ages = [age for begin in (12, 38, 66, 97, 121) for age in range(begin, begin + dice.randint(5, 14))]
    buckets = {str((newest - age) * BUCKET_S): dice.randint(40, 260) * 1_000_000 for age in ages}
    stack.data.throughput.mkdir(parents=True, exist_ok=True)
    (stack.data.throughput / "before.json").write_text(json.dumps({"buckets": buckets}))


def _set_the_scene(stack: Stack) -> None:
    print("fetching the collection")
    stack.start()
    _until_done(stack)
    stack.standin.settings.rate = SLOW
    _ignore(stack, IGNORED)
    for verb in ("verify", "scrape", "reconcile"):
        stack.ask_for(verb)
        time.sleep(1.5)
    stack.until(lambda: len(stack.ask("/api/queue")["current"]) == len(ARRIVING), 60)


def _until_done(stack: Stack) -> None:
    stack.until(lambda: stack.counts().get("synced", 0) > 0, 300)
    stack.until(lambda: all(stack.counts()[state] == 0 for state in ("queued", "downloading")), 600)


def _wait_for_the_moment(stack: Stack) -> None:
    """Two downloads well under way; those that are through are asked for again."""

    def is_now() -> bool:
        current = stack.ask("/api/queue")["current"]
        shares = [one["bytes_done"] / one["bytes_total"] for one in current if one["bytes_total"]]
        return len(shares) == len(ARRIVING) and min(shares) > 0.12 and max(shares) < 0.93

    deadline = time.monotonic() + 120
    while not is_now() and time.monotonic() < deadline:
        if stack.counts()["queued"] + stack.counts()["downloading"] < len(ARRIVING):
            for key in (*ARRIVING, *QUEUED):
                stack.ask_for("retry", key)
            time.sleep(3)
        time.sleep(0.2)


# --- the pictures ---------------------------------------------------------------------------------------------------


def _take(browser: Browser, device: str, name: str, url: str) -> None:
    with _page(browser, device) as page:
        page.goto(url)
        expect(page.locator("#line")).to_have_text("live", timeout=30_000)
        _shoot(page, f"{name}-{device}")


def _take_login(browser: Browser, device: str, stack: Stack) -> None:
    guarded = Dashboard(stack.data, DASHBOARD_PASSWORD="secret")
    try:
        with _page(browser, device) as page:
            page.goto(f"{guarded.url}/login")
            _shoot(page, f"login-{device}")
    finally:
        guarded.stop()


@contextmanager
def _page(browser: Browser, device: str) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", timezone_id="UTC", **_DEVICES[device])
    yield context.new_page()
    context.close()


def _shoot(page: Page, name: str) -> None:
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1200)  # covers are decoded, bars have come to rest
    path = PLACE / f"{name}.png"
    page.screenshot(path=path)
    if path.stat().st_size > MOST_BYTES:
        with_few_colours(path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB, {datetime.now(UTC):%H:%M:%S}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
