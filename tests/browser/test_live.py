"""The pages over the whole stack while it works: what happens shows by itself, and what is clicked happens."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from browser.books import rotate
from browser.stack import Stack
from browser.watch import Watch

#: Bytes a second at which a download lasts long enough to be looked at.
SLOW = 50_000
LONG = 45_000


def buy(stack: Stack, count: int) -> list[str]:
    """So many new purchases, listed by a scrape; their keys."""
    keys = stack.standin.world.add_purchase(count)
    stack.ask_for("scrape")
    return keys


def calm(stack: Stack) -> None:
    """Everything fetched, at full speed, and nothing under way."""
    stack.standin.rules.clear()
    stack.standin.settings.rate = None
    stack.until(lambda: all(stack.counts().get(state, 0) == 0 for state in ("queued", "downloading", "waiting")))


def loaded_once(page: Page) -> Callable[[], bool]:
    """Whether this is still the page that it is now: it was not loaded again."""
    origin = page.evaluate("performance.timeOrigin")
    return lambda: bool(page.evaluate("performance.timeOrigin") == origin)


def test_the_overview_follows_a_first_sync_without_being_loaded_again(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    is_same = loaded_once(page)
    expect(page.locator("#state-word")).to_have_text("syncing", timeout=LONG)
    expect(page.locator("[data-count=downloading]")).not_to_have_text("0", timeout=LONG)
    expect(page).to_have_title("syncing · BandcampSync")
    before = int(page.locator("[data-count=synced]").inner_text())
    expect(page.locator("[data-count=synced]")).not_to_have_text(str(before), timeout=LONG)
    calm(stack)
    expect(page.locator("[data-count=synced]")).to_have_text("12")
    expect(page.locator("#state-word")).to_have_text("idle")
    expect(page).to_have_title("BandcampSync")
    assert is_same()


def test_a_downloads_bar_moves(stack: Stack, page: Page) -> None:
    calm(stack)
    stack.standin.settings.rate = SLOW
    page.goto(stack.url)
    [key] = buy(stack, 1)
    bar = page.locator(f"#download-{key} progress")
    expect(bar).to_be_visible(timeout=LONG)
    value = "(one) => [one.value, one.max]"
    stack.until(lambda: bar.evaluate(value)[0] > 0)
    values = [bar.evaluate(value)]
    stack.until(lambda: bar.evaluate(value)[0] > values[0][0])
    values.append(bar.evaluate(value))
    assert 0 < values[0][0] < values[1][0] <= values[1][1] == values[0][1]
    expect(page.locator(f"#download-{key}")).to_contain_text("kB/s")
    expect(page.locator(f"#download-{key}")).to_contain_text("left")


def test_what_failed_is_retried_by_a_click_and_ends_synced(stack: Stack, page: Page) -> None:
    calm(stack)
    [key] = stack.standin.world.add_purchase(1)
    stack.standin.rules.add("damaged_audio", match={"key": key})
    stack.ask_for("scrape")
    page.goto(stack.url)
    failed = page.locator("#needs li", has=page.locator(f"button[data-post='/api/items/{key}/retry']"))
    expect(failed).to_be_visible(timeout=LONG)
    before = int(page.locator("[data-count=synced]").inner_text())
    stack.standin.rules.clear()
    failed.get_by_role("button", name="Retry").click()
    expect(page.locator("#toast")).to_contain_text("Asked to retry")
    expect(page.locator("[data-count=synced]")).to_have_text(str(before + 1), timeout=LONG)
    expect(failed).to_have_count(0)
    expect(page.locator("#part-actions li").first).to_contain_text("retry")


def test_pause_holds_what_is_queued_and_resume_lets_it_go(stack: Stack, page: Page) -> None:
    calm(stack)
    page.goto(stack.url)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state-word")).to_have_text("paused")
    stack.standin.world.add_purchase(1)
    before = int(page.locator("[data-count=synced]").inner_text())
    page.get_by_role("button", name="Scrape").click()
    expect(page.locator("#toast")).to_contain_text("Asked for a scrape")
    page.wait_for_timeout(2500)
    assert stack.counts()["synced"] == before
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state-word")).not_to_have_text("paused")
    expect(page.locator("[data-count=synced]")).to_have_text(str(before + 1), timeout=LONG)


def test_units_are_there_and_countdowns_tick(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    units = page.locator("#part-units tbody tr")
    expect(units.filter(has_text="bandcamp-sync-worker@1.service")).to_contain_text("running", timeout=LONG)
    for name in ("bandcamp-sync.service", "bandcamp-sync-worker@2.service", "bandcamp-dashboard.service"):
        expect(units.filter(has_text=name)).to_contain_text("active")
    for name in ("bandcamp-sync.timer", "bandcamp-sync-reconcile.timer"):
        left = page.locator("#part-timers li", has_text=name).locator("time[data-countdown]")
        expect(left).to_have_text(re.compile(r"^(\d\d:\d\d|\d h \d+ min)$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before, timeout=5_000)


def test_rows_of_the_collection_turn_synced_by_themselves(stack: Stack, page: Page) -> None:
    calm(stack)
    stack.standin.settings.rate = SLOW
    page.goto(f"{stack.url}/collection")
    is_same = loaded_once(page)
    [key] = buy(stack, 1)
    row = page.locator(f"#row-{key}")
    expect(row.locator(".badge")).to_have_text("downloading", timeout=LONG)
    stack.standin.settings.rate = None
    expect(row.locator(".badge")).to_have_text("synced", timeout=LONG)
    expect(row).to_contain_text("flac")
    assert is_same()


def test_a_purchases_own_page_follows_its_download_to_the_end(stack: Stack, page: Page) -> None:
    calm(stack)
    stack.standin.settings.rate = SLOW
    [key] = buy(stack, 1)
    stack.until(lambda: stack.counts().get("downloading") == 1)
    page.goto(f"{stack.url}/collection/{key}")
    is_same = loaded_once(page)
    expect(page.locator("#item-state")).to_have_text("downloading")
    value = "(one) => one.value"
    before = page.locator("#item progress").evaluate(value)
    stack.until(lambda: page.locator("#item progress").evaluate(value) > before)
    stack.standin.settings.rate = None
    expect(page.locator("#item-state")).to_have_text("synced", timeout=LONG)
    expect(page.locator("#item-history")).to_contain_text("On disk")
    assert is_same()


def test_a_filter_and_a_search_hold_while_purchases_arrive_and_over_reload_and_back(stack: Stack, page: Page) -> None:
    calm(stack)
    stack.standin.settings.rate = SLOW
    page.goto(f"{stack.url}/collection")
    page.click("#filter-unsynced")
    expect(page.locator("#nothing")).to_be_visible()
    [key, other] = buy(stack, 2)
    rows = page.locator("#collection [data-key]")
    expect(rows).to_have_count(2, timeout=LONG)
    page.locator("#q").press_sequentially(key)
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{stack.url}/collection?q={key}&state=unsynced")
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator("#q")).to_have_value(key)
    page.go_back()
    expect(page).to_have_url(f"{stack.url}/collection?state=unsynced")
    expect(page.locator(f"#row-{other}")).to_be_visible()
    expect(page.locator("#q")).to_have_value("")
    calm(stack)
    expect(page.locator("#nothing")).to_be_visible()


def test_log_lines_arrive_while_they_are_written_over_a_rotation_and_a_restarted_dashboard(
    stack: Stack, page: Page, watch: Watch
) -> None:
    watch.allow_restart()
    calm(stack)
    page.goto(f"{stack.url}/logs?file=worker")
    expect(page.locator("#log-state")).to_have_text("following")

    def is_told_of(key: str) -> None:
        calm(stack)
        expect(page.locator("#log .entry", has_text=key).first).to_be_attached(timeout=LONG)

    is_told_of(*buy(stack, 1))
    rotate(stack.data, "worker")
    is_told_of(*buy(stack, 1))
    stack.restart("bandcamp-dashboard")
    is_told_of(*buy(stack, 1))
    expect(page.locator("#log-state")).to_have_text("following")
    written = [line for name in ("worker.log.1", "worker.log") for line in _lines(stack.data.logs / name)]
    expect(page.locator("#log .entry")).to_have_count(len(written))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_an_item_ignored_by_a_click_is_left_out_until_it_is_taken_up_again(stack: Stack, page: Page) -> None:
    calm(stack)
    page.goto(stack.url)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state-word")).to_have_text("paused")
    [key] = stack.standin.world.add_purchase(1)
    stack.standin.rules.add("damaged_audio", match={"key": key})
    page.get_by_role("button", name="Resume").click()
    stack.ask_for("scrape")
    stack.until(lambda: stack.counts()["failed"] == 1, 45)
    page.goto(f"{stack.url}/collection/{key}")
    page.get_by_role("button", name="Ignore").click()
    expect(page.locator("#item-state")).to_have_text("ignored", timeout=LONG)
    stack.standin.rules.clear()
    page.get_by_role("button", name="Unignore").click()
    expect(page.locator("#item-state")).not_to_have_text("ignored", timeout=LONG)
    calm(stack)
