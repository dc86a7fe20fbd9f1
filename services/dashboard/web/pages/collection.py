"""The collection: every purchase, searched, filtered and sorted by the address alone, and one of them in full.

The page stands without JavaScript. With it, `static/js/collection.js` fetches the same list or the same purchase by
itself (`/collection/list`, `/collection/<key>/panel`) and morphs it into the page.
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from bandcamp_sync.books import Shown
from bandcamp_sync.listing import UNSYNCED
from flask import Blueprint, abort, render_template, request

from services.dashboard.web.asked import Asked, read_asked
from services.dashboard.web.site import Site

#: The columns that can be sorted by, as they are called.
HEADS = (("state", "State"), ("artist", "Artist"), ("title", "Title"), ("size", "Size"), ("purchased", "Bought"))
#: In the order in which they call for attention.
FILTERS = (*UNSYNCED, Shown.SYNCED, Shown.IGNORED)
#: The states in which asking again makes sense, and those in which a purchase can be left out from now on.
RETRIED = frozenset({Shown.FAILED, Shown.WAITING, Shown.UNAVAILABLE, Shown.PREORDER})
IGNORABLE = RETRIED | {Shown.QUEUED}
#: The words for what happened to a purchase, and the state whose colour it has.
EVENTS = {
    "queued": ("Queued", "queued"),
    "failed": ("Failed", "failed"),
    "due": ("Due again", "queued"),
    "recovered": ("Recovered", "waiting"),
    "gave up": ("Gave up", "failed"),
    "retried": ("Asked for again", "queued"),
    "delivered": ("On disk", "synced"),
    "kept": ("Kept as it is", "synced"),
    "repair": ("To be repaired", "waiting"),
    "upgrade": ("To be upgraded", "waiting"),
    "withdrawn": ("Withdrawn", "ignored"),
    "adopted": ("Adopted", "synced"),
    "remembered": ("Found again", "synced"),
}
_CHOICES = {"retried": RETRIED, "ignorable": IGNORABLE}
_TONES = 6


def blueprint(site: Site) -> Blueprint:
    """`/collection`, and what it fetches."""
    bp = Blueprint("collection", __name__)
    site.live.add("collection", ("pause", "collection_version", "collection_progress"), live_values)
    bp.add_app_template_filter(initials, "initials")
    bp.add_app_template_filter(tone, "tone")
    bp.add_app_template_test(is_on_ignore_list, "on_ignore_list")

    @bp.get("/collection")
    def index() -> str:
        return render_template("collection.html", **site.live.context("collection"), **listed(site))

    @bp.get("/collection/list")
    def part() -> str:
        return render_template("parts/collection_list.html", **site.live.context("collection"), **listed(site))

    @bp.get("/collection/<key>")
    def item(key: str) -> str | tuple[str, int]:
        values = {**site.live.context("collection"), **shown(site, key)}
        if values["item"] is None:
            return render_template("item_missing.html", **values, key=key), HTTPStatus.NOT_FOUND
        return render_template("item.html", **values, in_panel=False)

    @bp.get("/collection/<key>/panel")
    def panel(key: str) -> str:
        values = {**site.live.context("collection"), **shown(site, key)}
        if values["item"] is None:
            abort(HTTPStatus.NOT_FOUND, f"there is no purchase {key[:40]!r} in the collection")
        # The same for a page of its own, which says so.
        return render_template("parts/item_panel.html", **values, in_panel="page" not in request.args)

    return bp


def live_values(topics: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's live parts tell: whether the books changed, and how far each download is, by its key."""
    return {
        "collection": topics["collection"],
        "downloads": {download["key"]: download for download in topics["queue"]["current"]},
    }


def listed(site: Site) -> dict[str, Any]:
    """The templates' values for what the address asks for. Behind the last page is the last page."""
    asked = read_asked(request.args)
    found = _found(site, asked)
    if asked.page > found["pages"]:
        asked = replace(asked, page=found["pages"])
        found = _found(site, asked)
    return {
        "asked": asked,
        "found": found,
        "purchases": sum(found["counts"].values()),
        "filters": filters(asked, found["counts"]),
        "heads": HEADS,
        **_CHOICES,
    }


def shown(site: Site, key: str) -> dict[str, Any]:
    """The templates' values for one purchase; `item` is None for a key that is none."""
    return {"item": site.views.item(key), "events": EVENTS, **_CHOICES}


def filters(asked: Asked, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The filters in their order: `{"name", "word", "count", "is_current"}`, the name being what the address says."""
    unsynced = sum(counts[state] for state in UNSYNCED)
    offered = [("unsynced", unsynced), ("", sum(counts.values())), *((s.value, counts[s]) for s in FILTERS)]
    return [
        {"name": name, "word": name or "all", "count": count, "is_current": name == asked.state}
        for name, count in offered
    ]


def initials(name: str) -> str:
    """One or two letters that stand for a name where there is no cover; a dot when it has none."""
    words = [word for word in ("".join(c for c in part if c.isalnum()) for part in name[:200].split()) if word]
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "") if words else "·"
    return letters.upper()[:2]


def is_on_ignore_list(item: Mapping[str, Any]) -> bool:
    """Whether a purchase is left alone because somebody asked for that, and so can be taken up again."""
    return bool(item["ignored"])


def tone(key: str) -> int:
    """Which of the placeholder's colours a purchase has, for ever."""
    return sum(map(ord, key)) % _TONES


def _found(site: Site, asked: Asked) -> dict[str, Any]:
    return site.views.collection(asked.states, asked.q, asked.sort, asked.page, asked.per_page)
