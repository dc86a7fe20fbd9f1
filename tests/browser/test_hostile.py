"""Names that are markup, script, right-to-left or huge are text everywhere: nothing runs, nothing falls apart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from bandcamp_sync import actions
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import publish_session
from bandcamp_sync.collection.item import Item
from bandcamp_sync.drop.verdict import Verdict, publish_verdict
from bandcamp_sync.errors import Reason
from bandcamp_sync.health.publish import publish
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from playwright.sync_api import Page, expect
from standin.names import NASTY
from unit.factories import DAY, failure, item, receipt

from browser import books
from browser.books import MINUTE
from browser.served import Dashboard
from browser.views import overflow
from browser.watch import Watch

_SETS = "window.pwned = true"
MARKUP = (
    f"<img src=x onerror='{_SETS}'>",
    f"<script>{_SETS}</script>",
    f'</title></script><svg onload="{_SETS}">',
    f'"><iframe src="javascript:{_SETS}"></iframe>',
    f"' autofocus onfocus={_SETS} x='",
    "{{ 7 * 191 }}{% raw %}${7 * 191}",
    "&lt;b&gt;not bold&lt;/b&gt;",
    "<style>body { display: none }</style>",
    "<!-- <a id=main><form action=//evil.example><button>x",
)
HUGE = "W" * 5000
RTL = "\u202egnp.exe \u2067שלום\u2069 \u200f!"
_NAMES = (*MARKUP, HUGE, RTL, *(name for pair in NASTY for name in pair if name))
_OPEN = {"table": "/collection?per_page=200", "covers": "/collection?view=grid&per_page=200"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard whose every name is hostile: artists, titles, folders, errors, units, the fan, what is told."""
    data = DataFolder(tmp_path_factory.mktemp("hostile") / "data")
    books.fill(data)
    items = [_item(number, name) for number, name in enumerate(_NAMES, 1)]
    books.own(data, *items)
    now = datetime.now(UTC)
    for number, one in enumerate(items, 1):
        _put(data, number, one, now)
    for name in _NAMES:
        books.log(data, "worker", f"ERROR bandcamp_sync.stages.work - {name}")
        books.act(data, actions.State.DONE, f"did: {name}")
    publish_session(data, now, Fan(1, MARKUP[0]), now + DAY, None)
    publish_verdict(data, Verdict("0123456789abcdef", books.told(now), "refused", problem=MARKUP[2], can_switch=True))
    publish(data.health, "host", [books.unit(f"{name}.service", "running", now) for name in MARKUP], now, "tests")
    with Dashboard(data) as dashboard:
        yield dashboard


def _folder(name: str) -> str:
    """A folder that a receipt may have, called like this as far as it can be."""
    parts = name[:80].replace("\0", "").split("/")
    return "/".join(f"_{part}" for part in parts) + "/x"


def _put(data: DataFolder, number: int, one: Item, now: datetime) -> None:
    """One in each state by turns, with its name in whatever is told of it."""
    name = one.title
    match number % 4:
        case 0:
            books.put(data, State.DONE, one.key, of=one, receipt=receipt(_folder(name), title=name))
        case 1:
            books.put(data, State.IN_PROGRESS, one.key, of=one)
            books.progress(data, one.key, 1_000_000, 3_000_000)
        case 2:
            why = failure(Reason.TRANSFER, sentence=f"broke: {name}", at=now)
            books.put(data, State.FAILED, one.key, of=one, attempt=8, failure=why)
        case 3:
            why, later = failure(sentence=name, at=now), now + number * MINUTE
            books.put(data, State.FAILED, one.key, of=one, attempt=2, failure=why, not_before=later)


def _item(number: int, name: str) -> Item:
    changes = {"band_name": name, "item_title": name, "purchased": datetime.now(UTC) - number * DAY}
    return item(f"p{number}", **changes)


def assert_inert(page: Page) -> None:
    """Nothing of the names became an element or ran, and the page is as wide as its window."""
    assert page.evaluate("window.pwned") is None
    foreign = "img[src=x], iframe, main script, [onerror], [onload], [onfocus], form[action*=evil], main style"
    assert page.locator(foreign).count() == 0
    assert page.locator("#main").count() == 1
    expect(page.locator("#main")).to_be_visible()
    assert overflow(page) == []


