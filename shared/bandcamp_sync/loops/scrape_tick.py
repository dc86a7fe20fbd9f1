"""A scrape if one is due, after a look at the drop place: what `bandcamp-sync.service` runs, every few minutes and
when it is asked, or something is handed over.

The unit is as good as the last scrape: while that one failed, each run ends with its exit code, so that systemd says
`failed` until a scrape works. `state/scrape-exit.json` remembers the code; whoever else scrapes leaves none.
"""

from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Verb, take
from bandcamp_sync.errors import BandcampSyncError, Paused
from bandcamp_sync.ledger import read_json
from bandcamp_sync.loops.handover import Handover, beside
from bandcamp_sync.loops.once import code_of, say
from bandcamp_sync.loops.scraper import Scraper
from bandcamp_sync.loops.service import write_state
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

EXIT_FAILED = 1
#: How long a tick may fetch covers when it has nothing better to do; the next tick goes on with them.
_COVERS_FOR_S = 120.0


def scrape_tick(settings: Settings, data: DataFolder, clock: Clock) -> int:
    """Scrape if it is time to, send what there is to tell, and fetch a few covers.

    0, or the exit code of the last scrape's failure.
    """
    handover, scraper = Handover(settings, data, clock), Scraper(settings, data, clock)
    handover.look()
    code = 0
    if data.paused.exists():
        # Taken and not done, a request waits for the end of the pause, and does not start this unit again at once.
        take(data, Verb.SCRAPE)
    elif scraper.is_due():
        code = _scrape(handover, scraper)
    else:
        code = last_code(data)
        if code:
            _say_again(data)
    scraper.tell()
    scraper.publish_timer(running=False)
    if code == 0 and _fetch_covers(handover, scraper):
        code = _scrape(handover, scraper)
        scraper.tell()
        scraper.publish_timer(running=False)
    return code


def _fetch_covers(handover: Handover, scraper: Scraper) -> bool:
    """Fetch covers for a while; True as soon as there is a scrape to do, as a unit that runs is not started again."""
    scraper.covers.batch(_COVERS_FOR_S, until=lambda: handover.look() or scraper.is_due())
    return scraper.is_due()


def _scrape(handover: Handover, scraper: Scraper) -> int:
    """Scrape, and once more when a login was handed over meanwhile: this unit is not started again for it."""
    settings, data, clock = scraper.settings, scraper.data, scraper.clock
    while True:
        with beside(settings, data, clock) as watching:
            error = scraper.scrape_once()
        # What was cut off in the middle, as the scrape came to its end, is done now.
        accepted = handover.look() or watching.accepted > 0
        if not accepted or not scraper.is_due():
            return _remember(data, clock, error) if error is not None and not isinstance(error, Paused) else 0


def last_code(data: DataFolder) -> int:
    """The exit code that the last scrape ended with, by whoever ran it."""
    last, exited = read_json(data.scrape_memory), read_json(data.state / "scrape-exit.json")
    if not isinstance(last, dict) or last.get("result") != "failed":
        return 0
    if not isinstance(exited, dict) or exited.get("last_run_at") != last.get("last_run_at"):
        return EXIT_FAILED
    code = exited.get("code")
    return code if isinstance(code, int) and 0 < code < 256 else EXIT_FAILED


def _remember(data: DataFolder, clock: Clock, error: BandcampSyncError | OSError) -> int:
    """Leave the error's exit code for the ticks to come; that code."""
    if isinstance(error, OSError):
        # The stage leaves word of what it raises on purpose; of a disk that failed under it there is none.
        failed = {"last_run_at": rfc3339(clock.now()), "result": "failed", "error": str(error)}
        write_state(data.scrape_memory, failed)
    last, code = read_json(data.scrape_memory), code_of(error)
    at = last.get("last_run_at") if isinstance(last, dict) else None
    write_state(data.state / "scrape-exit.json", {"last_run_at": at, "code": code})
    return code


def _say_again(data: DataFolder) -> None:
    last = read_json(data.scrape_memory)
    say(f"the last scrape failed: {last.get('error') or 'it was cut off'}")
