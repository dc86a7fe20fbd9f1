"""A dashboard with a password, in the browser."""

import re

from bandcamp_sync.paths import DataFolder
from playwright.sync_api import Page, expect

from browser.served import Dashboard
from browser.watch import Watch

PASSWORD = "correct horse"


def log_in(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_a_log_out_ends_the_other_tabs_too_and_a_login_leads_back(data: DataFolder, page: Page, watch: Watch) -> None:
    watch.allow("401")
    watch.allow_restart()
    with Dashboard(data, DASHBOARD_PASSWORD=PASSWORD) as dashboard:
        page.goto(f"{dashboard.url}/collection?q=moss")
        expect(page).to_have_url(f"{dashboard.url}/login?next=/collection?q%3Dmoss")
        log_in(page)
        expect(page).to_have_url(f"{dashboard.url}/collection?q=moss")
        expect(page.locator("#line")).to_have_text("live")
        other = page.context.new_page()
        other.goto(dashboard.url)
        other.get_by_role("button", name="Log out").click()
        expect(other).to_have_url(f"{dashboard.url}/login")
        expect(page).to_have_url(re.compile(re.escape(f"{dashboard.url}/login?next=%2Fcollection%3Fq%3Dmoss")))
        log_in(page)
        expect(page).to_have_url(f"{dashboard.url}/collection?q=moss")
        expect(page.locator("#found")).to_have_text("4 of 27 purchases")
