"""The way in and out, where a password is set."""

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from services.dashboard.web.guard import Guard, too_many
from services.dashboard.web.problems import is_for_people, problem
from services.dashboard.web.streams import Streams
from services.dashboard.web.wayback import given


def blueprint(streams: Streams) -> Blueprint:
    """`/login` and `/logout`. `streams`: those of a session end with it."""
    bp = Blueprint("door", __name__)

    @bp.get("/login")
    def login() -> str | AnyResponse:
        back = given(request.args)
        if _guard().is_known(request):
            return _let_in(back)
        return render_template("login.html", back=back)

    @bp.post("/login")
    def log_in() -> AnyResponse | tuple[str, int]:
        back = given(request.form)
        # RACE: of several at the same moment one too many may be told that it is wrong, which it need not be.
        if wait_s := _guard().wait_s():
            return _turned_away(wait_s, back)
        if _guard().log_in(request.form.get("password", "")):
            return _let_in(back)
        return render_template("login.html", back=back, wrong=True), 403

    @bp.post("/logout")
    def log_out() -> AnyResponse:
        _guard().log_out()
        streams.wake()
        return redirect(url_for("door.login"), 303)

    return bp


def _let_in(back: str | None) -> AnyResponse:
    return redirect(back or url_for("overview.index"), 303)


def _turned_away(wait_s: int, back: str | None) -> AnyResponse:
    headers = {"Retry-After": str(wait_s)}
    if not is_for_people(request.path, request.headers.get("Accept", "")):
        return problem(429, too_many(wait_s), headers)
    return Response(render_template("login.html", back=back, wait=too_many(wait_s)), 429, headers)


def _guard() -> Guard:
    guard = current_app.extensions["guard"]
    assert isinstance(guard, Guard)
    return guard
