"""The login: lost in mid-run, and one purchase that wants its e-mail address confirmed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from faults.household import Household
from faults.row import Row
from faults.whole import deliverable

#: Three workers and a scraper may each have a question under way when the login ends; and one more to be sure.
_MOST_REQUESTS_LOGGED_OUT = 20


class Told:
    """Where notifications arrive: an Apprise `json://` address of this machine."""

    def __init__(self) -> None:
        self.came: list[dict[str, Any]] = []
        came = self.came

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The setting NOTIFY_URLS."""
        return f"json://127.0.0.1:{self.server.server_address[1]}"


def _listen_for_notifications(home: Household) -> None:
    home.told = Told()
    home.settings["NOTIFY_URLS"] = home.told.url


def _log_out_for_a_while(home: Household) -> None:
    home.until_under_way()
    before = len(home.requests())
    home.world.log_out()
    # A page's own link opens without a login; what it then withholds is the download.
    rule = home.standin.rules.add("no_downloads", match={"class": "page"})
    home.until_said("ALARM session")
    home.for_seconds(8)
    asked = len(home.requests()) - before
    assert asked <= _MOST_REQUESTS_LOGGED_OUT, f"{asked} requests while logged out"
    home.standin.rules.remove(rule)
    home.world.set_identity()
    home.renew_cookies()


def _told_once(home: Household) -> list[str]:
    assert home.told is not None
    home.until("the alarm's end", lambda: not list((home.data / "state" / "alarms").glob("session.json")))
    problems = []
    if len(home.told.came) != 1:
        problems.append(f"{len(home.told.came)} notifications")
    alarms = home.said().count("ALARM session")
    if alarms != 1:
        problems.append(f"{alarms} alarms")
    return problems


def _one_wants_confirmation(home: Household) -> None:
    home.told = None
    key = next(iter(deliverable(home.world)))
    home.standin.rules.add("reauth", match={"class": ["stat", "file"], "key": key})


def _says_why(home: Household) -> list[str]:
    home.until("the one that fails", lambda: home.count("failed"))
    (job,) = home.jobs("failed")
    failure = job["failure"]
    if failure["reason"] != "reauth" or failure["link"] != f"{home.standin.url}/settings" or job["not_before"]:
        return [f"it failed otherwise: {failure}"]
    return []


ROWS = (
    Row(
        "logged out in mid-run",
        before=_listen_for_notifications,
        happens=_log_out_for_a_while,
        after=_told_once,
        person="new cookies",
        rate=150_000,
        purchases=8,
    ),
    Row(
        "one purchase wants its e-mail address confirmed",
        before=_one_wants_confirmation,
        after=_says_why,
        person="for that one: confirm the address",
        missing=1,
    ),
)
