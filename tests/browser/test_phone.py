"""On a phone: nothing scrolls sideways, and every control can be reached and hit with a finger."""

import pytest
from playwright.sync_api import Page, expect

from browser.served import Dashboard
from browser.states import STATES
from browser.views import PATHS, STATIONS, overflow, visit

_WIDTHS = (390, 320)

#: Controls that are too small to hit (WCAG 2.5.8: 24 px a side, but for links within a sentence), or that lie beneath
#: something else once they are scrolled to.
_CONTROLS = """() => {
  const found = [], least = 24;
  for (const one of document.querySelectorAll("a[href], button, input, select, textarea, summary, [role=button]")) {
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (one.type === "hidden" || one.disabled) continue;
    const clip = getComputedStyle(one);
    if (clip.clipPath !== "none" && one.getBoundingClientRect().width <= 1) continue;  // for screen readers alone
    if (one.matches(".skip:not(:focus)")) continue;
    one.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    const box = (one.matches("input[type=checkbox], input[type=radio], input[type=file]") && one.closest("label")
      || one).getBoundingClientRect();
    const name = `${one.tagName} #${one.id} "${(one.textContent || "").trim().slice(0, 30)}"`;
    const sentence = one.parentElement.textContent.trim().length > one.textContent.trim().length;
    const inText = one.tagName === "A" && clip.display === "inline" && sentence;
    if (!inText && (box.width < least - 0.5 || box.height < least - 0.5))
      found.push(`${name} is ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`);
    const rect = one.getClientRects()[0];
    const hit = document.elementFromPoint(rect.x + rect.width / 2, rect.y + rect.height / 2);
    if (!hit || !(one.contains(hit) || hit.contains(one) || hit.closest("label")?.contains(one)))
      found.push(`${name} is beneath ${hit?.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""


def assert_fits(phone: Page) -> None:
    """At no width does anything scroll sideways, or lie where no finger hits it."""
    for width in _WIDTHS:
        phone.set_viewport_size({"width": width, "height": 700})
        assert overflow(phone) == []
        assert phone.evaluate(_CONTROLS) == []


@pytest.mark.parametrize("name", PATHS)
def test_no_page_scrolls_sideways_and_every_control_can_be_hit(standing: Dashboard, phone: Page, name: str) -> None:
    visit(phone, standing.url, name)
    assert_fits(phone)


@pytest.mark.parametrize("name", STATIONS)
@pytest.mark.parametrize("in_state", STATES, indirect=True)
def test_a_state_that_is_seldom_seen_has_room_too(in_state: Dashboard, phone: Page, name: str) -> None:
    visit(phone, in_state.url, name)
    assert_fits(phone)


def test_what_is_there_to_see_comes_first_and_the_controls_stand_on_the_overview(
    standing: Dashboard, phone: Page
) -> None:
    for name in STATIONS:
        visit(phone, standing.url, name)
        is_overview = name == "overview"
        expect(phone.get_by_role("group", name="Actions", exact=True)).to_be_visible(visible=is_overview)
        expect(phone.locator("#part-vitals")).to_be_visible(visible=is_overview)


def test_the_pages_are_reached_by_taps(standing: Dashboard, phone: Page) -> None:
    visit(phone, standing.url, "overview")
    for word, path in {"Collection": "/collection", "Logs": "/logs", "Set-up": "/setup", "Overview": "/"}.items():
        phone.get_by_role("navigation", name="Pages").get_by_role("link", name=word).tap()
        expect(phone).to_have_url(standing.url + path)
        expect(phone.locator("#line")).to_have_text("live")


def test_a_finger_pauses_and_resumes(dashboard: Dashboard, phone: Page) -> None:
    visit(phone, dashboard.url, "overview")
    phone.get_by_role("button", name="Pause").tap()
    expect(phone.locator("#state-word")).to_have_text("paused")
    assert dashboard.data.paused.exists()
    phone.get_by_role("button", name="Resume").tap()
    expect(phone.locator("#state-word")).not_to_have_text("paused")
    assert not dashboard.data.paused.exists()
