"""Set-up as a person does it, in the order of a first run: from an empty page to the first albums, all in the browser.

One stack serves the tests of a first run, which stand in its order; what they hand over is judged within seconds, and
nothing of it stays behind.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bandcamp_sync.choice import ask_choice
from bandcamp_sync.drop.verdict import Verdict, publish_verdict
from bandcamp_sync.paths import DataFolder
from playwright.sync_api import FilePayload, Page, expect
from standin import World
from standin.cookies import cookie_file

from browser.axe import complaints
from browser.served import Dashboard
from browser.stack import Stack
from browser.views import overflow

#: Milliseconds: "within seconds".
SOON = 20_000
_LARGE = FilePayload(name="large.txt", mimeType="text/plain", buffer=b"x" * (1024 * 1024 + 1))
_SECRET = "Kx7secretQ9wEr5tY"
_LOGS_NOBODY_IN = {
    "text": "these are no cookies",
    "a page": "<html><img src=x onerror=alert(1)></html>",
    "another cookie": f"Cookie: session={_SECRET}",
    "an empty one": "identity=",
    "nobody's": cookie_file("7%09nobody%3D", "netscape"),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack, with three purchases, that nobody has logged in yet."""
    one = Stack(tmp_path_factory.mktemp("fresh"), World.build(purchases=3, preset="small"))
    try:
        yield one.start(logged_in=False)
    finally:
        one.stop()


@pytest.fixture
def logged_in(fresh: Stack) -> Stack:
    """The same, with a login and all of its purchases fetched, by whatever came before or by itself."""
    kept = fresh.data.config / "cookies.txt"
    if not kept.exists():
        fresh.standin.write_cookies(kept).chmod(0o600)
        fresh.ask_for("scrape")
    fresh.until(lambda: fresh.counts().get("synced") == 3 and not fresh.ask("/api/status")["scrape"]["running_since"])
    return fresh


def paste(page: Page, text: str, verdict: str) -> None:
    """Hand it over; returns when the page has this verdict on it, and nothing of the text in its field."""
    page.get_by_label("Or paste it").fill(text)
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_label("Or paste it")).to_have_value("")
    judged(page, verdict)


def judged(page: Page, verdict: str) -> None:
    """Wait until what was handed over is judged so."""
    expect(page.locator("#hand-over-said")).to_be_empty(timeout=SOON)
    expect(page.locator(f"#part-verdict .verdict.{verdict}")).to_be_visible(timeout=SOON)


