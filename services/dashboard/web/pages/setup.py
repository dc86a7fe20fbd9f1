"""The page at `/setup`."""

from flask import Blueprint, render_template

from services.dashboard.web.site import Site


def blueprint(site: Site) -> Blueprint:
    """The page at `/setup`."""
    bp = Blueprint("setup", __name__)
    site.live.add("setup", ("pause",), lambda topics: {"status": topics["status"]})

    @bp.get("/setup")
    def index() -> str:
        return render_template("setup.html", **site.live.context("setup"))

    return bp
