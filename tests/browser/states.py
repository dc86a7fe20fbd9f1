"""Data folders in the states that are seldom seen: nothing there yet, all of it failing, all of it paused."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bandcamp_sync import actions, alarms, control
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import publish_session
from bandcamp_sync.drop.verdict import Verdict, publish_verdict
from bandcamp_sync.errors import Reason
from bandcamp_sync.files import atomic
from bandcamp_sync.health.publish import publish
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from unit.factories import DAY, failure

from browser import books
from browser.books import HOUR

_LOGGED_OUT = "nobody is logged in: Bandcamp does not know these cookies any more"


def empty(data: DataFolder) -> None:
    """A folder that nothing has ever written to."""
    assert not data.root.exists()


def failing(data: DataFolder) -> None:
    """As when nothing goes well: logged out, the disk full, purchases and units failed, cookies refused."""
    books.fill(data)
    now = datetime.now(UTC)
    publish_session(data, now, None, None, _LOGGED_OUT)
    alarms.raise_alarm(data, alarms.SESSION, _LOGGED_OUT, needs_person=True, now=now)
    alarms.raise_alarm(data, alarms.DISK, "there is no room left for music", needs_person=True, now=now)
    told = {"last_run_at": books.told(now - HOUR), "result": "failed", "error": _LOGGED_OUT}
    atomic.write_json(data.scrape_memory, told)
    broken = books.unit("bandcamp-sync-worker@2.service", "exited", now, active_state="failed", restarts=10)
    silent = books.unit("bandcamp-sync-worker@3.service", "stale", now, active_state="unknown")
    publish(data.health, "host", [*books.units(now), broken, silent], now, "tests")
    for key in books.SYNCED[:10]:
        why = failure(Reason.TRANSFER, sentence="the archive is damaged", at=now)
        books.put(data, State.FAILED, key, attempt=8, failure=why)
    publish_verdict(data, Verdict("0123456789abcdef", books.told(now), "refused", problem=_LOGGED_OUT))
    books.act(data, actions.State.FAILED, _LOGGED_OUT)


def paused(data: DataFolder) -> None:
    """Held by its owner, and with cookies that last but a day."""
    books.fill(data)
    now = datetime.now(UTC)
    control.pause(data, now)
    publish_session(data, now - HOUR, Fan(7_654_321, "a_listener"), now + DAY, None)


#: By the word that the dashboard then shows for it.
STATES: Mapping[str, Callable[[DataFolder], None]] = {"idle": empty, "failed": failing, "paused": paused}
