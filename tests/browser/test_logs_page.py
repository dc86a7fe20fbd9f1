"""The page of the logs: it follows, stands still, is searched, and survives rotation and a restarted server."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.books import FAILED, log, rotate
from browser.served import Dashboard
from browser.watch import Watch

NASTY = "<img src=x onerror=alert(1)><script>alert(2)</script>"
MOST = 5000


@pytest.fixture
def logs(dashboard: Dashboard, page: Page) -> Iterator[Page]:
    """The page over a log that is longer than the screen, live."""
    say(dashboard, *(f"old {number:03d}" for number in range(200)))
    visit(page, dashboard)
    expect(last(page)).to_contain_text("old 199")
    yield page


def visit(page: Page, dashboard: Dashboard, query: str = "") -> None:
    page.goto(f"{dashboard.url}/logs{query}")
    expect(page.locator("#log-state")).to_have_text("following")


def say(dashboard: Dashboard, *texts: str, service: str = "worker", level: str = "INFO") -> None:
    for text in texts:
        log(dashboard.data, service, f"{level:<5} {service} - {text}")


def last(page: Page) -> Locator:
    return page.locator("#log .entry").last


def said(page: Page, start: str) -> list[str]:
    """What the lines on the page say that begin so."""
    texts = page.locator("#log .entry-said").all_text_contents()
    return [text for text in texts if text.startswith(start)]


def from_end(page: Page) -> float:
    """How many pixels of the log lie below what is seen."""
    return float(page.locator("#log").evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight"))


# --- following ------------------------------------------------------------------------------------------------------


def test_new_lines_are_followed_across_a_rotation(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "new one")
    expect(last(logs)).to_contain_text("new one")
    assert from_end(logs) < 4
    say(dashboard, "last of the old file")
    rotate(dashboard.data, "worker")
    say(dashboard, "first of the new file")
    expect(last(logs)).to_contain_text("first of the new file")
    assert said(logs, "last of") == ["last of the old file"]
    assert from_end(logs) < 4


def test_whoever_scrolls_up_is_told_how_many_lines_came_and_goes_back_by_a_click(
    logs: Page, dashboard: Dashboard
) -> None:
    below = logs.get_by_role("button", name="below")
    expect(below).to_be_hidden()
    logs.locator("#log").hover()
    logs.mouse.wheel(0, -800)
    expect(logs.locator("#log-state")).to_have_text("reading")
    before = logs.locator("#log").evaluate("(log) => log.scrollTop")
    say(dashboard, *(f"new {number}" for number in range(37)))
    expect(below).to_have_text("37 new lines below")
    assert logs.locator("#log").evaluate("(log) => log.scrollTop") == before
    below.click()
    expect(logs.locator("#log-state")).to_have_text("following")
    expect(below).to_be_hidden()
    assert from_end(logs) < 4
    expect(last(logs)).to_contain_text("new 36")


def test_the_keyboard_scrolls_pauses_and_goes_back_to_the_end(logs: Page, dashboard: Dashboard) -> None:
    region = logs.get_by_role("log", name="Log lines")
    region.focus()
    logs.keyboard.press("PageUp")
    expect(logs.locator("#log-state")).to_have_text("reading")
    say(dashboard, "new one")
    expect(logs.locator("#below")).to_have_text("1 new line below")
    logs.keyboard.press("End")
    expect(logs.locator("#log-state")).to_have_text("following")
    assert from_end(logs) < 4
    logs.keyboard.press("Space")
    expect(logs.locator("#log-state")).to_have_text("paused")
    logs.keyboard.press("Space")
    expect(logs.locator("#log-state")).to_have_text("following")
    logs.keyboard.press("Home")
    expect(logs.locator("#log .entry").first).to_be_in_viewport()
    expect(logs.locator("#log-state")).to_have_text("reading")


def test_whoever_scrolls_down_to_the_end_follows_again(logs: Page, dashboard: Dashboard) -> None:
    logs.locator("#log").hover()
    logs.mouse.wheel(0, -400)
    expect(logs.locator("#log-state")).to_have_text("reading")
    logs.mouse.wheel(0, 4000)
    expect(logs.locator("#log-state")).to_have_text("following")
    say(dashboard, "new one")
    expect(last(logs)).to_be_in_viewport()
    expect(last(logs)).to_contain_text("new one")


def test_a_pause_holds_lines_back_and_says_how_many(logs: Page, dashboard: Dashboard) -> None:
    logs.get_by_role("button", name="Pause log").click()
    say(dashboard, "held 0", "held 1", "held 2")
    button = logs.get_by_role("button", name="Resume · 3 waiting")
    expect(button).to_be_visible()
    expect(last(logs)).to_contain_text("old 199")
    button.click()
    expect(last(logs)).to_contain_text("held 2")
    assert said(logs, "held") == ["held 0", "held 1", "held 2"]


# --- a connection that breaks ---------------------------------------------------------------------------------------


def test_a_restarted_server_costs_no_line_and_doubles_none(logs: Page, dashboard: Dashboard, watch: Watch) -> None:
    watch.allow_restart()
    say(dashboard, "line 0", "line 1")
    expect(last(logs)).to_contain_text("line 1")
    dashboard.stop()
    expect(logs.locator("#log-state")).to_contain_text("no connection")
    say(dashboard, "line 2", "line 3")
    rotate(dashboard.data, "worker")
    say(dashboard, "line 4")
    dashboard.start()
    expect(logs.locator("#log-state")).to_have_text("following", timeout=20_000)
    say(dashboard, "line 5")
    expect(last(logs)).to_contain_text("line 5")
    assert said(logs, "line") == [f"line {number}" for number in range(6)]


def test_a_page_that_was_hidden_catches_up(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "seen")
    expect(last(logs)).to_contain_text("seen")
    hide(logs, True)
    say(dashboard, "line 0")
    rotate(dashboard.data, "worker")
    say(dashboard, "line 1")
    logs.wait_for_timeout(1200)
    assert said(logs, "line") == []
    hide(logs, False)
    expect(last(logs)).to_contain_text("line 1")
    assert said(logs, "line") == ["line 0", "line 1"]
    assert said(logs, "seen") == ["seen"]


def test_what_is_left_out_of_a_long_absence_is_said(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "seen")
    expect(last(logs)).to_contain_text("seen")
    hide(logs, True)
    flood(dashboard, 7000)
    hide(logs, False)
    expect(last(logs)).to_contain_text("flood 06999", timeout=30_000)
    logs.get_by_role("log").press("Home")
    assert said(logs, "flood")[0] == "flood 02000"


def hide(page: Page, hidden: bool) -> None:
    """What a browser tells a page in another tab."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def flood(dashboard: Dashboard, count: int) -> None:
    with (dashboard.data.logs / "worker.log").open("a") as file:
        file.writelines(f"2026-11-23T12:01:00.000Z INFO  worker - flood {n:05d}\n" for n in range(count))


