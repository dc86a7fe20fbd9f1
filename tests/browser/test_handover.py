"""Set-up as a person does it: a first run, from an empty page to the first album, without leaving the browser."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bandcamp_sync.choice import ask_choice
from bandcamp_sync.drop.verdict import Verdict, publish_verdict
from playwright.sync_api import Page, expect
from standin import World

from browser.served import Dashboard
from browser.stack import Stack
from browser.test_axe import complaints

STEP_S = 15_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that nobody has logged in yet."""
    one = Stack(tmp_path_factory.mktemp("fresh"), World.build(purchases=3, preset="small"))
    try:
        yield one.start(logged_in=False)
    finally:
        one.stop()


@pytest.fixture
def given(fresh: Stack, tmp_path: Path) -> str:
    """Cookies that log in."""
    return fresh.standin.write_cookies(tmp_path / "cookies.txt").read_text()


def verdict(page: Page, state: str) -> str:
    """What the page says once there is this verdict."""
    place = page.locator(f"#part-verdict .verdict.{state}")
    expect(place).to_be_visible(timeout=STEP_S)
    return place.inner_text()


def see(page: Page, name: str) -> None:
    """Keep a picture where BCS_PICTURES says so."""
    if folder := os.environ.get("BCS_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_wrong_paste_is_told_at_once_and_leaves_nothing_on_the_page(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    expect(page.get_by_role("heading", name="Hand over cookies")).to_be_visible()
    expect(page.locator("#part-verdict")).to_contain_text("Not logged in")
    see(page, "setup-first")
    field = page.get_by_label("Or paste it")
    field.fill("Cookie: session=Kx7secretQ9wEr5tY")
    page.get_by_role("button", name="Hand over").click()
    expect(field).to_have_value("")
    assert "no identity cookie" in verdict(page, "refused")
    assert "Kx7secretQ9wEr5tY" not in page.content()
    see(page, "setup-refused")


def test_nothing_is_not_handed_over(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    page.get_by_role("button", name="Hand over").click()
    expect(page.locator("#hand-over-said")).to_contain_text("paste the cookies first")


def test_a_file_that_is_too_large_is_not_sent(fresh: Stack, page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (1024 * 1024 + 1))
    page.goto(f"{fresh.url}/setup")
    page.get_by_label("Choose a file").set_input_files(large)
    expect(page.locator("#hand-over-said")).to_contain_text("1 MiB")


def test_the_choice_can_be_made_before_there_is_a_login_and_taken_back(fresh: Stack, page: Page) -> None:
    page.goto(f"{fresh.url}/setup")
    only = page.get_by_role("button", name="Only from now on")
    expect(only).to_have_attribute("aria-pressed", "false")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true", timeout=STEP_S)
    expect(page.locator("#part-choice")).to_contain_text(re.compile("Only what you bought after .* is fetched"))
    see(page, "setup-choice")


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


def test_a_dropped_file_logs_in_and_the_purchases_follow(fresh: Stack, page: Page, given: str) -> None:
    page.goto(f"{fresh.url}/setup")
    drop(page, given)
    expect(page.locator(".whose")).to_have_text("Logged in as a_listener until 2030-01-01", timeout=STEP_S)
    verdict(page, "accepted")
    expect(page.locator("#hand-over-said")).to_have_text("")
    token = (fresh.standin.world.identity or "").split("%09")[1]
    assert token not in page.content()
    fresh.until(lambda: fresh.counts().get("ignored") == 3, 30)
    expect(page.locator("#part-choice")).to_contain_text("3 older purchases are left out", timeout=STEP_S)
    see(page, "setup-accepted")
    page.get_by_role("button", name="Everything").click()
    fresh.until(lambda: fresh.counts().get("synced", 0) > 0, 60)


def test_another_account_is_asked_about_and_switched_to_with_one_click(fresh: Stack, page: Page, given: str) -> None:
    collection = fresh.data.collection
    fresh.until(collection.exists, 30)
    other = re.sub(r'"fan_id": ?\d+', '"fan_id": 99', collection.read_text(), count=1)
    collection.write_text(other.replace("a_listener", "somebody", 1))
    page.goto(f"{fresh.url}/setup")
    page.get_by_label("Or paste it").fill(given)
    page.get_by_role("button", name="Hand over").click()
    assert "somebody (fan 99)" in verdict(page, "refused")
    see(page, "setup-switch")
    page.get_by_role("button", name="Switch to this account").click()
    verdict(page, "accepted")


def test_it_can_be_done_by_keyboard_alone(fresh: Stack, page: Page, given: str) -> None:
    page.goto(f"{fresh.url}/setup")
    page.get_by_label("Or paste it").focus()
    page.keyboard.insert_text(given)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hand over")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#hand-over-said")).not_to_have_text("", timeout=STEP_S)
    verdict(page, "accepted")
    page.get_by_label("Choose a file").focus()
    shown = page.locator("label.pill[for=cookies-file]").evaluate("one => getComputedStyle(one).outlineStyle")
    assert shown == "solid", "whoever cannot see the field sees where the focus is"


@pytest.mark.parametrize("state", ["checking", "waiting", "refused", "accepted"])
def test_every_verdict_can_be_read_by_everybody(dashboard: Dashboard, phone: Page, state: str) -> None:
    said = Verdict(
        "0123456789abcdef",
        "2026-11-23T12:00:00Z",
        state,
        problem="<b>it</b> broke",
        can_switch=state == "refused",
        next_try="2030-01-01T00:00:00Z",
    )
    publish_verdict(dashboard.data, said)
    ask_choice(dashboard.data, "from-now-on", datetime.now(UTC))
    phone.goto(f"{dashboard.url}/setup")
    expect(phone.locator(f"#part-verdict .verdict.{state}")).to_be_visible(timeout=STEP_S)
    assert phone.locator("#part-verdict b", has_text=re.compile("^it$")).count() == 0, "what is said is text"
    assert complaints(phone) == ""


def test_on_a_phone_nothing_is_wider_than_the_screen(fresh: Stack, phone: Page) -> None:
    phone.goto(f"{fresh.url}/setup")
    expect(phone.get_by_role("button", name="Hand over")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    see(phone, "setup-phone")
