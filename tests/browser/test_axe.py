"""axe-core finds nothing to complain of, on any page, wide and narrow; and whoever asks for less motion gets none."""

from collections.abc import Iterator

import pytest
from bandcamp_sync.paths import DataFolder
from playwright.sync_api import Page, expect

from browser.axe import complaints
from browser.books import fill
from browser.served import Dashboard
from browser.states import STATES
from browser.views import PATHS, STATIONS, visit
from browser.watch import Watch

_WIDTHS = ("desktop", "phone")
PASSWORD = "open sesame"


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Page:
    """The page of the width that the test is given."""
    found: Page = request.getfixturevalue("page" if request.param == "desktop" else "phone")
    return found


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a password."""
    data = DataFolder(tmp_path_factory.mktemp("guarded") / "data")
    fill(data)
    with Dashboard(data, DASHBOARD_PASSWORD=PASSWORD) as one:
        yield one


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
@pytest.mark.parametrize("name", PATHS)
def test_a_page_has_no_violation(standing: Dashboard, shown: Page, name: str) -> None:
    visit(shown, standing.url, name)
    assert not complaints(shown)


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
@pytest.mark.parametrize("name", STATIONS)
@pytest.mark.parametrize("in_state", STATES, indirect=True)
def test_a_page_has_no_violation_in_a_state_that_is_seldom_seen(
    in_state: Dashboard, shown: Page, name: str, request: pytest.FixtureRequest
) -> None:
    visit(shown, in_state.url, name)
    expect(shown.locator("#state-word")).to_have_text(request.node.callspec.params["in_state"])
    assert not complaints(shown)


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
def test_the_door_has_no_violation_not_even_after_a_wrong_password(
    guarded: Dashboard, shown: Page, watch: Watch
) -> None:
    shown.goto(guarded.url)
    expect(shown).to_have_url(f"{guarded.url}/login")
    assert not complaints(shown)
    watch.allow("403")  # the browser says in its console what a wrong password is answered with
    shown.get_by_label("Password").fill("open says me")
    shown.get_by_role("button", name="Log in").click()
    expect(shown.get_by_role("alert")).to_be_visible()
    assert not complaints(shown)
    shown.get_by_label("Password").fill(PASSWORD)
    shown.keyboard.press("Enter")
    expect(shown).to_have_url(f"{guarded.url}/")
    assert not complaints(shown)


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
@pytest.mark.parametrize(
    ("path", "leads_to", "link"),
    [("/nowhere", "/", "To the overview"), ("/collection/p999", "/collection", "Show the collection")],
)
def test_what_is_not_there_is_said_without_violation(
    standing: Dashboard, shown: Page, watch: Watch, path: str, leads_to: str, link: str
) -> None:
    watch.allow("404")
    shown.goto(standing.url + path)
    expect(shown.get_by_role("heading", level=1)).to_be_visible()
    assert not complaints(shown)
    shown.get_by_role("link", name=link).click()
    expect(shown).to_have_url(standing.url + leads_to)


def test_nothing_moves_for_whoever_asks_for_less_motion(standing: Dashboard, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    for name in PATHS:
        visit(page, standing.url, name)
        moving = page.evaluate(
            """() => [...document.querySelectorAll("*")].filter((one) => {
                const style = getComputedStyle(one);
                const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0.01);
                return lasts(style.animationDuration) && style.animationName !== "none"
                  || lasts(style.transitionDuration);
            }).map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert (moving, page.evaluate("document.getAnimations().length")) == ([], 0), name
