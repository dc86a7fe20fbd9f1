"""A dashboard that goes away and comes back: the page says so, and catches up with what was asked for meanwhile."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.served import Dashboard
from browser.views import visit
from browser.watch import Watch

ROWS = "#collection [data-key]"
NO_ANSWER = "The dashboard does not answer"


@pytest.fixture(autouse=True)
def _connections_break(watch: Watch) -> None:
    watch.allow_restart()


def test_a_lost_server_is_plain_to_see_and_all_is_as_before_when_it_is_back(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "overview")
    expect(page).to_have_title("syncing · BandcampSync")
    expect(page.get_by_role("status").filter(has_text="syncing")).to_have_id("state-word")
    dashboard.stop()
    expect(page.locator("#state-word")).to_have_text("no connection")
    expect(page).to_have_title("no connection · BandcampSync")
    expect(page.locator("#why li").first).to_have_text(re.compile(r"^as of \d\d:\d\d:\d\d: syncing$"))
    expect(page.locator("#state")).to_have_css("background-color", "rgb(0, 0, 0)")
    for width in (1400, 1000, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert lies_apart(page, ".brand a", "#state, #why, #line")
    page.get_by_role("button", name="Scrape").click()
    expect(page.locator("#toast")).to_have_text(f"{NO_ANSWER}; try again when it is back.")
    dashboard.start()
    expect(page.locator("#state-word")).to_have_text("syncing")
    expect(page).to_have_title("syncing · BandcampSync")
    expect(page.locator("#why")).not_to_contain_text("as of")
    expect(page.locator("#state")).not_to_have_css("background-color", "rgb(0, 0, 0)")
    expect(page.locator("#line")).to_have_text("live")


def lies_apart(page: Page, selector: str, others: str) -> bool:
    """Whether an element's box and those of the others have no point in common."""
    return bool(
        page.evaluate(
            """([selector, others]) => {
                const own = document.querySelector(selector).getBoundingClientRect();
                return [...document.querySelectorAll(others)].every((one) => {
                  const box = one.getBoundingClientRect();
                  return box.right <= own.left || box.left >= own.right || box.bottom <= own.top
                    || box.top >= own.bottom;
                });
            }""",
            [selector, others],
        )
    )


def test_the_list_is_what_the_address_says_after_an_outage(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "collection")
    dashboard.stop()
    page.locator("#q").press_sequentially("moss", delay=15)
    expect(page.locator("#toast")).to_contain_text(NO_ANSWER)
    expect(page).to_have_url(f"{dashboard.url}/collection?q=moss")
    expect(page.locator(ROWS)).to_have_count(27)
    dashboard.start()
    expect(page.locator("#found")).to_have_text("4 of 27 purchases")
    expect(page.locator(ROWS)).to_have_count(4)
    expect(page.locator("#q")).to_have_value("moss")


def test_a_purchase_that_was_opened_during_an_outage_is_shown_after_it(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "collection")
    page.click("#open-p1")
    expect(page.locator("#item")).to_have_attribute("data-key", "p1")
    dashboard.stop()
    page.click("#open-p2")
    expect(page.locator("#toast")).to_contain_text(NO_ANSWER)
    dashboard.start()
    expect(page.locator("#item")).to_have_attribute("data-key", "p2")


def test_a_list_that_was_refused_is_asked_for_again_though_the_stream_stands(
    standing: Dashboard, page: Page, watch: Watch
) -> None:
    watch.allow("503")
    visit(page, standing.url, "collection")
    page.route(re.compile("/collection/list"), lambda route: route.fulfill(status=503), times=1)
    page.click("#filter-failed")
    expect(page.locator("#toast")).to_contain_text("The collection could not be read")
    expect(page.locator(ROWS)).to_have_count(1)


def test_a_title_that_nothing_keeps_true_says_no_state(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "overview")
    expect(page).to_have_title("syncing · BandcampSync")
    hide(page, is_hidden=True)
    expect(page).to_have_title("BandcampSync")
    hide(page, is_hidden=False)
    expect(page).to_have_title("syncing · BandcampSync")


def hide(page: Page, *, is_hidden: bool) -> None:
    """As if somebody turned to another tab, or back."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )
