"""Set-up from end to end: cookies given to a real dashboard, judged by a real scraper, and never seen again."""

import base64
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from bandcamp_sync.actions import recent
from bandcamp_sync.drop import seal
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from flask import render_template
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from standin import StandIn, World
from unit.factories import capture, item

from services.dashboard.web.app import create_app

from .conftest import Home, Serve

ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """A dashboard, a scraper and a reconciler over one home, without cookies."""

    def __init__(self, home: Home, standin: StandIn) -> None:
        self.home, self.standin = home, standin
        self.given = home.cookies.read_text()
        home.cookies.unlink()
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{bind}"
        paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
        self.env = home.environment(PYTHONPATH=paths, DASHBOARD_BIND=bind)
        self.output = home.root / "output.txt"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.web = requests.Session()

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.home.data)

    def start(self, *names: str) -> None:
        for name in names:
            with self.output.open("ab") as out:
                command = [sys.executable, "-m", f"services.{name}.start"]
                self.running[name] = subprocess.Popen(command, env=self.env, cwd=ROOT, stdout=out, stderr=out)
        if "dashboard" in names:
            self.until(self._answers, 30)
        if "scraper" in names:
            self.until(lambda: self.setup()["ready"], 20)

    def stop(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(15)

    def _answers(self) -> bool:
        try:
            return self.web.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def get(self, path: str) -> Any:
        return self.web.get(f"{self.url}{path}", timeout=10).json()

    def setup(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/setup")
        return found

    def post(self, path: str, body: Any = b"", **more: Any) -> requests.Response:
        headers = {"X-CSRF-Token": self.get("/api/token")["token"], **more.pop("headers", {})}
        return self.web.post(f"{self.url}{path}", data=body, headers=headers, timeout=10, **more)

    def hand_over(self, given: str, query: str = "") -> dict[str, Any]:
        """Hand over, and the verdict of it, which is no other than waiting or final."""
        answer = self.post(f"/api/cookies{query}", given, headers={"Content-Type": "text/plain"})
        assert answer.status_code == 202, answer.text
        return self.verdict(answer.json()["id"])

    def verdict(self, drop_id: str, within_s: float = 8) -> dict[str, Any]:
        def is_there() -> bool:
            drop = self.setup()["drop"]
            return drop is not None and drop["id"] == drop_id and drop["state"] != "checking"

        self.until(is_there, within_s)
        found: dict[str, Any] = self.setup()["drop"]
        return found

    @staticmethod
    def until(holds: Callable[[], bool], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.05)

    def collection(self) -> list[dict[str, Any]]:
        try:
            items: list[dict[str, Any]] = json.loads(self.data.collection.read_text())["items"]
        except FileNotFoundError:
            return []
        return items

    def tokens(self) -> list[bytes]:
        """What nobody may read: the cookie, its pieces, and how it may have been written."""
        identity = self.standin.world.identity
        assert identity is not None
        secret = identity.split("%09")[1][:24]
        shapes = [secret.encode(), base64.b64encode(self.given.encode())[20:60], secret[:12].encode()]
        return [*shapes, base64.b64encode(secret.encode())[:16]]


@pytest.fixture
def crew(home: Home, serve: Serve) -> Iterator[Crew]:
    one = Crew(home, serve(World.build(4)))
    yield one
    one.stop()


def expired(crew: Crew) -> str:
    return re.sub(r"\t1893456000\t", "\t1600000000\t", crew.given)


def test_pasted_cookies_are_accepted_within_seconds_and_the_purchases_follow(crew: Crew) -> None:
    crew.start("dashboard", "scraper")
    before = crew.setup()
    assert (before["ready"], before["first_run"], before["drop"]) == (True, True, None)
    assert not before["session"]["logged_in"]
    began = time.monotonic()
    verdict = crew.hand_over(crew.given)
    assert time.monotonic() - began < 3
    assert (verdict["state"], verdict["username"], verdict["fan_id"]) == ("accepted", "a_listener", 7654321)
    assert verdict["expires"] == "2030-01-01T00:00:00Z"
    assert stat.S_IMODE(crew.home.cookies.stat().st_mode) == 0o600
    crew.until(lambda: len(crew.collection()) == 4, 10)
    done = {(one["verb"], one["state"], one["outcome"]) for one in recent(crew.data, datetime.now(UTC))}
    assert ("hand-over", "done", "logged in as a_listener") in done
    after = crew.setup()
    assert after["session"]["logged_in"] and not after["first_run"] and not after["handed"]
    assert not list(crew.data.drop.iterdir())


def test_what_cannot_be_used_is_told_and_the_login_in_use_stays(crew: Crew) -> None:
    crew.start("dashboard", "scraper")
    assert crew.hand_over(crew.given)["state"] == "accepted"
    in_use = crew.home.cookies.read_bytes()
    for given, words in (
        ("Cookie: session=abc; client_id=def", "no identity cookie"),
        (expired(crew), "expired on 2020-09-13"),
        (crew.given.replace("%3D", "%3DX"), "not logged in to Bandcamp"),
        ("<html>", "HTML"),
    ):
        verdict = crew.hand_over(given)
        assert (verdict["state"], words in verdict["problem"]) == ("refused", True), verdict
        assert crew.home.cookies.read_bytes() == in_use
        assert crew.setup()["session"]["logged_in"]


def test_another_account_is_told_first_and_taken_when_it_is_wanted(crew: Crew) -> None:
    crew.data.collection.write_text(capture(item("p1"), fan_id=99, username="somebody").model_dump_json(by_alias=True))
    crew.start("dashboard", "scraper")
    verdict = crew.hand_over(crew.given)
    assert (verdict["state"], verdict["can_switch"]) == ("refused", True)
    assert "somebody (fan 99)" in verdict["problem"] and not crew.home.cookies.exists()
    assert crew.hand_over(crew.given, "?switch=true")["state"] == "accepted"
    crew.until(lambda: len(crew.collection()) == 4, 10)


def test_while_bandcamp_is_down_it_waits_with_the_reason_and_then_goes_on_by_itself(crew: Crew) -> None:
    outage = crew.standin.rules.add("status", match={"class": "any"}, code=503)
    crew.start("dashboard", "scraper")
    answer = crew.post("/api/cookies", crew.given, headers={"Content-Type": "text/plain"})
    verdict = crew.verdict(answer.json()["id"], within_s=30)
    assert verdict["state"] == "waiting" and "cannot be reached" in verdict["problem"] and verdict["next_try"]
    assert seal.taken_path(crew.data).exists() and not crew.home.cookies.exists()
    crew.standin.rules.remove(outage)
    crew.until(lambda: crew.setup()["drop"]["state"] == "accepted", 20)
    assert not seal.taken_path(crew.data).exists()


def test_it_works_during_a_pause_and_while_a_scrape_hangs(crew: Crew) -> None:
    crew.start("dashboard", "scraper")
    assert crew.post("/api/actions/pause").status_code == 202
    assert crew.hand_over(crew.given)["state"] == "accepted"
    assert not crew.collection()
    hang = crew.standin.rules.add("hang", match={"path": "collection_items"}, times=1, seconds=6)
    crew.post("/api/actions/resume")
    crew.until(lambda: hang.hits > 0, 10)
    assert crew.hand_over(crew.given)["state"] == "accepted"
    assert not crew.collection(), "the scrape hangs still"


def test_the_cookies_are_in_no_file_but_their_own_and_in_no_answer_or_page(crew: Crew) -> None:
    crew.start("dashboard", "scraper", "reconciler")
    crew.hand_over("garbage " + crew.given)
    crew.hand_over(expired(crew))
    crew.hand_over(crew.given.replace("identity", "identities"))
    form = {"files": {"file": ("cookies.txt", crew.given.encode())}}
    answer = crew.post("/api/cookies", None, **form)
    assert crew.verdict(answer.json()["id"])["state"] == "accepted"
    crew.until(lambda: len(crew.collection()) == 4, 10)
    crew.until(lambda: crew.get("/api/queue")["counts"]["pending"] > 0, 10)
    pages = "/", "/setup", "/collection", "/logs", "/api/setup", "/api/status", "/api/logs?lines=5000", "/metrics"
    told = {path: crew.web.get(f"{crew.url}{path}", timeout=10).content for path in pages}
    with crew.web.get(f"{crew.url}/live/setup", stream=True, timeout=10) as stream:
        told["/live/setup"] = b""
        for piece in stream.iter_content(1 << 16):
            told["/live/setup"] += piece
            if b"part-choice" in told["/live/setup"]:
                break
    crew.stop()
    told["output"] = crew.output.read_bytes()
    files = {str(path): path.read_bytes() for path in crew.home.root.rglob("*") if path.is_file()}
    own = str(crew.home.cookies)
    for token in crew.tokens()[:1]:
        assert token in files[own], "what is looked for is there to be found"
    for name, content in {**files, **told}.items():
        assert name == own or not any(token in content for token in crew.tokens()), name


def test_the_dashboard_cannot_get_back_what_it_handed_over(crew: Crew) -> None:
    """All that is in its container: the data folder without config/, and its own memory of the public key."""
    seal.own_key(crew.data)
    crew.start("dashboard")
    answer = crew.post("/api/cookies", crew.given, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 202
    assert set(answer.json()) == {"id"}
    sealed = seal.sealed_path(crew.data).read_bytes()
    assert stat.S_IMODE(seal.sealed_path(crew.data).stat().st_mode) == 0o600
    assert crew.setup()["handed"]
    body = sealed.partition(b"\n")[2]
    public = base64.b64decode(crew.data.drop_public.read_bytes())
    for guess in (PrivateKey.generate(), PrivateKey(public)):
        with pytest.raises(CryptoError):
            SealedBox(guess).decrypt(body)
    with pytest.raises((CryptoError, TypeError)):
        SealedBox(PublicKey(public)).decrypt(body)  # type: ignore[misc]
    assert crew.web.get(f"{crew.url}/api/cookies", timeout=10).status_code == 405


def test_from_now_on_chosen_before_the_login_fetches_nothing_old_until_everything_is_wanted(crew: Crew) -> None:
    crew.start("dashboard", "scraper", "reconciler")
    assert crew.setup()["choice"]["mode"] == "everything" and not crew.setup()["choice"]["chosen"]
    assert crew.post("/api/actions/from-now-on").status_code == 202
    crew.until(lambda: crew.setup()["choice"]["mode"] == "from-now-on", 10)
    assert crew.hand_over(crew.given)["state"] == "accepted"
    crew.until(lambda: crew.setup()["choice"]["left_out"] == 4, 15)
    assert crew.get("/api/queue")["counts"]["pending"] == 0
    assert crew.get("/api/status")["counts"]["ignored"] == 4
    assert crew.post("/api/actions/everything").status_code == 202
    crew.until(lambda: crew.get("/api/queue")["counts"]["pending"] > 0, 15)
    assert crew.setup()["choice"]["left_out"] == 0


# --- what the API refuses -------------------------------------------------------------------------------------------


class Door:
    """The dashboard's own client, over a data folder with or without a key."""

    def __init__(self, data: DataFolder) -> None:
        self.data = data
        self.web = create_app(Settings.from_environment({"DATA_DIR": str(data.root)})).test_client()
        self.headers = {"X-CSRF-Token": self.web.get("/api/token").get_json()["token"]}

    def post(self, body: Any, **more: Any) -> tuple[int, str]:
        answer = self.web.post("/api/cookies", data=body, headers=self.headers, **more)
        if answer.status_code != 202:
            assert answer.content_type == "application/problem+json"
        return answer.status_code, answer.get_json().get("detail", "")


@pytest.fixture
def door(tmp_path: Path) -> Door:
    data = DataFolder(tmp_path / "data")
    seal.own_key(data)
    return Door(data)


def test_before_there_is_a_key_it_is_said_what_to_do(door: Door) -> None:
    door.data.drop_public.unlink()
    code, detail = door.post(b"identity=abc")
    assert code == 409 and "scraper" in detail and "running" in detail
    assert not seal.sealed_path(door.data).exists()


def test_nothing_and_too_much_are_refused(door: Door) -> None:
    assert door.post(b" \r\n")[0] == 400
    assert door.post(b"x" * seal.MAX_GIVEN_BYTES)[0] == 202
    code, detail = door.post(b"x" * (seal.MAX_GIVEN_BYTES + 1))
    assert code == 413 and "1 MiB" in detail
    assert door.post(b"x" * (3 * seal.MAX_GIVEN_BYTES))[0] == 413


def test_only_this_route_takes_so_much(door: Door) -> None:
    answer = door.web.post("/login", data={"password": "x" * 100_000}, headers=door.headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("size", [10, 900_000])
def test_a_form_is_taken_too_and_leaves_no_temporary_file(
    door: Door, size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    given = b"x" * size
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="cookies.txt"\r\n\r\n'
    form = head + given + b"\r\n--edge--\r\n"
    assert door.post(form, content_type="multipart/form-data; boundary=edge")[0] == 202
    seal.take(door.data)
    found = seal.open_taken(door.data, seal.own_key(door.data))
    assert isinstance(found, seal.Handed) and found.given == given


def test_what_curl_sends_by_itself_is_taken(door: Door) -> None:
    assert door.post(b"identity=7%09abc%09%7B%7D", content_type="application/x-www-form-urlencoded")[0] == 202
    seal.take(door.data)
    found = seal.open_taken(door.data, seal.own_key(door.data))
    assert isinstance(found, seal.Handed) and found.given == b"identity=7%09abc%09%7B%7D"


def test_without_the_token_or_from_elsewhere_nothing_is_taken(door: Door) -> None:
    assert door.web.post("/api/cookies", data=b"identity=abc").status_code == 403
    foreign = {**door.headers, "Origin": "https://evil.example"}
    assert door.web.post("/api/cookies", data=b"identity=abc", headers=foreign).status_code == 403
    assert not seal.sealed_path(door.data).exists()


def test_the_welcome_points_at_set_up_until_there_was_a_login(door: Door) -> None:
    def welcome(logged_in: bool, captured_at: str | None) -> str:
        status = {"session": {"logged_in": logged_in}, "captured_at": captured_at}
        with door.web.application.test_request_context():
            return render_template("parts/welcome.html", status=status)

    assert 'href="/setup"' in welcome(False, None)
    assert "href" not in welcome(True, None) + welcome(False, "2026-11-23T12:00:00Z")


def test_the_page_shows_steps_and_choice_on_the_first_run(door: Door) -> None:
    page = door.web.get("/setup").text
    assert page.index("What is fetched") < page.index("Hand over cookies"), "the choice comes first"
    assert "Get cookies.txt LOCALLY" in page and "<code>identity</code>" in page
    fields = re.findall(r"<(?:input|textarea)[^>]*id=\"cookies-[^>]*>", page)
    assert len(fields) == 2 and not any(" name=" in field for field in fields)
    assert all('autocomplete="off"' in field for field in fields)
