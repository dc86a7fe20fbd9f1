"""The page at `/logs`."""

from flask import Blueprint, render_template

from services.dashboard.web.site import Site


def blueprint(site: Site) -> Blueprint:
    """The page at `/logs`."""
    bp = Blueprint("logs", __name__)
    site.live.add("logs", ("pause",), lambda topics: {"status": topics["status"]})

    @bp.get("/logs")
    def index() -> str:
        return render_template("logs.html", **site.live.context("logs"))

    return bp
