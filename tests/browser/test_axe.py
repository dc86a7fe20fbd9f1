"""axe-core finds nothing to complain of, on any page, wide and narrow; and whoever asks for less motion gets none."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from bandcamp_sync.paths import DataFolder
from playwright.sync_api import Page, expect

from browser.books import fill
from browser.served import Dashboard
from browser.views import PATHS, visit
from browser.watch import Watch

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_WIDTHS = ("desktop", "phone")
PASSWORD = "open sesame"


def complaints(page: Page) -> str:
    """axe's violations, a paragraph for each element; empty when all is well."""
    # What fades in is not judged while it is half there.
    page.evaluate(
        "Promise.allSettled(document.getAnimations().map((one) => one.effect.getComputedTiming().iterations"
        " === Infinity ? one.cancel() : one.finished))"
    )
    found: dict[str, Any] = Axe().run(page, options={"runOnly": _RULES}).response
    return "\n\n".join(
        f"{rule['id']}: {node['html'][:160]}\n{node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    )


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
    one = Dashboard(data, DASHBOARD_PASSWORD=PASSWORD)
    yield one
    one.stop()


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
@pytest.mark.parametrize("name", PATHS)
def test_a_page_has_no_violation(standing: Dashboard, shown: Page, name: str) -> None:
    visit(shown, standing.url, name)
    assert not complaints(shown)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard over a folder that nothing has ever written to."""
    one = Dashboard(DataFolder(tmp_path_factory.mktemp("empty") / "data"))
    yield one
    one.stop()


@pytest.mark.parametrize("shown", _WIDTHS, indirect=True)
@pytest.mark.parametrize("name", ["overview", "collection", "logs", "set-up"])
def test_a_page_of_an_empty_folder_has_no_violation(empty: Dashboard, shown: Page, name: str) -> None:
    visit(shown, empty.url, name)
    expect(shown.locator("#state-word")).to_have_text("idle")
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
def test_a_page_that_is_not_there_says_so_without_violation(standing: Dashboard, shown: Page, watch: Watch) -> None:
    watch.allow("404")
    shown.goto(f"{standing.url}/nowhere")
    expect(shown.get_by_role("heading", level=1)).to_be_visible()
    assert not complaints(shown)
    shown.get_by_role("link").click()
    expect(shown).to_have_url(f"{standing.url}/")


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
