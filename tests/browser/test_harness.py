"""The harness itself: a page with an error is told, a page that asks elsewhere is told."""

from playwright.sync_api import Page, expect

from browser.books import SYNCED
from browser.served import Dashboard
from browser.watch import Watch


def test_a_page_is_served_and_is_live(standing: Dashboard, page: Page) -> None:
    page.goto(standing.url)
    expect(page.locator("#line")).to_contain_text("live")
    expect(page.locator("[data-count=synced]")).to_have_text(str(len(SYNCED)))


def test_an_error_a_dialog_and_a_request_to_elsewhere_are_noticed(
    standing: Dashboard, page: Page, watch: Watch
) -> None:
    page.goto(standing.url)
    page.evaluate("""() => {
        console.error("first");
        setTimeout(() => { throw new Error("second"); });
        setTimeout(() => alert("third"), 50);
        const image = new Image();
        image.src = "http://127.0.0.1:9/fourth.png";
    }""")
    page.wait_for_timeout(400)
    told = "\n".join(watch.troubles)
    assert all(word in told for word in ("first", "second", "third", "fourth.png", "CSP: img-src"))
    watch.allow("first|second|third|fourth|CSP|violates")
