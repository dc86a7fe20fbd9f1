"""The page at `/setup`: whose session it is, a place to hand over cookies, and the choice of what is fetched."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template

from services.dashboard.web.handover import Setup
from services.dashboard.web.site import Site

PARTS = ("verdict", "choice")


def blueprint(site: Site) -> Blueprint:
    """The page at `/setup`."""
    bp = Blueprint("setup", __name__)
    site.streams.add_topic("setup", Setup(site.views).look)
    site.live.add("setup", PARTS, _context)

    @bp.get("/setup")
    def index() -> str:
        return render_template("setup.html", **site.live.context("setup"))

    return bp


def _context(topics: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": topics["status"], "setup": topics["setup"]}