def test_a_flood_leaves_the_newest_lines_on_the_page_and_no_more(logs: Page, dashboard: Dashboard) -> None:
    flood(dashboard, 10_000)
    expect(last(logs)).to_contain_text("flood 09999", timeout=60_000)
    assert said(logs, "flood") == [f"flood {number:05d}" for number in range(MOST, 10_000)]
    expect(logs.locator("#found")).to_have_text("5,000 lines")
    assert from_end(logs) < 4


# --- filters --------------------------------------------------------------------------------------------------------


def test_the_filters_are_in_the_address_and_work_live(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "Holt - Moss: it broke", level="WARN")
    say(dashboard, "moss is gone", service="scraper", level="ERROR")
    logs.get_by_label("Level").select_option("warnings and errors")
    expect(logs).to_have_url(re.compile(r"\?level=WARN$"))
    logs.get_by_label("Search").fill("moss")
    expect(logs).to_have_url(re.compile(r"\?level=WARN&q=moss$"))
    expect(logs.locator("#log .entry")).to_have_count(2)
    logs.get_by_label("Service").select_option("worker")
    expect(logs).to_have_url(re.compile(r"\?file=worker&level=WARN&q=moss$"))
    expect(logs.locator("#log .entry")).to_have_count(1)
    expect(logs.locator("#log mark")).to_have_text("Moss")
    say(dashboard, "moss, but nothing grave")
    say(dashboard, "more moss", level="ERROR")
    expect(logs.locator("#log .entry")).to_have_count(2)
    expect(last(logs)).to_contain_text("more moss")


