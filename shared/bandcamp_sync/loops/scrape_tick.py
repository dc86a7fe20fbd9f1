"""A scrape if one is due: what `bandcamp-sync.service` runs, every few minutes and when it is asked.

The unit is as good as the last scrape: while that one failed, each run ends with its exit code, so that systemd says
`failed` until a scrape works. `state/scrape-exit.json` remembers the code; whoever else scrapes leaves none.
"""

from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.control import Verb, take
from bandcamp_sync.errors import BandcampSyncError, Paused
from bandcamp_sync.ledger import read_json
from bandcamp_sync.loops.once import code_of, say
from bandcamp_sync.loops.scraper import Scraper
from bandcamp_sync.loops.service import write_state
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

EXIT_FAILED = 1


def scrape_tick(settings: Settings, data: DataFolder, clock: Clock) -> int:
    """Scrape if it is time to, and send what there is to tell. 0, or the exit code of the last scrape's failure."""
    scraper = Scraper(settings, data, clock)
    code = 0
    if data.paused.exists():
        # Taken and not done, a request waits for the end of the pause, and does not start this unit again at once.
        take(data, Verb.SCRAPE)
    elif scraper.is_due():
        error = scraper.scrape_once()
        if error is not None and not isinstance(error, Paused):
            code = _remember(data, clock, error)
    else:
        code = last_code(data)
        if code:
            _say_again(data)
    scraper.tell()
    scraper.publish_timer(running=False)
    return code


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
