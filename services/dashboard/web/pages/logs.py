"""The page at `/logs`: the end of the logs as they are now, which `static/js/logs.js` takes over and follows."""

from collections import Counter
from typing import Any

from bandcamp_sync.logs.family import Line, log_files
from bandcamp_sync.logs.line import level_of
from flask import Blueprint, render_template, request

from services.dashboard.web.loglines import asked_for, ending
from services.dashboard.web.site import Site

#: What is on the page when it has to do without its script.
_LINES = 200
_MAX_CHARS = 200
#: The levels that can be chosen, and what they are called.
LEVELS = (("", "all"), ("INFO", "info and above"), ("WARN", "warnings and errors"), ("ERROR", "errors"))


def blueprint(site: Site) -> Blueprint:
    """The page at `/logs`."""
    bp = Blueprint("logs", __name__)
    site.live.add("logs", ("pause",), lambda topics: {"status": topics["status"]})

    @bp.get("/logs")
    def index() -> str:
        return render_template("logs.html", **site.live.context("logs"), **listed(site))

    return bp


def listed(site: Site) -> dict[str, Any]:
    """The template's values for what the address asks for; a level that there is not counts as none."""
    given = {name: request.args.get(name, "")[:_MAX_CHARS] for name in ("file", "level", "q")}
    if given["level"] not in dict(LEVELS):
        given["level"] = ""
    folder = site.views.data.logs
    found = ending(asked_for(folder, given), _LINES)
    services = list(log_files(folder))
    return {
        "asked": given,
        # A log that there is not yet stays chosen: it is shown as soon as it comes.
        "services": services if given["file"] in ("", *services) else [*services, given["file"]],
        "levels": LEVELS,
        "lines": [(level_of(line.text), line) for line in found.lines],
        "counts": counted(found.lines),
        "complete": found.complete,
        "searched": found.searched,
    }


def counted(lines: list[Line]) -> Counter[str]:
    """How many lines there are of each level."""
    return Counter(level_of(line.text) for line in lines)