def test_an_address_with_filters_can_be_opened_and_gone_back_to(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "it broke", level="WARN")
    visit(logs, dashboard, "?file=worker&level=WARN&q=it")
    expect(logs.get_by_label("Service")).to_have_value("worker")
    expect(logs.get_by_label("Level")).to_have_value("WARN")
    expect(logs.get_by_label("Search")).to_have_value("it")
    expect(last(logs)).to_contain_text("it broke")
    logs.get_by_label("Service").select_option("scraper")
    expect(logs.locator("#log")).to_contain_text("no lines that fit")
    logs.go_back()
    expect(logs.get_by_label("Service")).to_have_value("worker")
    expect(last(logs)).to_contain_text("it broke")
    logs.get_by_role("link", name="errors").click()
    expect(logs).to_have_url(re.compile(r"\?file=worker&level=ERROR&q=it$"))
    expect(logs.locator("#log")).to_contain_text("no lines that fit")
    say(dashboard, "it is damaged", level="ERROR")
    expect(last(logs)).to_contain_text("it is damaged")
    expect(logs.locator("#log")).not_to_contain_text("no lines")


def test_a_service_that_logs_for_the_first_time_can_be_chosen(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "hello", service="reconciler")
    expect(last(logs)).to_contain_text("hello")
    logs.get_by_label("Service").select_option("reconciler")
    expect(logs.locator("#log .entry")).to_have_count(1)
    expect(logs.locator("#downloads a:visible")).to_have_text(["reconciler"])


# --- lines ----------------------------------------------------------------------------------------------------------


def test_a_line_tells_its_time_level_purchase_and_topic_in_words(logs: Page, dashboard: Dashboard) -> None:
    log(dashboard.data, "worker", f"WARN  worker {FAILED} Holt - Moss: it broke; next try 2026-11-23 12:05:00 UTC")
    line = last(logs)
    expect(line.locator(".topic")).to_have_text("retry")
    expect(line.locator(".entry-level")).to_have_text("WARN")
    expect(line.locator(".entry-service")).to_have_text("worker")
    expect(line.get_by_role("link", name=FAILED)).to_have_attribute("href", f"/collection/{FAILED}")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", line.locator("time").text_content() or "")
    assert re.fullmatch(r"[\d-]{10} [\d:.]{12} UTC", line.locator("time").get_attribute("title") or "")
    line.get_by_role("link", name=FAILED).click()
    expect(logs).to_have_url(re.compile(f"/collection/{FAILED}$"))


def test_markup_in_a_line_a_search_and_a_name_stays_text(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, f"got {NASTY}", level="ERROR")
    say(dashboard, f"got {NASTY}", service='"><img src=x>')
    expect(logs.locator("#log .entry")).to_have_count(206)
    logs.get_by_label("Search").fill("<img")
    expect(logs.locator("#log .entry")).to_have_count(2)
    assert logs.locator("#log img, #log script, form img, #downloads img").count() == 0
    expect(last(logs)).to_contain_text(NASTY)
    visit(logs, dashboard, f"?q={NASTY}")
    expect(logs.locator("#log .entry")).to_have_count(2)
    assert logs.locator("#log img, #log script, form img").count() == 0


