"""The page at `/collection`."""

from flask import Blueprint, render_template

from services.dashboard.web.site import Site


def blueprint(site: Site) -> Blueprint:
    """The page at `/collection`."""
    bp = Blueprint("collection", __name__)
    site.live.add("collection", ("pause",), lambda topics: {"status": topics["status"]})

    @bp.get("/collection")
    def index() -> str:
        return render_template("collection.html", **site.live.context("collection"))

    return bp
