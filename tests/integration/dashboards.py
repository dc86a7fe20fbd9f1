"""A small data folder, and a dashboard over it that Flask's own client asks."""

import re
from typing import Any

from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from flask.testing import FlaskClient
from unit.factories import LINK, capture, failure, item, job, receipt

from services.dashboard.web.app import create_app

NASTY = '<img src=x onerror="alert(1)">'


def fill(data: DataFolder) -> None:
    """A few purchases, one of them with a name that is markup."""
    write_capture(data.collection, capture(item("p1"), item("p2", band_name=NASTY), item("p3")))
    spool = Spool(data.inbox)
    spool.make_folders()
    put(data, State.DONE, "p1", receipt=receipt())
    put(data, State.FAILED, "p3", attempt=8, failure=failure(sentence=f"broke at {LINK}"))
    data.logs.mkdir()
    (data.logs / "worker.log").write_text(f"2026-11-23T12:00:01.000Z INFO  worker - got {LINK}\n")
    (data.logs / "scraper.log").write_text("2026-11-23T12:00:00.000Z INFO  scraper - began\n")


def put(data: DataFolder, state: State, key: str, **changes: Any) -> None:
    """Leave a job there."""
    Spool(data.inbox).path(state, key).write_text(job(key, **changes).model_dump_json(by_alias=True))


def client(data: DataFolder, **environ: str) -> FlaskClient:
    """A dashboard, and who asks it. `environ`: settings."""
    return create_app(Settings.from_environment({"DATA_DIR": str(data.root), **environ})).test_client()


def with_token(web: FlaskClient, **more: str) -> dict[str, str]:
    """The headers of a change."""
    token = web.get("/api/token", headers=more).get_json()["token"]
    return {"X-CSRF-Token": token, **more}


def log_in(web: FlaskClient, password: str) -> int:
    """Log in as a person does; the status code."""
    token = re.search(r'name="token" value="([^"]+)"', web.get("/login").text)
    assert token
    return web.post("/login", data={"password": password, "token": token[1]}).status_code