def test_what_is_shown_or_selected_is_copied_as_it_stands_in_the_log(logs: Page, dashboard: Dashboard) -> None:
    visit(logs, dashboard, "?file=worker&q=old")
    expect(logs.locator("#log .entry")).to_have_count(200)
    logs.get_by_role("button", name="Copy").click()
    expect(logs.locator("#toast")).to_have_text("200 lines copied.")
    copied = str(logs.evaluate("navigator.clipboard.readText()")).splitlines()
    kept = (dashboard.data.logs / "worker.log").read_text().splitlines()
    assert copied == [line for line in kept if " old " in line]
    logs.evaluate("""() => {
      const rows = document.querySelectorAll("#log .entry");
      getSelection().setBaseAndExtent(rows[3].querySelector(".entry-said"), 0, rows[4].querySelector("time"), 1);
    }""")
    logs.get_by_role("button", name="Copy").click()
    expect(logs.locator("#toast")).to_have_text("2 lines copied.")
    assert str(logs.evaluate("navigator.clipboard.readText()")).splitlines() == copied[3:5]


def test_a_page_without_the_clipboard_of_secure_ones_copies_too(logs: Page) -> None:
    logs.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    logs.get_by_role("button", name="Copy").click()
    expect(logs.locator("#toast")).to_contain_text("lines copied")


def test_a_download_has_the_whole_log_and_honours_the_filters(logs: Page, dashboard: Dashboard, tmp_path: Path) -> None:
    rotate(dashboard.data, "worker")
    say(dashboard, "old and new", level="WARN")
    visit(logs, dashboard, "?q=old")
    with logs.expect_download() as download:
        logs.get_by_role("link", name="worker", exact=True).click()
    assert download.value.suggested_filename == "worker.log"
    download.value.save_as(tmp_path / "kept.log")
    assert len((tmp_path / "kept.log").read_text().splitlines()) == 201
    logs.get_by_label("Level").select_option("errors")
    expect(logs).to_have_url(re.compile("level=ERROR"))
    href = logs.get_by_role("link", name="worker", exact=True).get_attribute("href") or ""
    assert parse_qs(urlsplit(href).query) == {"file": ["worker"], "level": ["ERROR"], "q": ["old"]}


def test_long_lines_wrap_or_not_as_was_chosen_before(logs: Page, dashboard: Dashboard) -> None:
    say(dashboard, "long " + "word " * 200)
    expect(last(logs)).to_contain_text("long")
    wider = "(log) => log.scrollWidth > log.clientWidth + 1"
    assert not logs.locator("#log").evaluate(wider)
    logs.get_by_label("Wrap").uncheck()
    assert logs.locator("#log").evaluate(wider)
    visit(logs, dashboard)
    expect(logs.get_by_label("Wrap")).not_to_be_checked()
    assert logs.locator("#log").evaluate(wider)


# --- elsewhere ------------------------------------------------------------------------------------------------------


def test_a_phone_shows_all_of_it_without_scrolling_sideways(dashboard: Dashboard, phone: Page) -> None:
    say(dashboard, *(f"old {number} " + "word " * 40 for number in range(50)))
    visit(phone, dashboard)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not phone.locator("#log").evaluate("(log) => log.scrollWidth > log.clientWidth + 1")
    for name in ("Pause log", "Copy"):
        box = phone.get_by_role("button", name=name).bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    phone.get_by_label("Level").select_option("errors")
    expect(phone.locator("#log .entry")).to_have_count(1)
    say(dashboard, "new one", level="ERROR")
    expect(last(phone)).to_contain_text("new one")
    assert from_end(phone) < 4


def test_without_a_script_the_last_lines_are_in_the_page_and_the_filters_a_form(
    chromium: Browser, dashboard: Dashboard
) -> None:
    say(dashboard, *(f"old {number}" for number in range(300)))
    say(dashboard, "it broke", level="WARN")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{dashboard.url}/logs")
    expect(page.locator("#log .entry")).to_have_count(200)
    expect(last(page)).to_contain_text("it broke")
    page.get_by_label("Service").select_option("worker")
    page.get_by_label("Level").select_option("warnings and errors")
    page.get_by_label("Search").fill("broke")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#log .entry")).to_have_count(2)  # and the one of `fill`
    expect(page.get_by_label("Search")).to_have_value("broke")
    context.close()
