"""Everything by keyboard alone: into every page, through all that it has, and out again."""

from typing import Any

import pytest
from bandcamp_sync.control import Verb, take
from playwright.sync_api import Page, expect

from browser.books import FAILED
from browser.served import Dashboard
from browser.views import PATHS, visit

#: What has the focus: what it is, whether it can be seen, and whether one sees that it has the focus.
_FOCUS = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const one = focused.matches("input[type=file].unseen") ? focused.labels[0] : focused;
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
  focused.dataset.stop ||= String(window.stops = (window.stops || 0) + 1);
  return {
    stop: focused.dataset.stop,
    name: `${one.tagName} #${one.id} "${(one.textContent || "").trim().slice(0, 40)}"`,
    isSeen: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth && one.checkVisibility({ opacityProperty: true }),
    hasRing: ring,
  };
}"""
_MOST_STOPS = 400


def walk(page: Page) -> list[dict[str, Any]]:
    """Press Tab until the focus leaves the page, or comes round: every stop on the way."""
    stops: list[dict[str, Any]] = []
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUS)
        if stop is None or any(stop["stop"] == known["stop"] for known in stops):
            return stops
        stops.append(stop)
    raise AssertionError(f"the focus does not leave the page: {stops[-3:]}")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    wanted = page.locator(selector)
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


@pytest.mark.parametrize("name", PATHS)
def test_the_focus_goes_through_the_whole_page_and_is_always_seen(standing: Dashboard, page: Page, name: str) -> None:
    visit(page, standing.url, name)
    stops = walk(page)
    assert [stop["name"] for stop in stops if not stop["isSeen"]] == []
    assert [stop["name"] for stop in stops if not stop["hasRing"]] == []
    reached = {stop["stop"] for stop in stops}
    missed = page.evaluate(
        """(reached) => [...document.querySelectorAll("a[href], button, input, select, textarea")]
            .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.type !== "hidden" && !one.disabled
              && one.tabIndex >= 0 && !reached.includes(one.dataset.stop) && one.type !== "radio")
            .map((one) => one.outerHTML.slice(0, 100))""",
        list(reached),
    )
    assert missed == []


@pytest.mark.parametrize("name", ["overview", "collection", "item", "logs", "set-up"])
def test_the_first_stop_leads_past_the_frame(standing: Dashboard, page: Page, name: str) -> None:
    visit(page, standing.url, name)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_each_page_is_reached_from_each_other(standing: Dashboard, page: Page) -> None:
    visit(page, standing.url, "overview")
    for word in ("Collection", "Logs", "Set-up", "Overview"):
        link = page.get_by_role("navigation", name="Pages").get_by_role("link", name=word)
        link.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(word)
        expect(page.get_by_role("navigation", name="Pages").locator("[aria-current=page]")).to_have_text(word)


def test_the_logs_buttons_come_before_the_links_of_its_lines(standing: Dashboard, page: Page) -> None:
    visit(page, f"{standing.url}", "logs")
    expect(page.locator("#log a").first).to_be_visible()
    page.focus("#q")
    page.keyboard.press("Shift+Tab")
    for button in ("#pause-log", "#copy", "#wrap", "[data-download=worker]"):
        tab_to(page, button)
        assert page.evaluate("!document.getElementById('log').contains(document.activeElement)")
    stops = walk(page)
    assert any("A #" in stop["name"] and FAILED in stop["name"] for stop in stops), "the links are reached as well"


def test_pausing_and_resuming_keep_the_focus(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "overview")
    tab_to(page, "#pause")
    page.keyboard.press("Enter")
    expect(page.locator("#state-word")).to_have_text("paused")
    expect(page.locator("#pause")).to_be_focused()
    expect(page.locator("#pause")).to_have_text("Resume")
    page.keyboard.press("Space")
    expect(page.locator("#pause")).to_have_text("Pause")
    assert not dashboard.data.paused.exists()


@pytest.mark.parametrize("verb", [Verb.SCRAPE, Verb.RECONCILE, Verb.RETRY, Verb.VERIFY])
def test_an_action_is_asked_for_by_key_and_told_of(dashboard: Dashboard, page: Page, verb: Verb) -> None:
    visit(page, dashboard.url, "overview")
    tab_to(page, f"[data-post='/api/actions/{verb}']")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_be_visible()
    asked = take(dashboard.data, verb)
    assert asked is not None
    assert asked.everything


def test_a_failed_purchase_is_opened_and_retried_by_key(dashboard: Dashboard, page: Page) -> None:
    visit(page, dashboard.url, "collection")
    tab_to(page, f"#open-{FAILED}")
    page.keyboard.press("Enter")
    expect(page.locator("#item-title")).to_be_visible()
    tab_to(page, "#item-retry")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_be_visible()
    asked = take(dashboard.data, Verb.RETRY)
    assert asked is not None
    assert asked.keys == (FAILED,)
