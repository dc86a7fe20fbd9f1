"""The overview when much is wrong: every panel as high as what it holds, and nothing that fills the page by itself."""

import pytest
from bandcamp_sync.spool.job import State
from playwright.sync_api import Page, expect

from browser.books import put
from browser.served import Dashboard
from browser.views import overflow, visit

_MOST_NEEDS = 4


@pytest.mark.parametrize("in_state", ["failed"], indirect=True)
@pytest.mark.parametrize("width", [1800, 1400, 1000])
def test_no_panel_is_stretched_by_the_one_beside_it(in_state: Dashboard, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, in_state.url, "overview")
    empty = page.locator(".panels .panel").evaluate_all(
        """(panels) => panels.map((panel) => [
            panel.querySelector("h2").textContent,
            panel.getBoundingClientRect().bottom - panel.lastElementChild.getBoundingClientRect().bottom,
        ]).filter(([, room]) => room > 24)"""
    )
    assert empty == []
    assert overflow(page) == []


@pytest.mark.parametrize("in_state", ["failed"], indirect=True)
def test_of_many_things_that_need_somebody_a_few_are_shown_and_the_rest_counted(
    in_state: Dashboard, page: Page
) -> None:
    visit(page, in_state.url, "overview")
    expect(page.locator("#needs li")).to_have_count(_MOST_NEEDS)
    expect(page.locator("#part-needs")).to_contain_text("and 9 more")
    login = page.locator("#needs li", has_text="Your login")
    assert login.locator("a").all_inner_texts()[0].casefold() == "renew cookies"
    login.get_by_role("link", name="Renew cookies").click()
    expect(page).to_have_url(f"{in_state.url}/setup")


@pytest.mark.parametrize("in_state", ["failed"], indirect=True)
def test_a_need_that_is_met_takes_the_focus_to_its_panel_and_to_no_other_purchase(
    in_state: Dashboard, page: Page
) -> None:
    visit(page, in_state.url, "overview")
    button = page.locator("#needs button[data-post$='/retry']").first
    button.focus()
    key = (button.get_attribute("data-post") or "").split("/")[-2]
    put(in_state.data, State.PENDING, key)
    expect(page.locator(f"#need-{key}")).to_have_count(0)
    expect(page.locator("#needs li")).to_have_count(_MOST_NEEDS)
    expect(page.locator("#title-needs")).to_be_focused()


@pytest.mark.parametrize("in_state", ["idle"], indirect=True)
def test_a_first_run_says_once_what_is_wanted(in_state: Dashboard, page: Page) -> None:
    visit(page, in_state.url, "overview")
    expect(page.locator("#part-welcome")).to_contain_text("two steps away")
    expect(page.locator("#needs li")).to_have_count(1)
    expect(page.locator("#needs").get_by_role("link", name="Hand over cookies")).to_be_visible()
    expect(page.locator("main").get_by_text("cookies of a browser")).to_have_count(1)
