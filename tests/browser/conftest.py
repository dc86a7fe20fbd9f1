"""What every browser test stands on: a Chromium, pages that tolerate no error, and dashboards to look at.

    def test_counts_change(dashboard: Dashboard, page: Page) -> None:
        page.goto(dashboard.url)
        dashboard.put(State.DONE, QUEUED, receipt=receipt())
        expect(page.locator("[data-count=synced]")).to_have_text("21")

`standing` is a dashboard that all tests of a process share, for those that only look; `stack` is the whole stack.
`page` (1400x900) and `phone` (390x844) fail their test when the page had an error, or asked anybody but its server
for anything; `watch.allow(...)` names what a test brings about on purpose.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.browser import find_chromium
from bandcamp_sync.paths import DataFolder
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from standin import World

from browser.books import fill
from browser.served import Dashboard
from browser.stack import Stack
from browser.states import STATES
from browser.watch import Watch

expect.set_options(timeout=10_000)

_NO_BROWSER = "no Chromium is found here; run `make setup`, or install one (Debian: apt-get install chromium)"


# Of the package, not of the session: while Playwright's loop stands, other tests of this process could not start one.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser, started once for the tests of this folder."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        if path is None:
            pytest.fail(_NO_BROWSER)
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=options, timeout=60_000)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the pages of this test did that they should not have; whatever is left of it fails the test."""
    one = Watch()
    yield one
    assert one.unexpected() == []


@contextmanager
def opened(context: BrowserContext, watch: Watch) -> Iterator[Page]:
    """A page of this context, watched; ends with the context."""
    watch.over(context)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def page(chromium: Browser, watch: Watch) -> Iterator[Page]:
    """A desktop's page."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB", timezone_id="UTC")
    with opened(context, watch) as one:
        yield one


@pytest.fixture
def phone(chromium: Browser, watch: Watch) -> Iterator[Page]:
    """A phone's page: narrow, dense, touched."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
        locale="en-GB",
        timezone_id="UTC",
    )
    with opened(context, watch) as one:
        yield one


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """A filled data folder; see `books.fill`."""
    one = DataFolder(tmp_path / "data")
    fill(one)
    return one


@pytest.fixture
def dashboard(data: DataFolder) -> Iterator[Dashboard]:
    """A dashboard of this test's own."""
    with Dashboard(data) as one:
        yield one


@pytest.fixture(scope="package")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard over a filled folder that tests share: for looking only."""
    data = DataFolder(tmp_path_factory.mktemp("standing") / "data")
    fill(data)
    with Dashboard(data) as one:
        yield one


@pytest.fixture(scope="module")
def in_state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard in the state that the test is given, one of `STATES`; for looking only."""
    data = DataFolder(tmp_path_factory.mktemp(request.param) / "data")
    STATES[request.param](data)
    with Dashboard(data) as one:
        yield one


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack with a dozen purchases on a slow line, for the tests of one module; each says what it needs."""
    settings = {"MAX_ATTEMPTS": "1"}  # what fails is failed at once
    one = Stack(tmp_path_factory.mktemp("stack"), World.build(purchases=12, preset="small"), 60_000, **settings)
    try:
        yield one.start()
    finally:
        one.stop()
