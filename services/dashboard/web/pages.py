"""The page itself, and the login page. The first look is rendered here; the scripts keep it up to date."""

from datetime import datetime
from typing import Any

from bandcamp_sync.books import Shown
from bandcamp_sync.logs.follow import log_files
from bandcamp_sync.settings import Settings
from bandcamp_sync.views import Views
from flask import Blueprint, current_app, redirect, render_template, request, session
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.guard import Guard, token

_WORDS = {Shown.PREORDER.value: "pre-order"}


def blueprint(views: Views, settings: Settings) -> Blueprint:
    """The pages over these views."""
    pages = Blueprint("pages", __name__)
    pages.add_app_template_filter(size_text, "size")
    pages.add_app_template_filter(day_text, "day")
    pages.add_app_template_filter(lambda state: _WORDS.get(state, state), "state_word")

    @pages.get("/")
    def index() -> str:
        return render_template(
            "index.html",
            token=token(),
            status=views.status(),
            queue=views.queue(),
            states=[state.value for state in Shown],
            logs=list(log_files(views.data.logs)),
            can_log_out=_guard().asks_for_password,
        )

    @pages.get("/login")
    def login() -> str | AnyResponse:
        if _guard().is_known(request):
            return redirect("/", 303)
        return render_template("login.html", token=token(), wrong=False)

    @pages.post("/login")
    def log_in() -> AnyResponse | tuple[str, int]:
        if _guard().log_in(request.form.get("password", "")):
            return redirect("/", 303)
        return render_template("login.html", token=token(), wrong=True), 403

    @pages.post("/logout")
    def log_out() -> AnyResponse:
        session.clear()
        return redirect("/login", 303)

    return pages


def _guard() -> Guard:
    guard = current_app.extensions["guard"]
    assert isinstance(guard, Guard)
    return guard


def size_text(size: Any) -> str:
    """`1.2 GB`, in powers of a thousand; a dash for what is not known."""
    if not isinstance(size, int | float):
        return "–"
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def day_text(moment: Any) -> str:
    """The day of an RFC 3339 time; a dash when there is none."""
    try:
        return f"{datetime.fromisoformat(str(moment)):%Y-%m-%d}"
    except ValueError:
        return "–"
