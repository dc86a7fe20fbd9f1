"""The collection in a real browser: the list follows the address, a purchase opens beside it, both follow the books."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from bandcamp_sync.control import Verb, take
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from playwright.sync_api import Browser, Page, Route, expect
from unit.factories import DAY, item, receipt

from browser import books
from browser.axe import complaints
from browser.served import Dashboard
from browser.views import overflow
from browser.watch import Watch

NOW = datetime.now(UTC)
MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
ROWS = "#collection [data-key]"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard over 150 purchases that are all queued, one of them with a hostile name; for looking only."""
    data = DataFolder(tmp_path_factory.mktemp("many") / "data")
    books.fill(data)
    listed = [item(f"p{n}", item_title=f"Album {n:03}", purchased=NOW - n * DAY) for n in range(1, 150)]
    hostile = item("p150", band_name="\u202eevil" + "\u0301" * 300, item_title=MARKUP + "W" * 10_000, purchased=NOW)
    books.own(data, hostile, *listed)
    with Dashboard(data) as one:
        yield one


@pytest.fixture(scope="module")
def long_names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard over purchases with names of two hundred characters; for looking only."""
    data = DataFolder(tmp_path_factory.mktemp("long") / "data")
    books.fill(data)
    name = "Seven Lanterns for a Slow River and Other Songs from the Long Way Home, recorded live " * 3
    listed = [item(f"p{n}", item_title=name[:200], band_name=name[:200], purchased=NOW - n * DAY) for n in range(1, 9)]
    books.own(data, *listed)
    for one in listed:
        books.put(data, State.PENDING, one.key, of=one, folder=f"{name[:200]}/{name[:200]}")
    with Dashboard(data) as dashboard:
        yield dashboard


def asked(page: Page) -> dict[str, str]:
    """What the address bar says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def keys(page: Page) -> list[str]:
    return [str(row.get_attribute("data-key")) for row in page.locator(ROWS).all()]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


# --- the list follows the address -----------------------------------------------------------------------------------


