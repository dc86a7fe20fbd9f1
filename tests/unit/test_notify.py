"""What is told away from the screen: each alarm once, over a real line to where the user wants it."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.alarms import clear_alarm, raise_alarm
from bandcamp_sync.notify import tell_news
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from unit.factories import NOW

HOUR = timedelta(hours=1)


class Inbox:
    """Where notifications go. `status`: what it answers."""

    def __init__(self) -> None:
        inbox, self.texts, self.status = self, list[str](), 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if inbox.status == 200:
                    inbox.texts.append(told["message"])
                self.send_response(inbox.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    one = Inbox()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def tell(data: DataFolder, inbox: Inbox, others: str = "") -> list[str]:
    """Tell the news, to `others` first; what came of it."""
    before = len(inbox.texts)
    url = f"{others} json://127.0.0.1:{inbox.server.server_address[1]}/"
    tell_news(Settings.from_environment({"DATA_DIR": str(data.root), "NOTIFY_URLS": url}), data)
    return inbox.texts[before:]


def test_an_alarm_is_told_once_whatever_becomes_of_its_words(data: DataFolder, inbox: Inbox) -> None:
    raise_alarm(data, "disk", "too little room: 1.2 GB", True, NOW)
    assert tell(data, inbox) == ["too little room: 1.2 GB"]
    for gigabytes in ("1.1", "1.0"):
        raise_alarm(data, "disk", f"too little room: {gigabytes} GB", True, NOW + HOUR)
        assert tell(data, inbox) == []


def test_the_next_alarm_of_a_name_is_news_although_nobody_looked_between(data: DataFolder, inbox: Inbox) -> None:
    raise_alarm(data, "session", "not logged in", True, NOW)
    tell(data, inbox)
    clear_alarm(data, "session")
    raise_alarm(data, "session", "not logged in", True, NOW + HOUR)
    assert tell(data, inbox) == ["not logged in"]


def test_what_wants_nobody_is_told_to_nobody(data: DataFolder, inbox: Inbox) -> None:
    raise_alarm(data, "collection", "it is written anew", False, NOW)
    assert tell(data, inbox) == []


def test_what_could_not_be_sent_is_sent_later(data: DataFolder, inbox: Inbox) -> None:
    raise_alarm(data, "session", "not logged in", True, NOW)
    inbox.status = 500
    assert tell(data, inbox) == []
    inbox.status = 200
    assert tell(data, inbox) == ["not logged in"]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ("nosuch://TOKEN", "Apprise knows no such address"),
        ("json://127.0.0.1:9/TOKEN", "the notification was not sent"),
    ],
)
def test_an_address_that_is_no_good_stops_no_other_and_is_told_by_its_place(
    data: DataFolder, inbox: Inbox, caplog: pytest.LogCaptureFixture, other: str, problem: str
) -> None:
    raise_alarm(data, "session", "not logged in", True, NOW)
    assert tell(data, inbox, other) == ["not logged in"]
    assert f"NOTIFY_URLS, address 1 of 2: {problem}" in caplog.messages
    assert "TOKEN" not in caplog.text
    assert tell(data, inbox, other) == [], "what was told to somebody is told"
