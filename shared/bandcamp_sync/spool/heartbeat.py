"""A worker's sign of life while it downloads: renews the lease, and publishes progress for whoever looks."""

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BandcampSyncError, LeaseLost
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.spool.job import Job
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.throughput import Tally

log = logging.getLogger(__name__)

_PUBLISH_EVERY_S = 0.5
_SPEED_OVER_S = 5.0
#: What has not moved for so long stands still, or is being checked.
_STILL_AFTER_S = 5.0


class Heartbeat:
    """Use as a context manager around the work on one job; call `notice` as bytes come in.

    `folder`: where progress is published. `tally` counts what the worker fetches, over all its jobs.
    """

    def __init__(self, spool: Spool, job: Job, lease: timedelta, folder: Path, clock: Clock, tally: Tally) -> None:
        self._spool, self._job, self._clock, self._tally = spool, job, clock, tally
        self._every_s = max(0.05, lease.total_seconds() / 4)
        self._path = folder / f"{job.key}.json"
        self._over = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name=f"lease {job.key}", daemon=True)
        self._came = 0
        self._marks: list[tuple[float, int]] = []
        self._published = 0.0

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._tally.write()
        with suppress(OSError):
            self._path.unlink()

    def notice(self, done: int, total: int | None, came: int) -> None:
        """So many bytes of a file are here, `came` of them just now. Raises LeaseLost when another worker has the job.

        `done` says nothing of speed: it jumps where a download goes on, and begins again with the next file.
        """
        self._tally.count(came)
        if self._lost:
            raise LeaseLost(self._job.key)
        now = self._clock.monotonic()
        self._came += came
        self._marks.append((now, self._came))
        # The last bytes are told at once: nothing comes after them that would.
        if now - self._published < _PUBLISH_EVERY_S and done != total:
            return
        self._published = now
        self._marks = [m for m in self._marks if m[0] > now - _SPEED_OVER_S] or [(now, self._came)]
        (since, first), (until, last) = self._marks[0], self._marks[-1]
        speed = (last - first) / (until - since) if until > since else 0.0
        eta = (total - done) / speed if total is not None and speed > 0 else None
        progress = {
            "key": self._job.key,
            "bytes_done": done,
            "bytes_total": total,
            "bytes_per_second": round(speed),
            "eta": None if eta is None else round(eta, 1),
        }
        with suppress(OSError):
            atomic.write_json(self._path, progress, durable=False)

    def _beat(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._spool.renew(self._job)
            except LeaseLost:
                self._lost = True
                return
            except (OSError, BandcampSyncError) as error:
                # A disk that hiccups: the next beat comes long before the lease ends.
                log.warning("the lease of %s was not renewed (%s)", self._job.key, type(error).__name__)


class Progress:
    """What the workers publish, for who looks again and again: what has not moved for a while has no speed. Safe to
    use from several threads."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._moved: dict[str, tuple[object, float]] = {}

    def of(self, keys: Iterable[str]) -> dict[str, dict[str, object]]:
        """What was published of these jobs."""
        found, now, known = read_progress(self._folder, keys), self._clock.monotonic(), self._moved
        # By what was seen here, and not by the files' times: another host's clock may differ.
        moved = {key: (value.get("bytes_done"), now) for key, value in found.items()}
        moved = {key: known[key] if key in known and known[key][0] == one[0] else one for key, one in moved.items()}
        self._moved, still = moved, {"bytes_per_second": 0, "eta": None}
        return {
            key: {**value, **still} if now - moved[key][1] > _STILL_AFTER_S else value for key, value in found.items()
        }


def read_progress(folder: Path, keys: Iterable[str]) -> dict[str, dict[str, object]]:
    """What the workers published of these jobs."""
    found: dict[str, dict[str, object]] = {}
    for key in keys:
        with suppress(OSError, ValueError):
            value = read_json(folder / f"{key}.json")
            if isinstance(value, dict):
                found[key] = value
    return found
