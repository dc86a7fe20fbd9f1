"""The overview: how everything is, now."""

from collections.abc import Mapping
from typing import Any

from bandcamp_sync.books import Shown
from flask import Blueprint, render_template

from services.dashboard.web.site import Site

PARTS = ("pause", "state", "counts", "arriving", "needs", "session")


def blueprint(site: Site) -> Blueprint:
    """The page at `/`."""
    bp = Blueprint("overview", __name__)
    site.live.add("overview", PARTS, _context)

    @bp.get("/")
    def index() -> str:
        return render_template("overview.html", **site.live.context("overview"))

    return bp


def _context(topics: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": topics["status"], "queue": topics["queue"], "states": [state.value for state in Shown]}
