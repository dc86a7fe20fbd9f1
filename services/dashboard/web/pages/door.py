"""The way in and out, where a password is set."""

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.guard import Guard


def blueprint() -> Blueprint:
    """`/login` and `/logout`."""
    bp = Blueprint("door", __name__)

    @bp.get("/login")
    def login() -> str | AnyResponse:
        if _guard().is_known(request):
            return redirect(url_for("overview.index"), 303)
        return render_template("login.html", wrong=False)

    @bp.post("/login")
    def log_in() -> AnyResponse | tuple[str, int]:
        if _guard().log_in(request.form.get("password", "")):
            return redirect(url_for("overview.index"), 303)
        return render_template("login.html", wrong=True), 403

    @bp.post("/logout")
    def log_out() -> AnyResponse:
        session.clear()
        return redirect(url_for("door.login"), 303)

    return bp


def _guard() -> Guard:
    guard = current_app.extensions["guard"]
    assert isinstance(guard, Guard)
    return guard
