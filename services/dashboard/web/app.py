"""The dashboard's application: shows the data folder, and asks for stages by leaving request files in it."""

import os

from bandcamp_sync import __version__
from bandcamp_sync.logs.setup import set_up_logging
from bandcamp_sync.settings import Settings
from bandcamp_sync.views import Views
from flask import Flask

from services.dashboard.web import (
    activity,
    api,
    compression,
    covers,
    events,
    fresh,
    guard,
    handover,
    history,
    live,
    metrics,
    openapi,
    operations,
    problems,
    proxy,
    sessions,
    words,
)
from services.dashboard.web.keys import signing_key
from services.dashboard.web.pages import collection, door, logs, overview, setup
from services.dashboard.web.site import Site
from services.dashboard.web.streams import Streams
from services.dashboard.web.token import token


def create_app(settings: Settings) -> Flask:
    """The application for these settings; reads and asks, holds no other state than caches."""
    app = Flask(__name__)
    views = Views(settings, expects_services=True)
    port = settings.dashboard_bind.rpartition(":")[2]
    app.config.update(
        SECRET_KEY=signing_key(views.data),
        # Cookies know no ports: two dashboards on one machine must not share one.
        SESSION_COOKIE_NAME=f"bandcampsync_{port}",
        SESSION_COOKIE_HTTPONLY=True,
        # Not Strict: a link from another page to here would log out who follows it. Nothing is changed by a GET.
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=sessions.LIFETIME,
        # Else each answer brings the cookie: fonts, which a proxy may keep for others, and one that was under way
        # while somebody logged out.
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    streams = Streams(views)
    app.extensions["streams"] = streams
    problems.install(app)
    proxy.install(app)
    # What is installed earlier sees a request earlier, and its answer later.
    app.register_blueprint(metrics.blueprint(views, streams))
    compression.install(app)
    door_keeper = guard.Guard(settings, sessions.LoggedOut(views.data.state / sessions.FILE))
    door_keeper.install(app)
    streams.is_over = door_keeper.is_over
    operations.install(app)
    fresh.install(app)
    site = Site(settings, views, streams, live.Live(streams))
    for page in (overview, collection, logs, setup):
        app.register_blueprint(page.blueprint(site))
    app.register_blueprint(door.blueprint(streams))
    app.register_blueprint(live.blueprint(site.live, streams))
    app.register_blueprint(api.blueprint(views, streams))
    app.register_blueprint(handover.blueprint(views))
    app.register_blueprint(events.blueprint(views, streams))
    app.register_blueprint(activity.blueprint(site))
    app.register_blueprint(history.blueprint(site))
    app.register_blueprint(covers.blueprint(site))
    app.register_blueprint(openapi.blueprint())
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.globals.update(version=__version__, token=token, can_log_out=settings.dashboard_password is not None)
    return app


def from_environment() -> Flask:
    """What gunicorn calls: settings from the environment, and a log of its own."""
    settings = Settings.from_environment(os.environ)
    if settings.umask is not None:
        os.umask(settings.umask)
    app = create_app(settings)
    set_up_logging("dashboard", settings.log_level, app.extensions["streams"].views.data.logs, console=True)
    return app