def drop(page: Page, text: str) -> None:
    """Drop a file on the page, as a mouse would."""
    page.evaluate(
        """text => {
            const all = new DataTransfer();
            all.items.add(new File([text], "cookies.txt", { type: "text/plain" }));
            const zone = document.getElementById("drop-zone");
            for (const name of ["dragenter", "dragover", "drop"])
                zone.dispatchEvent(new DragEvent(name, { dataTransfer: all, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def secret_of(stack: Stack) -> str:
    """The login's cookie."""
    identity = stack.standin.world.identity
    assert identity
    return identity


def assert_forgotten(page: Page, secret: str) -> None:
    """The page, its storage and its address hold nothing of the login; nor does it come back with the page."""
    held = page.evaluate(
        """() => [document.documentElement.outerHTML, location.href,
            JSON.stringify({...localStorage, ...sessionStorage}),
            [...document.querySelectorAll("input, textarea")].map((one) => one.value).join()].join()"""
    )
    assert secret not in held
    page.reload()
    assert secret not in page.content()


def assert_in_its_place_alone(data: DataFolder, secret: str) -> None:
    """Only the cookies' own file has the login, and only its owner reads that."""
    kept = data.config / "cookies.txt"
    assert secret in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    others = [path for path in data.root.rglob("*") if path.is_file() and path != kept]
    assert [path for path in others if secret.encode() in path.read_bytes()] == []


def test_whoever_is_not_logged_in_is_led_here_and_told_the_three_steps(fresh: Stack, page: Page) -> None:
    page.goto(fresh.url)
    page.locator("#main").get_by_role("link", name="not logged in").click()
    expect(page).to_have_url(f"{fresh.url}/setup")
    expect(page.locator("#part-verdict")).to_contain_text("Not logged in")
    expect(page.locator(".steps ol > li")).to_have_count(3)
    expect(page.locator(".steps li").first).to_be_visible()
    expect(page.locator("#line")).to_have_text("live")


def test_nothing_is_not_handed_over(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    page.get_by_role("button", name="Hand over").click()
    expect(page.locator("#hand-over-said")).to_contain_text("paste the cookies first")


def test_a_file_that_is_too_large_is_not_sent(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    page.get_by_label("Choose a file").set_input_files(_LARGE)
    expect(page.locator("#hand-over-said")).to_contain_text("1 MiB")


def test_a_verdict_on_what_was_given_before_does_not_stand_beside_what_is_said_of_the_next(
    dashboard: Dashboard, page: Page
) -> None:
    refused = Verdict("0123456789abcdef", "2026-11-23T12:00:00Z", "refused", problem="no cookie of a login is in it")
    publish_verdict(dashboard.data, refused)
    page.goto(f"{dashboard.url}/setup")
    verdict = page.locator("#part-verdict .verdict.refused")
    expect(verdict).to_contain_text("No cookie of a login is in it.")
    page.get_by_label("Choose a file").set_input_files(_LARGE)
    expect(page.locator("#hand-over-said")).to_contain_text("1 MiB")
    expect(verdict).to_be_hidden()
    publish_verdict(dashboard.data, replace(refused, id="fedcba9876543210"))
    expect(verdict).to_be_visible()


def test_what_logs_nobody_in_is_refused_within_seconds_and_kept_nowhere(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    for given in _LOGS_NOBODY_IN.values():
        paste(page, given, "refused")
        expect(page.locator("#part-verdict .whose")).to_have_text("Not logged in")
    paste(page, _LOGS_NOBODY_IN["another cookie"], "refused")
    expect(page.locator("#part-verdict")).to_contain_text("no identity cookie")
    assert_forgotten(page, _SECRET)
    assert not (fresh.data.config / "cookies.txt").exists()


def test_a_first_run_goes_from_the_choice_to_a_login_to_the_first_albums(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    only = page.get_by_role("button", name="Only from now on")
    expect(only).to_have_attribute("aria-pressed", "false")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true", timeout=SOON)
    expect(page.locator("#part-choice")).to_contain_text(re.compile("Only what you bought after .* is fetched"))

    drop(page, cookie_file(secret_of(fresh), "netscape"))
    expect(page.locator(".whose")).to_have_text("Logged in as a_listener until 2030-01-01", timeout=SOON)
    judged(page, "accepted")
    assert_forgotten(page, secret_of(fresh))
    expect(page.locator("#part-choice")).to_contain_text("3 older purchases are left out", timeout=30_000)
    page.get_by_role("button", name="Everything").click()
    page.goto(fresh.url)
    expect(page.locator("[data-count=synced]")).to_have_text("3", timeout=60_000)
    assert_in_its_place_alone(fresh.data, secret_of(fresh))


def test_what_is_refused_later_leaves_the_login_as_it_is(logged_in: Stack, page: Page) -> None:
    kept = logged_in.data.config / "cookies.txt"
    before = kept.read_bytes()
    page.goto(f"{logged_in.url}/setup")
    paste(page, "nothing of use", "refused")
    expect(page.locator("#part-verdict")).to_contain_text("Nothing has changed")
    expect(page.locator("#part-verdict .whose")).to_contain_text("Logged in as a_listener")
    assert kept.read_bytes() == before


def test_another_account_is_asked_about_and_switched_to_with_one_click(logged_in: Stack, page: Page) -> None:
    collection = logged_in.data.collection
    other = re.sub(r'"fan_id": ?\d+', '"fan_id": 99', collection.read_text(), count=1)
    collection.write_text(other.replace("a_listener", "somebody", 1))
    page.goto(f"{logged_in.url}/setup")
    paste(page, cookie_file(secret_of(logged_in), "json"), "refused")
    expect(page.locator("#part-verdict .verdict.refused")).to_contain_text("somebody (fan 99)")
    page.get_by_role("button", name="Switch to this account").click()
    judged(page, "accepted")


def test_it_can_be_done_by_keyboard_alone(logged_in: Stack, page: Page) -> None:
    page.goto(f"{logged_in.url}/setup")
    page.get_by_label("Or paste it").focus()
    page.keyboard.insert_text(cookie_file(secret_of(logged_in), "header"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hand over")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#hand-over-said")).not_to_have_text("", timeout=SOON)
    judged(page, "accepted")
    page.get_by_label("Choose a file").focus()
    shown = page.locator("label.pill[for=cookies-file]").evaluate("one => getComputedStyle(one).outlineStyle")
    assert shown == "solid", "whoever cannot see the field sees where the focus is"


@pytest.mark.parametrize("state", ["checking", "waiting", "refused", "accepted"])
def test_every_verdict_can_be_read_by_everybody(dashboard: Dashboard, phone: Page, state: str) -> None:
    said = Verdict(
        "0123456789abcdef",
        "2026-11-23T12:00:00Z",
        state,
        problem=f"<b>it</b> broke {'W' * 500}",
        can_switch=state == "refused",
        next_try="2030-01-01T00:00:00Z",
    )
    publish_verdict(dashboard.data, said)
    ask_choice(dashboard.data, "from-now-on", datetime.now(UTC))
    phone.goto(f"{dashboard.url}/setup")
    expect(phone.locator(f"#part-verdict .verdict.{state}")).to_be_visible(timeout=SOON)
    assert phone.locator("#part-verdict b", has_text=re.compile("^it$")).count() == 0, "what is said is text"
    assert overflow(phone) == []
    assert complaints(phone) == ""
