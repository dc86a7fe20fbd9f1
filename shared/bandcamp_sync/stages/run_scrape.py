"""A scrape from end to end: log in, scrape, remember when, close what was opened."""

from contextlib import suppress
from datetime import UTC, datetime

from bandcamp_sync.actions import sentence_of
from bandcamp_sync.bandcamp.cookies import login_expiry
from bandcamp_sync.bandcamp.session import load_cookies
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.errors import BandcampSyncError
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from bandcamp_sync.stages.fan import open_or_tell
from bandcamp_sync.stages.scrape import Scraped, scrape


def run_scrape(
    settings: Settings, data: DataFolder, clock: Clock, full: bool = False, accept_shrink: bool = False
) -> Scraped:
    """Scrape, and leave in `state/scrape.json` when that was and how it ended. Raises what `scrape` raises."""
    try:
        bandcamp = open_or_tell(settings, data, clock)
        try:
            expires = login_expiry(load_cookies(settings, clock.now()))
            scraped = scrape(bandcamp, settings, data, clock, full, accept_shrink, expires)
        finally:
            bandcamp.close()
    except (BandcampSyncError, OSError) as error:
        with suppress(OSError):  # the disk that refused may refuse this, too
            _remember(data, clock.now(), "failed", sentence_of(error))
        raise
    _remember(data, clock.now(), "done", None)
    return scraped


def _remember(data: DataFolder, now: datetime, result: str, error: str | None) -> None:
    atomic.write_json(data.scrape_memory, {"last_run_at": rfc3339(now), "result": result, "error": error})


def last_scrape(data: DataFolder) -> tuple[datetime, str] | None:
    """When the last scrape ended, and how (`done` or `failed`); None when there was none."""
    try:
        value = read_json(data.scrape_memory)
        at = datetime.fromisoformat(str(value["last_run_at"]))
        return (at.astimezone(UTC), str(value["result"])) if at.tzinfo is not None else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
