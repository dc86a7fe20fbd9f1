"""What a client holds is not sent again, and text is sent compressed."""

import gzip
import time
from collections.abc import Callable

import brotli
import pytest
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from flask.testing import FlaskClient
from unit.factories import receipt

from integration.dashboards import client, put
from services.dashboard.web.operations import OPERATIONS
from services.dashboard.web.shapes import Token

TAGGED = [one.path for one in OPERATIONS if one.is_tagged and "<" not in one.path]
PAGES = ["/", "/collection", "/logs", "/setup"]


@pytest.mark.parametrize("path", [*TAGGED, *PAGES, "/api/items/p1", "/collection/list", "/static/css/frame.css"])
def test_who_has_an_answer_gets_it_only_once(web: FlaskClient, path: str) -> None:
    first = web.get(path)
    assert first.status_code == 200
    again = web.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "no-cache" in again.headers["Cache-Control"]
    assert again.headers["Content-Security-Policy"]
    assert web.get(path, headers={"If-None-Match": 'W/"another"'}).status_code == 200
    head = web.head(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (head.status_code, head.data) == (304, b"")


def test_the_logs_are_sent_only_once_while_nothing_is_written(web: FlaskClient, data: DataFolder) -> None:
    first = web.get("/api/logs")
    while int(time.time()) == int(first.get_json()["last_event_id"].partition("~")[0], 16):
        time.sleep(0.05)
    again = web.get("/api/logs", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")

    def write() -> None:
        with (data.logs / "worker.log").open("a") as file:
            file.write("2026-11-23T12:00:02.000Z DEBUG worker - more\n")

    assert changed(web, "/api/logs", write)
    # Also where no line is told, but where to go on has moved.
    assert changed(web, "/api/logs?level=ERROR", write)


def changed(web: FlaskClient, path: str, change: Callable[[], object]) -> bool:
    held = {"If-None-Match": web.get(path).headers["ETag"]}
    assert web.get(path, headers=held).status_code == 304
    change()
    return web.get(path, headers=held).status_code == 200


def test_a_change_of_the_books_is_sent(web: FlaskClient, data: DataFolder) -> None:
    assert changed(web, "/api/collection", lambda: put(data, State.DONE, "p3", receipt=receipt()))
    assert changed(web, "/api/queue", lambda: put(data, State.PENDING, "p2"))


def test_a_picture_that_arrives_is_sent(web: FlaskClient, data: DataFolder) -> None:
    items = web.get("/api/collection").get_json()["items"]
    assert {one["cover"] for one in items} == {None}

    def arrive() -> None:
        data.covers.mkdir()
        for number in (1_500_000_000, 1_500_000_001):
            (data.covers / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")

    assert changed(web, "/api/collection", arrive)


def test_each_question_about_the_collection_has_its_own_answer(web: FlaskClient) -> None:
    asked = ["", "?state=synced", "?q=a", "?sort=artist", "?page=2", "?per_page=1", "?state=synced&q=a"]
    tags = {web.get(f"/api/collection{one}").headers["ETag"] for one in asked}
    assert len(tags) == len(asked)


def test_a_process_that_begins_anew_knows_none_of_the_old_tags(web: FlaskClient, data: DataFolder) -> None:
    held = {"If-None-Match": web.get("/api/collection").headers["ETag"]}
    assert client(data).get("/api/collection", headers=held).status_code == 200


def test_what_holds_a_token_is_kept_by_nobody(web: FlaskClient, data: DataFolder) -> None:
    guarded = client(data, DASHBOARD_PASSWORD="open sesame")
    answers = [web.get("/api/token"), guarded.get("/login")]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
    assert Token.model_validate_json(answers[0].data).token


def test_an_error_is_kept_by_nobody(web: FlaskClient) -> None:
    for path in ("/api/nothing", "/api/collection?page=0", "/static/nothing.css"):
        answer = web.get(path)
        assert "ETag" not in answer.headers
    assert web.get("/api/nothing").headers["Cache-Control"] == "no-store"


# --- compression ----------------------------------------------------------------------------------------------------

LONG = ["/", "/api/openapi.json", "/api/collection", "/metrics", "/static/css/frame.css", "/static/js/main.js"]


@pytest.mark.parametrize("path", LONG)
def test_text_is_sent_as_the_client_takes_it(web: FlaskClient, path: str) -> None:
    plain = web.get(path)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    for encoding, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        packed = web.get(path, headers={"Accept-Encoding": encoding})
        assert packed.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < len(plain.data)
        if path not in ("/metrics", "/api/collection"):  # they tell the time
            assert unpack(packed.data) == plain.data
    assert web.get(path, headers={"Accept-Encoding": "gzip, br, zstd"}).headers["Content-Encoding"] == "br"
    assert web.get(path, headers={"Accept-Encoding": "zstd"}).headers["Content-Encoding"] == "zstd"


@pytest.mark.parametrize("path", ["/", "/api/collection", "/static/css/frame.css"])
def test_what_came_compressed_is_not_sent_again_either(web: FlaskClient, path: str) -> None:
    takes = {"Accept-Encoding": "br"}
    first = web.get(path, headers=takes)
    again = web.get(path, headers={**takes, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_pictures_and_fonts_are_sent_as_they_are_and_short_answers_too(web: FlaskClient, data: DataFolder) -> None:
    data.covers.mkdir()
    (data.covers / "7.jpg").write_bytes(b"\xff\xd8\xff" + bytes(5000))
    font = "/static/fonts/antonio-latin-400-normal.woff2"
    for path in ("/covers/7.jpg", font, "/healthz"):
        assert "Content-Encoding" not in web.get(path, headers={"Accept-Encoding": "br, gzip"}).headers
    assert "max-age=604800" in web.get(font).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/api/events", "/live/overview", "/api/logs/stream"])
def test_a_stream_is_never_compressed(web: FlaskClient, path: str) -> None:
    with web.get(path, headers={"Accept-Encoding": "br, gzip"}, buffered=False) as stream:
        assert stream.mimetype == "text/event-stream"
        assert not {"Content-Encoding", "ETag"} & set(stream.headers.keys())
        assert next(iter(stream.response)) in ("retry: 2000\n\n", b"retry: 2000\n\n")
