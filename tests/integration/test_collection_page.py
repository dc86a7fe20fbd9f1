"""The collection's pages as they come from the server, before any script has run."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bandcamp_sync.books import Shown
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.files import atomic
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import Event, State, What
from bandcamp_sync.spool.spool import Spool
from flask.testing import FlaskClient
from unit.factories import DAY, LINK, NOW, capture, failure, item, job, receipt

from services.dashboard.web.app import create_app
from services.dashboard.web.asked import PER_PAGE

SECRET = "0123456789abcdef0123456789abcdef"
MARKUP = '<img src=x onerror="alert(1)">"><script>alert(2)</script>'
HOSTILE = {
    "markup": MARKUP,
    "right to left": "\u202eevil\u2066\u202b",
    "long": "Wide" * 2500,
    "control": "bell\x07 escape\x1b[31m line\nbreak \x00 end",
    "template": "{{ 7 * 7 }} {% raw %}",
    "emoji": "🎷" * 300,
    "zalgo": "a" + "\u0301" * 500,
}


class Element:
    """One element: its attributes, and all text within it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes, self.text = tag, attributes, ""

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


class Page(HTMLParser):
    """A page's elements, in their order."""

    _EMPTY = frozenset({"img", "input", "link", "meta", "path", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(found)
        if tag not in self._EMPTY:
            self._open.append(found)

    def handle_endtag(self, tag: str) -> None:
        while tag not in self._EMPTY and self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, **wanted: str) -> list[Element]:
        """The elements with these attributes; `class_` is one of several, `data_x` stands for `data-x`."""
        return [one for one in self.elements if all(_has(one, name, value) for name, value in wanted.items())]

    def one(self, id: str) -> Element:
        [found] = self.all(id=id)
        return found

    def keys(self) -> list[str]:
        """The purchases of the list."""
        return [one["data-key"] for one in self.elements if one.attributes.get("id", "").startswith("row-")]


def _has(one: Element, name: str, value: str) -> bool:
    if name == "class_":
        return value in one.attributes.get("class", "").split()
    return one.attributes.get(name.replace("_", "-")) == value


class Folder:
    """A data folder that is looked at through a dashboard."""

    def __init__(self, root: Path) -> None:
        self.data = DataFolder(root)
        self.web: FlaskClient = create_app(Settings.from_environment({"DATA_DIR": str(root)})).test_client()
        Spool(self.data.inbox).make_folders()

    def own(self, *items: Item) -> None:
        write_capture(self.data.collection, capture(*items))

    def put(self, state: State, key: str, **changes: Any) -> None:
        one = job(key, **changes)
        atomic.write_text(Spool(self.data.inbox).path(state, key), one.model_dump_json(by_alias=True))

    def page(self, path: str, status: int = 200, **options: Any) -> Page:
        answer = self.web.get(path, headers={"Accept": "text/html"}, **options)
        assert answer.status_code == status, answer.text
        return Page(answer.text)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def one_of_each(folder: Folder) -> None:
    """p1 to p8, each in another state, the newest first."""
    items = [item(f"p{n}", item_title=f"Title {n}", purchased=NOW - n * DAY) for n in range(1, 9)]
    items[4] = item("p5", item_title="Title 5", is_preorder=True, purchased=NOW - 5 * DAY)
    items[5] = item("p6", item_title="Title 6", redownload_url=None, item_type="package", purchased=NOW - 6 * DAY)
    folder.own(*items)
    past = (
        Event(at=NOW - DAY, what=What.QUEUED),
        Event(at=NOW, what=What.DELIVERED, sentence=f"all is there, see {LINK}"),
    )
    folder.put(State.DONE, "p1", receipt=receipt("Los Faros/Night Ferry"), history=past)
    folder.put(State.PENDING, "p2")
    folder.put(State.IN_PROGRESS, "p3")
    progress = {"key": "p3", "bytes_done": 5_000_000, "bytes_total": 10_000_000, "bytes_per_second": 1, "eta": 5.0}
    atomic.write_json(folder.data.progress / "p3.json", progress)
    folder.put(State.FAILED, "p4", attempt=2, failure=failure(), not_before=NOW + DAY)
    folder.put(State.FAILED, "p8", attempt=8, failure=failure(sentence=f"broke at {LINK}", link="https://a.example/x"))
    atomic.write_json(folder.data.state / "ignored.json", ["p7"])


def many(folder: Folder, number: int) -> None:
    folder.own(*(item(f"p{n}", item_title=f"Title {n}", purchased=NOW - n * DAY) for n in range(1, number + 1)))


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["table", "grid"])
def test_a_row_shows_everything_that_a_script_would(folder: Folder, view: str) -> None:
    one_of_each(folder)
    page = folder.page(f"/collection?view={view}")
    assert page.keys() == [f"p{n}" for n in range(1, 9)]
    assert [one.text for one in page.all(class_="badge")] == [
        "synced", "queued", "downloading", "waiting", "pre-order", "unavailable", "ignored", "failed",
    ]  # fmt: skip
    assert page.one("folder-p1").text == "Los Faros/Night Ferry"
    assert page.one("open-p1")["href"] == "/collection/p1"
    assert (page.one("bar-p3")["value"], page.one("bar-p3")["max"]) == ("5000000", "10000000")


