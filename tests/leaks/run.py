"""One run of the whole stack in which everything goes wrong that quotes a secret, and all that it said and wrote.

Nothing is checked here: `places` holds everything that came out, under a name that says where, for a search.
"""

import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from browser.stack import Stack
from soak import processes
from standin import World

from leaks.needles import of_world

PASSWORD, TOKEN = "the-dashboards-own-password-5d1c", "the-notifiers-own-token-77ab01"
SETTINGS = {
    "LOG_LEVEL": "DEBUG",
    "STREAM_FALLBACK": "yes",
    "DASHBOARD_PASSWORD": PASSWORD,
    "RETRY_BASE": "500ms",
    "RETRY_MAX": "2s",
    "MAX_ATTEMPTS": "100",
    "STALL_TIMEOUT": "2s",
    "SCRAPE_INTERVAL": "3s",
    "LEASE": "5s",
}
_PAGES = ("/", "/collection", "/collection?view=grid", "/logs", "/setup", "/login", "/nowhere", "/static/nowhere")
_STREAMS = (
    "/api/events",
    "/api/logs/stream?lines=500",
    "/live/overview",
    "/live/collection",
    "/live/logs",
    "/live/setup",
)
_ENOUGH_BYTES, _STREAM_S = 400_000, 2.0


class Recorder:
    """Where notifications go; keeps what was sent, without the address that it was sent to."""

    def __init__(self) -> None:
        recorder, self.bodies = self, list[bytes]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                recorder.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://somebody:{TOKEN}@127.0.0.1:{self._server.server_address[1]}/{TOKEN}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Leaks:
    """A run. `logins`: every login that was good once."""

    root: Path
    places: dict[str, bytes] = field(default_factory=dict)
    command_lines: dict[str, bytes] = field(default_factory=dict)
    environments: dict[str, bytes] = field(default_factory=dict)
    core_limits: dict[str, str] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    notified: int = 0

    def __post_init__(self) -> None:
        self.world = World.build(purchases=24, seed=11)
        self.recorder = Recorder()
        own = {**SETTINGS, "NOTIFY_URLS": self.recorder.url, "TMPDIR": str(self.root / "tmp")}
        (self.root / "tmp").mkdir(parents=True)
        self.stack = Stack(self.root, self.world, None, **own)
        self.stack.standin.settings.popplers = "bcbits"
        self.logins.append(self.world.identity or "")

    @property
    def secrets(self) -> dict[str, str]:
        """All that must be seen nowhere."""
        own = {"DASHBOARD_PASSWORD": PASSWORD, "the token in NOTIFY_URLS": TOKEN}
        return {**of_world(self.world, self.logins), **own}

    def go(self) -> None:
        """All of it; afterwards nothing runs any more."""
        self._spoil_all()
        try:
            self.stack.start()
            wait(lambda: len(self._jobs("done")) >= 8, 90, "some albums arrive in spite of all")
            self._walk_through_everything("while all goes wrong")
            self._look_at_processes()
            self._be_challenged()
            self._be_logged_out()
            self._crash()
            self.stack.standin.rules.clear()
            self._commands()
            self._walk_through_everything("at the end")
        finally:
            self.stack.stop()
            self.recorder.close()
        self.notified = len(self.recorder.bodies)
        for number, body in enumerate(self.recorder.bodies):
            self.places[f"notification {number}"] = body
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.places[f"file {path.relative_to(self.root)}"] = path.read_bytes()

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _quoted(self) -> str:
        """What an answer may quote: addresses that are as good as a password, and the cookie itself."""
        one = self.world.purchases[0]
        redownload = self.world.sign("download", one.payment_id, one.sale_id)[:32]
        file = self.world.sign("file", one.sale_id)[:32]
        base = "https://popplers5.bandcamp.com"
        return (
            f"{base}/download/album?id=1&payment_id={one.payment_id}&sig={redownload}&sitem_id={one.sale_id} "
            f"{base}/download/album?enc=flac&sig={file}&fsig={file}&token=1790000000_{file} "
            f"Cookie: identity={self.logins[0]}"
        )

    def _spoil_all(self) -> None:
        rules, quoted = self.stack.standin.rules, self._quoted()
        page = f"<html><body><h1>Error</h1><p>While serving {quoted}</p></body></html>"
        first: list[dict[str, Any]] = [
            *({"fault": "truncate", "percent": 50}, {"fault": "reset", "percent": 50}, {"fault": "drop"}),
            *({"fault": "stall", "percent": 30, "seconds": 3}, {"fault": "hang", "seconds": 3}),
            *({"fault": "status", "code": code, "body": page} for code in (500, 404, 410, 400)),
            *({"fault": "flip_byte", "percent": 50}, {"fault": "cutoff"}, {"fault": "expired_link"}),
            *({"fault": "error_page"}, {"fault": "withdrawn"}, {"fault": "encoding"}),
        ]
        rules.add("rotate", faults=first, match={"class": "file"}, times=1, first_each=True)
        broken = '{"result": "err", "download_url": "' + quoted
        for kind in ("stat", "page", "collection"):
            rules.add("garbage", match={"class": kind}, times=2, after=1, body=broken)
            rules.add("status", match={"class": kind}, times=2, after=3, code=502, body=page)
            rules.add("drop", match={"class": kind}, times=1, after=5)
            rules.add("hang", match={"class": kind}, times=1, after=7, seconds=3)
        rules.add("stat", variant="unknown_error", times=3, after=9)
        rules.add("stat", variant="retry_url", times=2, after=12)
        rules.add("redesign", times=2, after=9)
        renamed = {"do": "rename_field", "match": {"class": "collection"}, "params": {"from": "redownload_urls"}}
        rules.add_json({**renamed, "times": 2, "after": 9})
        rules.add("status", match={"class": "stream"}, times=2, code=403, body=page)
        rules.add("truncate", match={"class": "stream"}, times=1, percent=50)

    def _be_challenged(self) -> None:
        rules = self.stack.standin.rules
        rule, refused = rules.add("challenge", mode="cookie"), rules.add("challenge403", times=3)
        self._ask_for_a_scrape()
        wait(lambda: rule.hits > 0, 30, "a challenge is shown")
        time.sleep(3)
        rules.remove(rule)
        rules.remove(refused)

    def _be_logged_out(self) -> None:
        """Told of in a notification, and mended by what is handed over, first garbage with the login in it."""
        standin = self.stack.standin
        self.world.log_out()
        self._ask_for_a_scrape()
        wait(lambda: bool(self.recorder.bodies), 60, "a notification of it")
        self._walk_through_everything("while logged out")
        self.logins.append(self.world.set_identity())
        good = standin.write_cookies(self.root / "handed").read_text()
        (self.root / "handed").unlink()
        broken = '[{"name": "identity", "value": "' + self.logins[-1] + '", "domain": '
        for given in (broken, good.replace(".bandcamp.com", ".example.com"), good):
            self.places[f"POST /api/cookies {len(given)}"] = self._post("/api/cookies", given.encode()).content
            time.sleep(1.5)
            self._get("/api/setup", "after cookies were handed over")
        in_use = self.stack.data.config / "cookies.txt"
        wait(lambda: self.logins[-1] in in_use.read_text(), 60, "the new login is in use")

    def _crash(self) -> None:
        """A traceback of each service's own, and an end that asks the system for a core."""
        for pids in processes.programs(self._supervisord).values():
            with suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGABRT)
        time.sleep(2)
        (self.stack.data.collection).write_text('{"items": "' + self._quoted())
        for path in list(self.stack.data.inbox.glob("*/*.job"))[:2]:
            with suppress(FileNotFoundError):
                path.write_bytes(path.read_bytes()[:-100])
        wait(lambda: self._answers("/healthz"), 60, "the dashboard is back")

    # --- what is looked at -------------------------------------------------------------------------------------------

    def _commands(self) -> None:
        """Each command, with and without trouble, as a person runs it."""
        rules = self.stack.standin.rules
        commands: tuple[tuple[str, ...], ...] = (
            *(("fan-id",), ("scrape", "--full"), ("reconcile", "--dry-run"), ("status",), ("status", "--json")),
            *(("settings",), ("verify",), ("retry", "--all"), ("pause",), ("resume",)),
            ("backup", str(self.root / "kept.tar.gz")),
        )
        for words in commands:
            self._command(*words)
        (self.root / "kept.tar.gz").unlink(missing_ok=True)  # it holds the cookies, as it says
        for fault in ("drop", "garbage", "redesign", "challenge403", "redirect_login"):
            match = {"class": ["page", "collection", "stat", "file"]}
            given = {"body": self._quoted()} if fault == "garbage" else {}
            rule = rules.add_json({"do": fault, "match": match, "params": given})
            self._command("--debug", "scrape", "--full", about=f"with {fault}")
            rules.remove(rule)
        for name, value in (("NOTIFY_URLS", "json://[" + TOKEN), ("DASHBOARD_BIND", "nowhere"), ("FORMAT", "x")):
            self._command("--debug", "status", about=f"with a wrong {name}", **{name: value})
        odd = self.root / "odd-cookies"
        for text in (
            f"identity={self.logins[-1]}",
            f'[{{"identity": "{self.logins[-1]}"',
            f".bandcamp.com\t{self.logins[-1]}",
        ):
            odd.write_text(text)
            self._command("--debug", "fan-id", about=f"with odd cookies {len(text)}", COOKIES_FILE=str(odd))
        odd.unlink()

    def _command(self, *words: str, about: str = "", **changes: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bandcamp_sync", *words],
            env={**self.stack.environ, **changes},
            capture_output=True,
            timeout=120,
            check=False,
        )
        self.places[f"bandcampsync {' '.join(words)} {about}".strip()] = done.stdout + done.stderr
        self._keep_evidence(f"{' '.join(words)} {about}")

    def _keep_evidence(self, when: str) -> None:
        """What Bandcamp showed when it went wrong; the next trouble takes its place."""
        with suppress(OSError):
            self.places[f"debug.html {when}"] = (self.stack.data.debug / "debug.html").read_bytes()

    def _walk_through_everything(self, when: str) -> None:
        """Every page, every part of the API, every stream, as whoever knows the password sees them."""
        for path in [*_PAGES, *self._api_paths()]:
            self._get(path, when)
        self._keep_evidence(when)
        listening = [threading.Thread(target=self._listen, args=(path, when)) for path in _STREAMS]
        for one in listening:
            one.start()
        for one in listening:
            one.join()

    def _api_paths(self) -> Iterator[str]:
        described = self._session().get(f"{self.stack.url}/api/openapi.json", timeout=20).json()["paths"]
        keys = [purchase.key for purchase in self.world.purchases][:8]
        for path, about in described.items():
            if "get" not in about or path in ("/api/events", "/api/logs/stream"):
                continue
            if path == "/api/logs/download":
                yield from (f"{path}?file={name}" for name in ("scraper", "reconciler", "worker", "dashboard"))
            elif "{key}" in path:
                yield from (path.replace("{key}", key) for key in keys)
            else:
                yield re.sub(r"\{\w+\}", "1", path)
        yield from (f"/collection/{key}" for key in keys)
        yield from ("/api/logs?lines=5000", "/api/collection?per_page=200", "/collection/list", "/api/openapi.json")

    def _get(self, path: str, when: str) -> None:
        answer = self._session().get(self.stack.url + path, timeout=30, headers={"Accept": "text/html,*/*"})
        head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items() if name != "Set-Cookie")
        self.places[f"GET {path} {when}"] = head.encode() + answer.content

    def _listen(self, path: str, when: str) -> None:
        until, came = time.monotonic() + _STREAM_S, b""
        with (
            suppress(requests.RequestException),
            self._session().get(self.stack.url + path, stream=True, timeout=_STREAM_S) as stream,
        ):
            for part in stream.iter_content(None):
                came += part
                if time.monotonic() > until or len(came) > _ENOUGH_BYTES:
                    break
        self.places[f"GET {path} {when}"] = came

    def _look_at_processes(self) -> None:
        for pid in [self._supervisord, *processes.descendants(self._supervisord)]:
            with suppress(OSError):
                place = Path(f"/proc/{pid}")
                program = f"{processes.program_of(pid) or 'other'} {pid}"
                self.command_lines[program] = (place / "cmdline").read_bytes().replace(b"\0", b" ")
                self.environments[program] = (place / "environ").read_bytes()
                limits = (place / "limits").read_text().splitlines()
                self.core_limits[program] = next(line for line in limits if line.startswith("Max core file size"))

    # --- small ways --------------------------------------------------------------------------------------------------

    @property
    def _supervisord(self) -> int:
        return self.stack.supervisord

    def _session(self) -> requests.Session:
        one = requests.Session()
        one.trust_env = False
        one.auth = ("anybody", PASSWORD)
        return one

    def _post(self, path: str, body: bytes = b"") -> requests.Response:
        session = self._session()
        token = session.get(f"{self.stack.url}/api/token", timeout=20).json()["token"]
        headers = {"X-CSRF-Token": token, "Content-Type": "text/plain"}
        return session.post(self.stack.url + path, data=body, headers=headers, timeout=20)

    def _ask_for_a_scrape(self) -> None:
        self.places.setdefault("POST /api/actions/scrape", self._post("/api/actions/scrape").content)

    def _answers(self, path: str) -> bool:
        with suppress(requests.RequestException):
            return self._session().get(self.stack.url + path, timeout=5).status_code == 200
        return False

    def _jobs(self, state: str) -> list[Path]:
        return list((self.stack.data.inbox / state).glob("*.job"))


def wait(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Until it holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)
