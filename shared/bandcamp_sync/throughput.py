"""How much came in lately: workers count bytes in buckets of five minutes, whoever looks adds them up.

`state/throughput/<worker>.json`, `{"buckets": {"<Unix second at which a bucket begins>": bytes}}`, for 25 hours. The
worker in a file's name is the holder of its claims, which says which process of which host it is; so no two ever write
one file. A worker that starts takes over a file whose process it sees is gone, by a rename, and goes on with it. What
nobody takes over is removed once all that it counts is too old.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.files import atomic
from bandcamp_sync.files.reading import read_json
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.processes import is_gone

BUCKET_S = 300
MAX_HOURS = 24
#: An hour more than is ever shown.
_KEPT = timedelta(hours=MAX_HOURS + 1)
_WRITE_EVERY_S = 3.0
_SUFFIX = ".json"

Buckets = Mapping[int, int]


def bucket_of(at: datetime) -> int:
    """The Unix second at which the bucket of a moment begins."""
    return int(at.timestamp()) // BUCKET_S * BUCKET_S


def trimmed(buckets: Buckets, now: datetime) -> dict[int, int]:
    """The buckets that are worth keeping: none older than is kept, and none as far ahead (the clock jumped back)."""
    kept_s = int(_KEPT.total_seconds())
    return {at: count for at, count in buckets.items() if abs(bucket_of(now) - at) <= kept_s}


def summed(files: Iterable[Buckets], placed: Iterable[datetime], now: datetime, hours: int) -> list[dict[str, Any]]:
    """`{"at", "bytes", "albums"}` for each bucket of the last `hours`, oldest first, without gaps; the last is now's.

    `files`: the buckets of each worker. `placed`: when albums were placed.
    """
    came: Counter[int] = Counter()
    for buckets in files:
        came.update(buckets)
    newest = bucket_of(now)
    starts = range(newest - hours * 3600 + BUCKET_S, newest + 1, BUCKET_S)
    # Most albums were placed long ago, and comparing is cheaper than finding their bucket.
    since = datetime.fromtimestamp(starts[0], UTC)
    albums = Counter(bucket_of(at) for at in placed if at >= since)
    return [{"at": rfc3339(datetime.fromtimestamp(at, UTC)), "bytes": came[at], "albums": albums[at]} for at in starts]


def read_throughput(data: DataFolder, now: datetime, hours: int, placed: Iterable[datetime] = ()) -> dict[str, Any]:
    """`GET /api/throughput`: `{"now", "bucket_s", "hours", "buckets", "total_bytes"}`; buckets as `summed` says.

    `hours` is from 1 to `MAX_HOURS`, else ValueError. `placed`: when albums were placed, to be counted as well.
    """
    if not 1 <= hours <= MAX_HOURS:
        raise ValueError(f"hours is a number from 1 to {MAX_HOURS}")
    buckets = summed(map(_read, _files(data.throughput)), placed, now, hours)
    return {
        "now": rfc3339(now),
        "bucket_s": BUCKET_S,
        "hours": hours,
        "buckets": buckets,
        "total_bytes": sum(bucket["bytes"] for bucket in buckets),
    }


class Tally:
    """What one worker fetches. Used by its thread alone; a disk that refuses costs the count, never the download."""

    def __init__(self, folder: Path, holder: str, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._path = folder / f"{holder.replace(':', '~')}{_SUFFIX}"
        self._buckets: dict[int, int] | None = None
        self._bucket: int | None = None
        self._changed = False
        self._written = clock.monotonic()

    def count(self, came: int) -> None:
        """So many bytes came in just now."""
        if came <= 0:
            return
        now = self._clock.now()
        if self._buckets is None:
            self._buckets = self._take_over()
        bucket = bucket_of(now)
        if bucket != self._bucket:
            self._bucket = bucket
            self._buckets = trimmed(self._buckets, now)
            self._clear_away(now)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + came
        self._changed = True
        if self._clock.monotonic() - self._written >= _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Leave what was counted for others to see."""
        if not self._changed:
            return
        self._changed, self._written = False, self._clock.monotonic()
        with suppress(OSError):
            atomic.write_json(self._path, {"buckets": self._buckets}, durable=False)

    def _take_over(self) -> dict[int, int]:
        """The buckets of a predecessor that is gone, if there is one."""
        for path in _files(self._folder):
            if not is_gone(_process(path)):
                continue
            # RACE: of several that start, one renames it; the others do not find it, and look further.
            with suppress(OSError):
                atomic.move(path, self._path)
                return _read(self._path)
        return {}

    def _clear_away(self, now: datetime) -> None:
        """Remove what counts nothing but what is too old, whoever wrote it; one that lives would write it anew."""
        for path in (*_files(self._folder), *atomic.leftovers(self._folder)):
            with suppress(OSError):
                if path != self._path and now.timestamp() - path.stat().st_mtime > _KEPT.total_seconds():
                    path.unlink()


def _process(path: Path) -> str:
    """Which process wrote a file: its holder without the random part."""
    return path.name.removesuffix(_SUFFIX).replace("~", ":").rpartition(":")[0]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.name.endswith(_SUFFIX) and not p.name.startswith("."))
    except OSError:
        return []


def _read(path: Path) -> dict[int, int]:
    """The buckets of a file; none where it cannot be read."""
    try:
        buckets = read_json(path)["buckets"]
        return {int(at): count for at, count in buckets.items() if type(count) is int and count > 0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
