"""Every page that there is, and how a test waits until it stands."""

from collections.abc import Mapping

from playwright.sync_api import Page, expect

#: Page by name: its path. `item` is a purchase that failed, which has the most to show.
PATHS: Mapping[str, str] = {
    "overview": "/",
    "collection": "/collection",
    "covers": "/collection?view=grid",
    "nothing found": "/collection?q=nothing-of-that-name",
    "item": "/collection/p24",
    "synced item": "/collection/p1",
    "logs": "/logs",
    "set-up": "/setup",
}
#: Those that the frame leads to.
STATIONS = ("overview", "collection", "logs", "set-up")


def visit(page: Page, url: str, name: str) -> None:
    """Open a page by its name, and wait until it is live."""
    page.goto(url + PATHS[name])
    expect(page.locator("#line")).to_have_text("live")


def overflow(page: Page) -> list[str]:
    """What sticks out at the right of the page, where the page scrolls sideways; none where it does not."""
    found: list[str] = page.evaluate(
        """() => {
            const root = document.documentElement, wide = root.clientWidth;
            if (root.scrollWidth <= wide) return [];
            const scrolls = (one) => {
              for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
                if (getComputedStyle(up).overflowX !== "visible") return true;
              return false;
            };
            return [...document.body.querySelectorAll("*")]
              .filter((one) => one.getBoundingClientRect().right > wide + 0.5 && !scrolls(one))
              .map((one) => `${one.tagName} #${one.id} .${one.getAttribute("class")} ${Math.round(
                one.getBoundingClientRect().right)} > ${wide}`)
              .concat([`the page is ${root.scrollWidth} wide, the window ${wide}`]);
        }"""
    )
    return found
