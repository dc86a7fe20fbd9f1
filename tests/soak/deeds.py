"""Does what chaos chose, to a stack that runs; and undoes what lasts only for a while."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from bandcamp_sync.library.audio_kind import is_audio

from soak import processes
from soak.chaos import Kind, Mischief
from soak.figures import Figures
from soak.library import LibraryWatch
from soak.stack import SoakStack
from soak.watch import Watch

_SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "INT": signal.SIGINT}
_FLOOD_BYTES = 10_100_000
_TIMEOUT_S = 20.0
_GARBAGE = {
    "emptied": b"",
    "other JSON": b'{"schema": 99, "items": "none", "key": 7}',
    "no JSON": b'{"key": "p5000',
    "binary": bytes(range(256)) * 8,
}
#: Beneath these lies what the stack keeps for itself, and must be able to lose.
_OWN = ("state", "health")


class Deeds:
    """`added`: when each purchase came into the world, in seconds since the epoch."""

    def __init__(self, stack: SoakStack, library: LibraryWatch, watch: Watch, figures: Figures) -> None:
        self._stack, self._library, self._watch, self._figures = stack, library, watch, figures
        self._lasting: list[tuple[float, Callable[[], None]]] = []
        self.added = {purchase.key: time.time() for purchase in stack.standin.world.purchases}

    def do(self, mischief: Mischief) -> None:
        """One mischief; what it needs and is not there (no album to damage yet) makes it none."""
        done = self._deed(mischief.kind)(mischief)
        if done is not False:
            self._figures.mischief[mischief.kind.value] += 1

    def end_what_is_over(self) -> None:
        """Undo what has lasted for long enough."""
        now = time.monotonic()
        over = [undo for due, undo in self._lasting if due <= now]
        self._lasting = [(due, undo) for due, undo in self._lasting if due > now]
        for undo in over:
            undo()

    def end_all(self) -> None:
        """Undo everything, in the order in which it would have ended; a repair may have to be looked at again."""
        ending, self._lasting = sorted(self._lasting, key=lambda pair: pair[0]), []
        for _, undo in ending:
            undo()
        self._stack.standin.rules.clear()

    def _for(self, seconds: float, undo: Callable[[], None]) -> None:
        self._lasting.append((time.monotonic() + seconds, undo))

    def _deed(self, kind: Kind) -> Callable[[Mischief], Any]:
        return {
            Kind.FAULT: self._fault,
            Kind.STORM: self._fault,
            Kind.CHALLENGE: self._fault,
            Kind.OUTAGE: self._outage,
            Kind.LOG_OUT: self._log_out,
            Kind.KILL: self._kill,
            Kind.FREEZE: self._freeze,
            Kind.RESTART: self._restart,
            Kind.POWER_CUT: self._power_cut,
            Kind.PURCHASE: self._purchase,
            Kind.RELEASE: lambda _: self._stack.standin.world.release_preorder(),
            Kind.PAUSE: self._pause,
            Kind.ASK: lambda mischief: self._post(f"/api/actions/{mischief.what}"),
            Kind.RETRY: lambda mischief: self._post_of_one(mischief, "retry"),
            Kind.IGNORE: self._ignore,
            Kind.GARBLE: self._garble,
            Kind.GARBLE_JOB: self._garble_job,
            Kind.LOSE_INBOX: self._lose_inbox,
            Kind.LOSE_COLLECTION: lambda mischief: spoil(self._stack.data.collection, mischief.what),
            Kind.DAMAGE: self._damage,
            Kind.FLOOD_LOG: self._flood_log,
        }[kind]

    # --- Bandcamp ----------------------------------------------------------------------------------------------------

    def _fault(self, mischief: Mischief) -> None:
        rules = self._stack.standin.rules
        rule = rules.add_json(dict(mischief.rule))

        def over() -> None:
            with suppress(ValueError):
                rules.remove(rule)
            self._figures.faults[rule.do] += rule.hits

        self._for(mischief.seconds, over)

    def _outage(self, mischief: Mischief) -> None:
        self._stack.bandcamp_goes_away()
        time.sleep(mischief.seconds)
        self._stack.bandcamp_comes_back()

    def _log_out(self, mischief: Mischief) -> None:
        self._stack.standin.world.log_out()
        time.sleep(mischief.seconds)
        self.log_in_again(by_hand=mischief.what == "file")

    def log_in_again(self, by_hand: bool) -> None:
        """Somebody logs in again in a browser, and hands the new cookies over, or saves them as a file."""
        self._stack.standin.world.set_identity()
        self._watch.new_login()
        beside = self._stack.standin.write_cookies(self._stack.data.root.parent / "cookies.txt")
        if by_hand or not self._post("/api/cookies", beside.read_bytes()):
            beside.chmod(0o600)
            beside.rename(self._stack.data.config / "cookies.txt")

    # --- processes ---------------------------------------------------------------------------------------------------

    def _chosen(self, program: str, chance: float) -> int | None:
        pids = sorted(processes.programs(self._stack.supervisord).get(program, []))
        return pids[int(chance * len(pids))] if pids else None

    def _kill(self, mischief: Mischief) -> bool:
        name, _, program = mischief.what.partition(" ")
        if (pid := self._chosen(program, mischief.chance)) is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, _SIGNALS[name])
        self._figures.kills[f"{program} by SIG{name}"] += 1
        return True

    def _freeze(self, mischief: Mischief) -> bool:
        if (pid := self._chosen(mischief.what, mischief.chance)) is None:
            return False

        def thaw() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        self._for(mischief.seconds, thaw)
        return True

    def _restart(self, mischief: Mischief) -> None:
        self._stack.stop_services()
        self._stack.start_services()

    def _power_cut(self, mischief: Mischief) -> None:
        self._stack.power_cut()
        self._figures.kills["everything"] += 1
        time.sleep(mischief.seconds)
        self._stack.start_services()

    # --- what people do ----------------------------------------------------------------------------------------------

    def _purchase(self, mischief: Mischief) -> None:
        keys = self._stack.standin.world.add_purchase(mischief.count)
        self.added |= dict.fromkeys(keys, time.time())
        self._watch.new_login()  # whose addresses are signed, too
        if mischief.what == "asked":
            self._post("/api/actions/scrape")

    def _pause(self, mischief: Mischief) -> bool:
        self._for(mischief.seconds, self.resume)
        return self._post("/api/actions/pause")

    def resume(self) -> None:
        """Go on; where the dashboard does not answer, as the command does."""
        if not self._post("/api/actions/resume"):
            with suppress(FileNotFoundError):
                self._stack.data.paused.unlink()

    def _ignore(self, mischief: Mischief) -> bool:
        key = self._some_key(mischief.chance)
        self._for(mischief.seconds, lambda: self._stop_ignoring(key))
        return self._post(f"/api/items/{key}/ignore")

    def _stop_ignoring(self, key: str) -> None:
        if not self._post(f"/api/items/{key}/unignore"):
            self._stack.ask_for("unignore", key)

    def _post_of_one(self, mischief: Mischief, verb: str) -> bool:
        return self._post(f"/api/items/{self._some_key(mischief.chance)}/{verb}")

    def _some_key(self, chance: float) -> str:
        purchases = self._stack.standin.world.purchases
        return purchases[int(chance * len(purchases))].key

    def _post(self, path: str, body: bytes | None = None) -> bool:
        """As the page does; False when the dashboard does not answer, or knows nothing of it yet."""
        try:
            with requests.Session() as session:
                token = session.get(f"{self._stack.url}/api/token", timeout=_TIMEOUT_S).json()["token"]
                headers = {"X-CSRF-Token": token, "Content-Type": "text/plain"}
                answer = session.post(self._stack.url + path, data=body, headers=headers, timeout=_TIMEOUT_S)
        except (requests.RequestException, ValueError):
            return False
        self._watch.check(path, answer.content)
        # 404: not listed yet, or its books are garbled; 409: the scraper's key is; 503 is the disk's.
        if answer.status_code not in (202, 404, 409):
            self._figures.violated(f"POST {path}: {answer.status_code} {answer.text[:200]}")
        return answer.status_code == 202

    # --- files -------------------------------------------------------------------------------------------------------

    def _garble(self, mischief: Mischief) -> bool:
        files = sorted(
            path
            for name in _OWN
            for path in (self._stack.data.root / name).rglob("*")
            if path.is_file() and path.suffix != ".lock"
        )
        return bool(files) and spoil(files[int(mischief.chance * len(files))], mischief.what)

    def _garble_job(self, mischief: Mischief) -> bool:
        jobs = sorted(self._stack.data.inbox.glob("*/*.job"))
        return bool(jobs) and spoil(jobs[int(mischief.chance * len(jobs))], mischief.what)

    def _lose_inbox(self, mischief: Mischief) -> None:
        # By one rename, as a person's `mv`: removing file after file would race with the workers for ever.
        aside = self._stack.data.root.parent / f"inbox lost at {time.time():.0f}"
        with suppress(FileNotFoundError):
            self._stack.data.inbox.rename(aside)

    def _damage(self, mischief: Mischief) -> bool:
        """Spoil a delivered track, and let `verify --repair` find it."""
        receipts = sorted(self._library.receipts())
        if not receipts:
            return False
        key = receipts[int(mischief.chance * len(receipts))]
        album = self._library.done(key)
        track = next((name for name in sorted(album.files) if is_audio(name)), None) if album else None
        if album is None or track is None:
            return False
        self._library.damaged.add(key)
        path = self._library.music.root / album.folder / track
        try:
            _damage(path, mischief.what)
        except FileNotFoundError:
            self._library.damaged.discard(key)
            return False
        self._for(0.0, lambda: self._repair(key, since=time.time()))
        return True

    def _repair(self, key: str, since: float) -> None:
        """Until it is whole again: a job that is under way, or garbled meanwhile, is not verified."""
        if self._library.receipts().get(key, 0.0) > since and self._is_whole(key):
            self._library.damaged.discard(key)
            return
        if key in self._library.receipts() and not self._is_whole(key):
            self.run("verify", "--repair")
        self._for(2.0, lambda: self._repair(key, since))

    def _is_whole(self, key: str) -> bool:
        album = self._library.done(key)
        return album is not None and self._library.is_whole(album)

    def run(self, *words: str) -> int:
        """A command by hand."""
        done = subprocess.run(
            [sys.executable, "-m", "bandcamp_sync", *words],
            env=self._stack.environ,
            capture_output=True,
            timeout=120,
            check=False,
        )
        self._watch.check(" ".join(words), done.stdout + done.stderr)
        return done.returncode

    def _flood_log(self, mischief: Mischief) -> None:
        line = b"2026-11-23T12:00:00.000Z INFO  worker - a line among very many that somebody else wrote\n"
        with suppress(FileNotFoundError), (self._stack.data.logs / "worker.log").open("ab") as file:
            file.write(line * (_FLOOD_BYTES // len(line)))

    @property
    def lasting(self) -> int:
        """How much is still to be undone."""
        return len(self._lasting)


def spoil(path: Path, how: str) -> bool:
    """Put garbage in a file's place, as a disk or a careless hand does; False when it is gone already."""
    try:
        if how == "removed":
            path.unlink()
        elif how == "cut in half":
            os.truncate(path, path.stat().st_size // 2)
        else:
            mode = path.stat().st_mode
            path.write_bytes(_GARBAGE[how])
            path.chmod(mode)
    except FileNotFoundError:
        return False
    return True


def _damage(path: Path, how: str) -> None:
    if how == "removed":
        path.unlink()
    elif how == "truncated":
        os.truncate(path, path.stat().st_size * 2 // 3)
    else:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0xFF]))