def assert_isolated(page: Page) -> None:
    """What turns the direction of text stays within its own element."""
    loose = page.evaluate(
        r"""() => {
            const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const node = walker.currentNode;
                if (!/[\u202a-\u202e\u2066-\u2069\u200f]/.test(node.data)) continue;
                const own = (one) => /isolate|plaintext/.test(getComputedStyle(one).unicodeBidi);
                let up = node.parentElement;
                while (up && getComputedStyle(up).display === "inline" && !own(up)) up = up.parentElement;
                const alone = up && up.textContent.trim() === node.data.trim();
                if (up && !own(up) && !alone) found.push(up.outerHTML.slice(0, 160));
            }
            return found;
        }"""
    )
    assert loose == []


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("view", _OPEN)
def test_the_collection_shows_them_as_text(hostile: Dashboard, page: Page, view: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(hostile.url + _OPEN[view])
    expect(page.locator("#line")).to_have_text("live")
    shown = page.locator("#main").text_content() or ""
    for name in MARKUP:
        assert name in shown, name
    assert_inert(page)
    assert_isolated(page)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_overview_shows_them_as_text(hostile: Dashboard, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(hostile.url)
    expect(page.locator("#line")).to_have_text("live")
    expect(page.locator("#downloads")).to_contain_text(MARKUP[0])
    expect(page.locator("#part-session")).to_contain_text(f"logged in as {MARKUP[0]}")
    expect(page.locator("#part-units")).to_contain_text(MARKUP[1])
    expect(page.locator("#part-actions")).to_contain_text("did: ")
    assert_inert(page)
    assert_isolated(page)
    # The parts that are pushed are rendered as those that the page came with.
    hostile.progress("p1", 2_000_000, 3_000_000)
    expect(page.locator("#download-p1 progress")).to_have_js_property("value", 2_000_000)
    assert_inert(page)
    hostile.progress("p1", 1_000_000, 3_000_000)


@pytest.mark.parametrize("width", [1400, 390])
def test_a_purchase_shows_its_own_as_text(hostile: Dashboard, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for number, name in enumerate(_NAMES[: len(MARKUP) + 3], 1):
        page.goto(f"{hostile.url}/collection/p{number}")
        shown = page.locator("#item-title").text_content() or ""
        assert shown.split() == name.split()
        assert_inert(page)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_logs_show_them_as_text(hostile: Dashboard, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{hostile.url}/logs")
    expect(page.locator("#line")).to_have_text("live")
    expect(page.locator("#log")).to_contain_text(MARKUP[0])
    hostile.log("worker", f"INFO  bandcamp_sync.stages.work - later {MARKUP[1]}")
    expect(page.locator("#log")).to_contain_text(f"later {MARKUP[1]}")
    assert_inert(page)


@pytest.mark.parametrize("width", [1400, 390])
def test_set_up_shows_them_as_text(hostile: Dashboard, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{hostile.url}/setup")
    expect(page.locator("#line")).to_have_text("live")
    expect(page.locator("#part-verdict .whose")).to_contain_text(MARKUP[0])
    expect(page.locator("#part-verdict .refused")).to_contain_text(MARKUP[2])
    assert_inert(page)


def test_a_key_of_no_purchase_is_shown_as_text(hostile: Dashboard, page: Page, watch: Watch) -> None:
    watch.allow("404")
    page.goto(f"{hostile.url}/collection/{quote(MARKUP[0], safe='')}")
    expect(page.locator("#nothing")).to_contain_text("There is no purchase <img src=x")
    assert_inert(page)


def test_a_search_for_markup_is_text_too(hostile: Dashboard, page: Page) -> None:
    page.goto(f"{hostile.url}/collection?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3Dtrue%3E&state=synced")
    expect(page.locator("#q")).to_have_value("<img src=x onerror=window.pwned=true>")
    expect(page.locator("#nothing")).to_contain_text("<img src=x")
    assert_inert(page)
