"""A soak from its beginning to its verdict."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

import requests
from bandcamp_sync.bandcamp.browser import find_chromium
from bandcamp_sync.paths import MusicFolder
from integration.albums import assert_whole, deliverable
from playwright.sync_api import sync_playwright
from standin import World

from soak.chaos import Chaos
from soak.deeds import Deeds
from soak.figures import Figures, reasons, table, verdict
from soak.library import LibraryWatch
from soak.stack import SoakStack
from soak.watch import Watch

#: How long the library may take to become whole once the mischief is over: the longest waits are for retries, a scrape,
#: a lease, a program that supervisord starts again, and what is still to be fetched.
SETTLE_S = 300.0
PURCHASES = 30
_TELL_EVERY_S = 15.0


class Interrupted(Exception):
    """Somebody wants the soak to end."""


def soak(for_s: float, seed: int) -> int:
    """Run for so many seconds, and settle; 0 when every promise was kept."""
    _end_by_signal()
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    figures = Figures(seed, for_s)
    print(f"Soak for {for_s:.0f} s, seed {seed}, in {root}", flush=True)
    world = World.build(purchases=PURCHASES, seed=seed, preset="full")
    stack = SoakStack(root, world)
    try:
        stack.start()
        _run(stack, figures, Chaos(seed, _has_browser()))
    except Interrupted:
        figures.violated("it was interrupted")
    except Exception as error:
        figures.violated(f"the soak itself failed: {error!r}")
        print(f"the soak itself failed: {error!r}", file=sys.stderr)
    finally:
        stack.stop()
    print(f"\n{table(figures)}\n\n{verdict(figures)}", flush=True)
    if not reasons(figures):
        shutil.rmtree(root)
        return 0
    print(f"Its folder is kept: {root}\nAgain: make soak FOR={for_s:.0f}s SEED={seed}")
    return 1


def _run(stack: SoakStack, figures: Figures, chaos: Chaos) -> None:
    music = MusicFolder(stack.library.music)
    library = LibraryWatch(stack.data, music, lambda: _tracks(stack), figures.violated)
    watch = Watch(stack, library, figures)
    deeds = Deeds(stack, library, watch, figures)
    watch.start()
    try:
        _mischief(stack, figures, chaos, deeds)
        _settle(stack, figures, deeds)
    finally:
        with suppress(OSError):
            deeds.end_all()
        watch.stop()
    watch.look()
    _sum_up(stack, figures, deeds, watch)


def _mischief(stack: SoakStack, figures: Figures, chaos: Chaos, deeds: Deeds) -> None:
    began = told = time.monotonic()
    while (lasted := time.monotonic() - began) < figures.asked_s:
        deeds.do(chaos.next())
        until = time.monotonic() + chaos.wait_s()
        while time.monotonic() < until:
            deeds.end_what_is_over()
            time.sleep(0.1)
        if time.monotonic() - told > _TELL_EVERY_S:
            told = time.monotonic()
            done, wanted = len(deeds_done(stack)), len(deliverable(stack.standin))
            print(
                f"  {lasted:5.0f} s: {figures.mischief.total()} mischiefs, {done} of {wanted} delivered, "
                f"{len(figures.violations)} promises broken",
                flush=True,
            )
    figures.lasted_s = time.monotonic() - began


def deeds_done(stack: SoakStack) -> set[str]:
    """The purchases with a receipt."""
    return {path.stem for path in (stack.data.inbox / "done").glob("*.job")}


def _settle(stack: SoakStack, figures: Figures, deeds: Deeds) -> None:
    """No more mischief; then nobody helps."""
    print("  no more mischief", flush=True)
    deeds.end_all()
    deeds.resume()
    deeds.log_in_again(by_hand=True)
    began = time.monotonic()
    while (waited := time.monotonic() - began) < SETTLE_S:
        deeds.end_what_is_over()
        figures.not_whole = _not_whole(stack, deeds)
        if not figures.not_whole:
            figures.settled_s = waited
            break
        time.sleep(0.5)


def _not_whole(stack: SoakStack, deeds: Deeds) -> str:
    """What is still missing; empty when all is there, and at rest."""
    wanted, done = deliverable(stack.standin), deeds_done(stack)
    if missing := sorted(set(wanted) - done):
        return f"without a receipt: {', '.join(missing[:10])}"
    if deeds.lasting:
        return "a damaged album is not repaired yet"
    try:
        status = requests.get(f"{stack.url}/api/status", timeout=20).json()
    except (requests.RequestException, ValueError):
        return "the dashboard does not answer"
    counts = status["counts"]
    if counts.get("synced") != len(wanted) or counts["queued"] or counts["downloading"]:
        return f"the dashboard counts {counts} where {len(wanted)} can be synced"
    dead = [unit["name"] for unit in status["units"] if unit["active_state"] in ("failed", "unknown")]
    if dead or status["state"] in ("failed", "degraded", "paused"):
        return f"the stack is {status['state']}: {status['why']}"
    return ""


def _sum_up(stack: SoakStack, figures: Figures, deeds: Deeds, watch: Watch) -> None:
    """Everything once more, and thoroughly."""
    wanted = deliverable(stack.standin)
    try:
        assert_whole(stack.library, stack.standin)
        figures.whole = len(wanted)
    except Exception as error:
        figures.violated(f"the library is not whole: {str(error)[:500] or repr(error)}")
        figures.whole = len(set(wanted) & deeds_done(stack))
    figures.wanted = len(wanted)
    if figures.settled_s is not None and (code := deeds.run("verify")) != 0:
        figures.violated(f"verify ends with {code}")
    log = stack.standin.log.entries()
    figures.requests = len(log)
    figures.bytes_fetched = sum(entry.bytes_sent for entry in log if entry.kind == "file")
    figures.bytes_needed = sum(_size(stack, key) for key in wanted)
    placed = watch.library.receipts()
    figures.arrival_s = {key: placed[key] - at for key, at in deeds.added.items() if key in placed}
    for path in sorted(stack.data.logs.glob("*.log")):
        figures.log_bytes[path.stem] = sum(one.stat().st_size for one in stack.data.logs.glob(f"{path.name}*"))
    for path in (*stack.data.logs.iterdir(), *stack.data.debug.glob("*.html"), stack.output):
        if path.is_file():
            watch.check(path.name, path.read_bytes())


def _tracks(stack: SoakStack) -> Mapping[str, int]:
    """How many tracks each purchase has."""
    world = stack.standin.world
    return {p.key: len(p.release.tracks) for p in list(world.purchases) if p.release is not None}


def _size(stack: SoakStack, key: str) -> int:
    purchase = stack.standin.world.by_key(key)
    assert purchase is not None
    assert purchase.release is not None
    return len(stack.standin.site.shelf.download(purchase.release, "flac", stack.standin.settings.zip_style).data)


def _has_browser() -> bool:
    """Whether the stages find a browser here, without which nobody passes a challenge."""
    with sync_playwright() as playwright:
        return find_chromium(playwright.chromium.executable_path) is not None


def _end_by_signal() -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