def test_typing_narrows_the_list_and_the_address_says_so(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    expect(page.locator(ROWS)).to_have_count(books.PURCHASES)
    page.locator("#q").press_sequentially("valadao p5", delay=15)
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 of 27 purchases")
    assert asked(page) == {"q": "valadao p5"}
    assert focused(page) == "q"
    expect(page.locator("#q")).to_have_value("valadao p5")
    page.reload()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#q")).to_have_value("valadao p5")


def test_back_and_forward_go_through_what_was_asked_for(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    page.click("#filter-unsynced")
    expect(page.locator(ROWS)).to_have_count(6)
    expect(page.locator("#filter-unsynced")).to_have_attribute("aria-current", "true")
    page.locator("#q").press_sequentially("p2", delay=15)
    page.locator("#q").press_sequentially("4", delay=15)
    expect(page.locator(ROWS)).to_have_count(1)
    assert asked(page) == {"q": "p24", "state": "unsynced"}
    page.go_back()  # a word that was typed is one step
    expect(page.locator(ROWS)).to_have_count(6)
    expect(page.locator("#q")).to_have_value("")
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(books.PURCHASES)
    page.go_forward()
    page.go_forward()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#q")).to_have_value("p24")


def test_a_head_sorts_and_keeps_the_focus(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    page.focus("#sort-title")
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort]")).to_have_text("Title")
    assert (asked(page), focused(page)) == ({"sort": "title"}, "sort-title")
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Title")
    titles = page.locator(".c-title .open-item").all_inner_texts()
    assert titles == sorted(titles, key=str.lower, reverse=True)


def test_an_older_answer_never_replaces_a_newer_one(page: Page, many: Dashboard) -> None:
    held: list[Route] = []
    page.goto(f"{many.url}/collection")
    page.route(re.compile(r"/collection/list\?q=1$"), lambda route: held.append(route))
    page.fill("#q", "1")
    page.wait_for_function("() => location.search === '?q=1'")
    page.fill("#q", "149")
    expect(page.locator(ROWS)).to_have_count(1)
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)
    assert len(held) == 1
    assert keys(page) == ["p149"]


def test_pages_are_turned_and_begin_at_their_beginning(page: Page, many: Dashboard) -> None:
    page.goto(f"{many.url}/collection")
    page.locator("#page-next").scroll_into_view_if_needed()
    page.click("#page-next")
    expect(page.locator(".page-of")).to_have_text("page 2 of 3")
    assert asked(page) == {"page": "2"}
    expect(page.locator("#q")).to_be_in_viewport()
    page.click("#page-last")
    expect(page.locator(ROWS)).to_have_count(30)
    expect(page.locator("#open-p120")).to_be_focused()


def test_the_wall_of_covers_is_a_view_of_the_same(page: Page, many: Dashboard) -> None:
    page.goto(f"{many.url}/collection?q=album")
    page.click("#view-grid")
    expect(page.locator("#wall")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(120)
    assert asked(page) == {"q": "album", "view": "grid"}


def test_without_scripts_everything_is_found_by_links_and_a_form(
    chromium_without_scripts: Page, many: Dashboard
) -> None:
    page = chromium_without_scripts
    page.goto(f"{many.url}/collection")
    page.fill("#q", "album p14")
    page.press("#q", "Enter")
    expect(page.locator(ROWS)).to_have_count(11)
    page.click("#sort-title")
    assert asked(page) == {"q": "album p14", "sort": "title"}
    page.click("#open-p140")
    expect(page.locator("#item-title")).to_have_text("Album 140")


def test_without_scripts_no_button_is_there_that_needs_one(chromium_without_scripts: Page, many: Dashboard) -> None:
    page = chromium_without_scripts
    page.goto(f"{many.url}/collection")
    expect(page.locator("[data-post]").first).to_be_attached()
    expect(page.locator("[data-post]:visible")).to_have_count(0)
    expect(page.locator(".needs-script")).to_be_visible()


@pytest.fixture
def chromium_without_scripts(chromium: Browser, watch: Watch) -> Iterator[Page]:
    context = chromium.new_context(java_script_enabled=False)
    watch.over(context)
    yield context.new_page()
    context.close()


# --- one purchase ---------------------------------------------------------------------------------------------------


def test_a_purchase_opens_beside_the_list_and_escape_closes_it(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection?state=unsynced")
    page.click("#open-p24")
    expect(page.locator("#panel #item-title")).to_be_focused()
    assert urlsplit(page.url).path == "/collection/p24"
    expect(page.locator("#item-error")).to_have_text("the archive is damaged")
    expect(page.locator("#row-p24")).to_have_class(re.compile(r"\bopen\b"))
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#open-p24")).to_be_focused()
    assert asked(page) == {"state": "unsynced"}
    page.go_forward()
    expect(page.locator("#panel #item-title")).to_be_visible()
    page.reload()
    expect(page.locator("#collection")).to_have_count(0)
    expect(page.locator("#item-title")).to_be_visible()
    page.click("#close")
    expect(page.locator(ROWS)).to_have_count(6)


def test_another_purchase_takes_the_place_of_the_first_and_a_filter_closes_it(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    page.click("#open-p1")
    expect(page.locator("#item")).to_have_attribute("data-key", "p1")
    page.click("#open-p2")
    expect(page.locator("#item")).to_have_attribute("data-key", "p2")
    page.click("#filter-failed")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator(ROWS)).to_have_count(1)
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(books.PURCHASES)
    assert asked(page) == {}


def test_the_folder_is_shown_to_pointer_and_focus_and_escape_hides_it(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    folder = page.locator("#folder-p3")
    expect(folder).to_be_hidden()
    page.hover("#row-p3 .c-bought")
    expect(folder).to_be_visible()
    expect(folder).to_have_text("The Paper Observatory/Small Constellations 3")
    page.keyboard.press("Escape")
    expect(folder).to_be_hidden()
    page.focus("#open-p3")
    expect(folder).to_be_visible()


@pytest.mark.parametrize("width", [1400, 1000, 500])
def test_the_folder_covers_nothing_of_its_own_row_and_takes_no_click(
    page: Page, long_names: Dashboard, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{long_names.url}/collection")
    page.hover("#open-p3")
    expect(page.locator("#folder-p3")).to_be_visible()
    title, folder = page.locator("#open-p3").bounding_box(), page.locator("#folder-p3").bounding_box()
    assert title is not None
    assert folder is not None
    assert folder["y"] >= title["y"] + title["height"]
    # What it does cover, of the row below, is clicked through it.
    page.mouse.click(folder["x"] + 20, folder["y"] + folder["height"] / 2)
    page.click("#open-p3")
    expect(page.locator("#item-title")).to_be_visible()
    expect(page.locator("#item")).to_have_attribute("data-key", "p3")


def test_between_phone_and_desktop_nothing_is_missing(page: Page, standing: Dashboard) -> None:
    page.set_viewport_size({"width": 1000, "height": 900})
    page.goto(f"{standing.url}/collection?state=unsynced")
    row = page.locator("#row-p24")
    for part in (".c-artist", ".c-bought", ".c-note", "#retry-p24", "#ignore-p24", ".open"):
        expect(row.locator(part)).to_be_visible()
    page.get_by_role("navigation", name="Sort by").get_by_role("link", name="Artist").click()
    assert asked(page) == {"state": "unsynced", "sort": "artist"}
    page.goto(f"{standing.url}/collection?state=synced")
    expect(page.locator("#row-p1 .c-size")).to_contain_text("flac", ignore_case=True)
    assert overflow(page) == []


# --- both follow the books ------------------------------------------------------------------------------------------


def test_a_click_asks_for_a_retry_and_the_list_shows_what_comes_of_it(dashboard: Dashboard, page: Page) -> None:
    page.goto(f"{dashboard.url}/collection?state=unsynced")
    page.click("#retry-p24")
    expect(page.locator("#toast")).to_contain_text("Asked to try it again")
    page.wait_for_function("() => document.querySelector('#retry-p24')")
    request = take(dashboard.data, Verb.RETRY)
    assert request is not None
    assert request.keys == ("p24",)
    dashboard.put(State.PENDING, books.FAILED)
    expect(page.locator("#row-p24 .badge")).to_have_text("queued")
    expect(page.locator("#open-p24")).to_be_focused()  # the button that had the focus is gone
    expect(page.locator("#filter-failed b")).to_have_text("0")
    dashboard.put(State.DONE, books.FAILED, receipt=receipt())
    expect(page.locator("#row-p24")).to_have_count(0)
    expect(page.locator("#found")).to_have_text("5 of 27 purchases")


def test_a_download_moves_its_bar_and_an_open_purchase_follows(dashboard: Dashboard, page: Page) -> None:
    page.goto(f"{dashboard.url}/collection")
    bar = page.locator("#row-p22 progress")
    expect(bar).to_have_js_property("value", 12_000_000)
    dashboard.progress(books.DOWNLOADING, 36_000_000, 48_000_000)
    expect(bar).to_have_js_property("value", 36_000_000)
    expect(page.locator("#row-p22 .download-said")).to_contain_text("36.0 MB of 48.0 MB")
    page.click("#open-p22")
    expect(page.locator("#item progress")).to_be_visible()
    dashboard.put(State.DONE, books.DOWNLOADING, receipt=receipt("The Paper Observatory/Small Constellations 22"))
    expect(page.locator("#item-state")).to_have_text("synced")
    expect(page.locator("#item-retry")).to_have_text("Fetch again")
    expect(page.locator("#row-p22 .badge")).to_have_text("synced")


def test_a_purchases_own_page_follows_too(dashboard: Dashboard, page: Page) -> None:
    page.goto(f"{dashboard.url}/collection/p21")
    expect(page.locator("#item-state")).to_have_text("queued")
    dashboard.put(State.IN_PROGRESS, books.QUEUED)
    expect(page.locator("#item-state")).to_have_text("downloading")
    expect(page.locator("#close")).to_contain_text("Whole collection")


def test_what_arrives_takes_neither_the_focus_nor_what_is_typed(dashboard: Dashboard, page: Page) -> None:
    page.goto(f"{dashboard.url}/collection")
    page.focus("#open-p9")
    items = [item(f"p{n}", purchased=NOW + timedelta(minutes=n)) for n in range(100, 103)]
    books.own(dashboard.data, *items, *(item(f"p{n}", purchased=NOW - n * DAY) for n in range(1, 21)))
    expect(page.locator("#row-p102")).to_be_attached()
    assert focused(page) == "open-p9"
    page.route(re.compile("/collection/list"), lambda route: None)  # no answer comes any more
    page.locator("#q").press_sequentially("los", delay=15)
    books.own(dashboard.data, *items)
    page.wait_for_timeout(1500)
    expect(page.locator("#q")).to_have_value("los")


# --- by keyboard, by touch, by machine ------------------------------------------------------------------------------


def test_the_keyboard_alone_searches_walks_opens_and_closes(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("faros/")
    expect(page.locator("#found")).to_have_text("0 of 27 purchases")
    page.keyboard.press("Backspace")
    expect(page.locator("#found")).to_have_text("3 of 27 purchases")
    first, second, third = keys(page)
    page.focus(f"#open-{first}")
    for key, expected in (("j", second), ("ArrowDown", third), ("j", third), ("k", second), ("ArrowUp", first)):
        page.keyboard.press(key)
        assert focused(page) == f"open-{expected}"
    page.keyboard.press("Enter")
    expect(page.locator("#panel #item-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"#open-{first}")).to_be_focused()


def test_in_the_wall_arrows_go_by_tile_and_by_line(page: Page, many: Dashboard) -> None:
    page.goto(f"{many.url}/collection?view=grid")
    shown = keys(page)
    tops = page.evaluate(f"[...document.querySelectorAll('{ROWS}')].map(e => e.getBoundingClientRect().top)")
    line = tops.count(tops[0])
    page.focus(f"#open-{shown[0]}")
    page.keyboard.press("ArrowRight")
    assert focused(page) == f"open-{shown[1]}"
    page.keyboard.press("ArrowDown")
    assert focused(page) == f"open-{shown[1 + line]}"


@pytest.mark.parametrize("query", ["", "?view=grid"])
def test_on_a_phone_nothing_is_cut_off_and_a_tap_shows_the_folder(phone: Page, many: Dashboard, query: str) -> None:
    phone.goto(f"{many.url}/collection{query}")
    width = phone.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    key = phone.locator("#row-p1 .folder-key")
    expect(phone.locator("#folder-p1")).to_be_hidden()
    key.tap()
    expect(phone.locator("#folder-p1")).to_be_visible()
    expect(key).to_have_attribute("aria-expanded", "true")
    phone.tap("#open-p2")
    expect(phone.locator("#item-title")).to_have_text("Album 002")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.tap("#close")
    expect(phone.locator(ROWS).first).to_be_visible()
    assert phone.url == f"{many.url}/collection{query}"


@pytest.mark.parametrize("address", ["/collection", "/collection?view=grid", "/collection/p150"])
def test_a_hostile_name_is_inert_and_keeps_its_place(page: Page, many: Dashboard, address: str) -> None:
    page.goto(f"{many.url}{address}")
    expect(page.get_by_text("<img src=x", exact=False).first).to_be_visible()
    assert page.locator("main img[src=x], main script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "BandcampSync" in page.title()
    for row in page.locator(".row, .tile").all()[:3]:
        box = row.bounding_box()
        assert box is not None
        assert box["height"] < 320


def test_axe_finds_nothing_to_complain_of_with_a_purchase_beside_the_list(page: Page, standing: Dashboard) -> None:
    page.goto(f"{standing.url}/collection")
    page.click("#open-p24")
    expect(page.locator("#item-title")).to_be_focused()
    assert complaints(page) == ""
