"""A stack without a login: cookies are pasted, judged within seconds, and nothing of them stays behind."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from standin import World
from standin.cookies import cookie_file

from browser.stack import Stack

#: Milliseconds: "within seconds".
SOON = 20_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack, with three purchases and no cookies yet."""
    one = Stack(tmp_path_factory.mktemp("fresh"), World.build(purchases=3, preset="small"))
    try:
        yield one.start(logged_in=False)
    finally:
        one.stop()


def hand_over(page: Page, text: str, verdict: str) -> None:
    """Paste it; returns when the page has this verdict on it."""
    page.locator("#cookies-text").fill(text)
    page.get_by_role("button", name="Hand over").click()
    expect(page.locator("#cookies-text")).to_have_value("")
    expect(page.locator("#hand-over-said")).to_be_empty(timeout=SOON)
    expect(page.locator(f"#part-verdict .{verdict}")).to_be_visible(timeout=SOON)


def test_from_no_login_to_a_running_sync_with_nothing_of_the_cookies_left_behind(fresh: Stack, page: Page) -> None:
    page.goto(fresh.url)
    page.locator("#main").get_by_role("link", name="not logged in").click()
    expect(page).to_have_url(f"{fresh.url}/setup")
    expect(page.locator("#part-verdict")).to_contain_text("Not logged in")
    expect(page.locator(".steps li").first).to_be_visible()
    expect(page.locator("#line")).to_have_text("live")

    for rubbish in ("these are no cookies", "<html><img src=x onerror=alert(1)></html>", "identity="):
        hand_over(page, rubbish, "refused")
        expect(page.locator("#part-verdict .whose")).to_have_text("Not logged in")
    nobody = cookie_file("7%09nobody%3D", "netscape", domain=".bandcamp.com", http_only=False)
    hand_over(page, nobody, "refused")
    kept = fresh.data.config / "cookies.txt"
    assert not kept.exists()

    secret = fresh.standin.world.identity or ""
    hand_over(page, cookie_file(secret, "json", domain=".bandcamp.com", http_only=False), "accepted")
    expect(page.locator("#part-verdict .whose")).to_contain_text("Logged in as a_listener until 20")
    assert_forgotten(page, secret)
    assert secret in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    page.goto(fresh.url)
    expect(page.locator("[data-count=synced]")).to_have_text("3", timeout=60_000)
    assert_forgotten(page, secret)
    others = [path for path in fresh.data.root.rglob("*") if path.is_file() and path != kept]
    assert [path for path in others if secret.encode() in path.read_bytes()] == []

    before = kept.read_bytes()
    page.goto(f"{fresh.url}/setup")
    hand_over(page, "nothing of use", "refused")
    expect(page.locator("#part-verdict")).to_contain_text("Nothing has changed")
    assert kept.read_bytes() == before


def assert_forgotten(page: Page, secret: str) -> None:
    """The page, its storage and its address hold nothing of the login; nor does it come back with the page."""
    assert secret
    held = page.evaluate(
        """() => [document.documentElement.outerHTML, location.href,
            JSON.stringify({...localStorage, ...sessionStorage}),
            [...document.querySelectorAll("input, textarea")].map((one) => one.value).join()].join()"""
    )
    assert secret not in held
    page.reload()
    assert secret not in page.content()