def test_the_table_says_reason_next_try_size_and_format(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection")
    notes = [" ".join(one.text.split()) for one in page.all(class_="c-note")]
    assert notes[0] == "downloaded on 2026-10-24"
    assert notes[3] == "due 2026-11-24 12:00 UTC the connection broke"
    assert [one["datetime"] for one in page.elements if one.tag == "time"] == ["2026-11-24T12:00:00Z"]
    assert page.all(class_="c-size")[0].text == "6 Bflac"
    assert page.all(class_="c-bought")[0].text == "2026-11-22"


def test_what_can_be_done_depends_on_the_state(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection")
    asked = [one["data-post"].removeprefix("/api/items/") for one in page.all(type="button") if "id" in one.attributes]
    offered = [path for path in asked if path.startswith("p")]
    assert offered == [
        "p2/ignore", "p4/retry", "p4/ignore", "p5/retry", "p5/ignore", "p6/retry", "p6/ignore", "p7/unignore",
        "p8/retry", "p8/ignore",
    ]  # fmt: skip
    link = page.all(class_="open")[0]
    assert link["href"] == "https://losfaros.bandcamp.com/album/night-ferry"
    assert (link["target"], link["rel"]) == ("_blank", "noopener noreferrer")


def test_what_is_hidden_on_bandcamp_alone_is_not_offered_to_be_unignored(folder: Folder) -> None:
    settings = Settings.from_environment({"DATA_DIR": str(folder.data.root), "INCLUDE_HIDDEN": "no"})
    folder.web = create_app(settings).test_client()
    folder.own(item("p1", hidden=True), item("p2", hidden=True), item("p3"))
    atomic.write_json(folder.data.state / "ignored.json", ["p2", "p3"])
    for path, keys in (
        ("/collection", {"p2", "p3"}),
        ("/collection?view=grid", {"p2", "p3"}),
        ("/collection/p1", set()),
        ("/collection/p2", {"p2"}),
    ):
        asked = {one.attributes.get("data-post", "") for one in folder.page(path).elements}
        assert {one.split("/")[3] for one in asked if one.endswith("/unignore")} == keys, path
    assert "set INCLUDE_HIDDEN=yes" in folder.page("/collection/p1").one("item").text


def test_filters_come_with_their_counts_the_unsynced_first(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection?state=unsynced")
    filters = [" ".join(one.text.split()) for one in page.all(class_="filter")]
    assert filters[:3] == ["unsynced 6", "all 8", "queued 1"]
    assert sorted(one.split()[0] for one in filters[2:]) == sorted(
        "pre-order" if state == "preorder" else state for state in Shown
    )
    assert page.keys() == ["p2", "p3", "p4", "p5", "p6", "p8"]
    [current] = [one["id"] for one in page.all(class_="filter") if "aria-current" in one.attributes]
    assert current == "filter-unsynced"
    assert page.one("found").text == "6 of 8 purchases"


def test_the_search_is_a_form_that_keeps_filter_sort_and_view(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection?q=title+3&state=unsynced&sort=artist&view=grid&page=1")
    assert page.keys() == ["p3"]
    form = page.one("search")
    assert (form["action"], form["method"]) == ("/collection", "get")
    fields = {one["name"]: one.attributes.get("value") for one in page.elements if one.tag == "input"}
    assert fields == {"q": "title 3", "state": "unsynced", "sort": "artist", "view": "grid"}


def test_a_head_sorts_says_how_and_turns_round(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection?sort=title")
    [head] = [one for one in page.elements if "aria-sort" in one.attributes]
    assert (head.text, head["aria-sort"]) == ("Title", "ascending")
    assert page.one("sort-title")["href"] == "/collection?sort=-title"
    assert page.one("sort-purchased")["href"] == "/collection"
    assert folder.page("/collection?sort=-title").keys() == [f"p{n}" for n in range(8, 0, -1)]
    assert folder.page("/collection").one("sort-purchased")["href"] == "/collection?sort=purchased"


def test_pages_follow_each_other_and_keep_what_was_asked_for(folder: Folder) -> None:
    many(folder, PER_PAGE["table"] * 2 + 5)
    first = folder.page("/collection?q=title&sort=purchased")
    assert len(first.keys()) == PER_PAGE["table"]
    assert first.all(class_="page-of")[0].text == "page 1 of 3"
    assert "href" not in first.one("page-previous").attributes
    assert parse_qs(urlsplit(first.one("page-next")["href"]).query) == {
        "q": ["title"], "sort": ["purchased"], "page": ["2"],
    }  # fmt: skip
    last = folder.page(first.one("page-last")["href"])
    assert last.keys() == ["p5", "p4", "p3", "p2", "p1"]
    assert last.one("page-first")["href"] == "/collection?q=title&sort=purchased"
    assert len(folder.page("/collection?view=grid").keys()) == PER_PAGE["grid"]


def test_behind_the_last_page_is_the_last_page(folder: Folder) -> None:
    many(folder, PER_PAGE["table"] + 1)
    assert folder.page("/collection?page=99").keys() == [f"p{PER_PAGE['table'] + 1}"]


@pytest.mark.parametrize(
    "query", ["state=lost", "sort=redownload_url", "page=x", "page=-1", "page=0", "page=²", "view=3d", "state=,"]
)
def test_an_address_that_makes_no_sense_shows_everything(folder: Folder, query: str) -> None:
    one_of_each(folder)
    assert len(folder.page(f"/collection?{query}").keys()) == 8


def test_nothing_found_says_so_and_leads_out(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection?q=%3Cb%3E&sort=size")
    assert "Nothing found for “<b>”" in page.one("nothing").text
    assert any(one.attributes.get("href") == "/collection?sort=size" for one in page.elements)
    assert page.one("found").text == "0 of 8 purchases"


def test_an_empty_collection_says_what_comes_next(folder: Folder) -> None:
    page = folder.page("/collection")
    assert "No purchases yet" in page.one("nothing").text
    assert page.one("found").text == "0 purchases"


def test_the_part_is_the_list_of_the_page_and_nothing_more(folder: Folder) -> None:
    one_of_each(folder)
    query = "q=title&state=unsynced&sort=artist&view=grid"
    part = folder.web.get(f"/collection/list?{query}").text
    assert part.strip() in folder.web.get(f"/collection?{query}").text
    assert "<html" not in part
    assert Page(part).one("collection")["data-address"].startswith("/collection?")


def test_a_cover_is_shown_where_there_is_one_and_initials_where_not(folder: Folder) -> None:
    folder.own(item("p1", art_id="77"), item("p2", art_id="78", band_name="Yuki & the Trains"))
    folder.data.covers.mkdir()
    (folder.data.covers / "77.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    page = folder.page("/collection")
    [image] = [one for one in page.elements if one.tag == "img"]
    assert (image["src"], image["alt"], image["loading"]) == ("/covers/77.jpg", "", "lazy")
    assert image["width"] == image["height"]
    assert [one["data-initials"] for one in page.all(class_="cover")] == ["YT", "LF"]


# --- one purchase ---------------------------------------------------------------------------------------------------


def test_a_purchase_has_a_page_with_its_files_and_its_history(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection/p1")
    assert page.one("item-title").text == "Title 1"
    assert page.one("item-path").text == "Los Faros/Night Ferry"
    assert [one.text for one in page.elements if one.tag == "td"] == ["01 Quay.flac", "3 B", "cover.jpg", "3 B"]
    history = [one.text for one in page.elements if one.tag == "li" and "s-" in one.attributes.get("class", "")]
    assert [one.split("2026")[0].strip() for one in history] == ["On disk", "Queued"]
    assert page.one("item-retry").text == "Fetch again"
    assert page.one("item-retry")["data-post"] == "/api/items/p1/retry"
    assert page.one("close")["href"] == "/collection"


def test_a_failed_purchase_tells_its_error_and_what_mends_it(folder: Folder) -> None:
    one_of_each(folder)
    page = folder.page("/collection/p8")
    assert page.one("item-state").text == "failed"
    assert page.one("item-error").text.startswith("broke at https://bandcamp.com/download")
    assert page.one("item-retry").text == "Retry"
    assert [one["href"] for one in page.all(class_="gold") if one.tag == "a"][-1] == "https://a.example/x"


def test_the_panel_is_the_page_without_its_frame(folder: Folder) -> None:
    one_of_each(folder)
    panel = folder.web.get("/collection/p8/panel").text
    assert "<html" not in panel
    assert Page(panel).one("close").text == "Close"
    assert Page(panel).one("item-title").text == "Title 8"


@pytest.mark.parametrize("key", ["p99", "nothing", "..", "<b>", "p1%00"])
def test_an_unknown_purchase_is_not_found_within_the_frame(folder: Folder, key: str) -> None:
    one_of_each(folder)
    page = folder.page(f"/collection/{key}", status=404)
    assert page.all(aria_label="Pages")
    assert folder.web.get(f"/collection/{key}/panel").status_code == 404


# --- names that mean harm, and links that hold ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("path", ["/collection", "/collection?view=grid", "/collection/p1", "/collection/p1/panel"])
def test_a_hostile_name_is_text(folder: Folder, kind: str, path: str) -> None:
    folder.own(item("p1", band_name=HOSTILE[kind], item_title=HOSTILE[kind]))
    answer = folder.web.get(path)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert not [one for one in page.elements if any(name.startswith("on") for name in one.attributes)]
    assert not [one for one in page.elements if one.tag == "script" and not one["src"].startswith("/static/")]
    assert not [one for one in page.elements if one.tag == "img"]
    isolated = [one.text for one in page.elements if one.tag == "bdi"]
    shown = HOSTILE[kind] if "p1" in path else HOSTILE[kind][:80]
    assert any(text.startswith(shown[:80].replace("\x00", "")[:5]) for text in isolated)


def test_a_long_name_is_cut_in_the_list_and_whole_on_its_page(folder: Folder) -> None:
    folder.own(item("p1", item_title=HOSTILE["long"]))
    assert len(folder.page("/collection").one("open-p1").text) < 200
    assert folder.page("/collection/p1").one("item-title").text == HOSTILE["long"]


def test_an_address_that_is_no_web_page_is_no_link(folder: Folder) -> None:
    folder.own(item("p1", item_url="javascript:alert(1)"))
    for path in ("/collection", "/collection/p1"):
        assert "javascript:" not in folder.web.get(path).text


@pytest.mark.parametrize("path", ["/collection", "/collection/list", "/collection/p1", "/collection/p8/panel"])
def test_no_page_holds_a_secret(folder: Folder, path: str) -> None:
    one_of_each(folder)
    text = folder.web.get(path).text
    assert SECRET not in text
    assert "payment_id=9" not in text


@pytest.mark.parametrize("path", ["/collection?view=grid", "/collection", "/collection/p1"])
def test_below_a_proxys_path_every_link_begins_with_it(folder: Folder, path: str) -> None:
    one_of_each(folder)
    page = folder.page(path, environ_overrides={"SCRIPT_NAME": "/music"})
    links = [
        one.attributes.get(name, "") for one in page.elements for name in ("href", "src", "action", "data-address")
    ]
    own = [link for link in links if link.startswith("/")]
    assert len(own) > 10
    assert [link for link in own if not re.match(r"/music(/|$)", link)] == []


def test_the_api_knows_unsynced_too(folder: Folder) -> None:
    one_of_each(folder)
    found = folder.web.get("/api/collection?state=unsynced").get_json()
    assert sorted(one["key"] for one in found["items"]) == ["p2", "p3", "p4", "p5", "p6", "p8"]
