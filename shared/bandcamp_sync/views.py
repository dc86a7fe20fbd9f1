"""What people and machines are shown: the shapes of the API, for the dashboard and for `status --json` alike.

Every text goes through `redact`, and no field here is a download link, a cookie or a signed address.
"""

import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bandcamp_sync import __version__, alarms
from bandcamp_sync.bandcamp.pace import standing_hold
from bandcamp_sync.bandcamp.session import SessionState, read_session
from bandcamp_sync.books import Jobs, Policy, Row, Shown, unwanted
from bandcamp_sync.clock import Clock, rfc3339
from bandcamp_sync.covers import CoverFolder, CoverIds, cover_address
from bandcamp_sync.health.merge import worst_states
from bandcamp_sync.health.overall import Seen, overall
from bandcamp_sync.health.published import read_units
from bandcamp_sync.itemview import details
from bandcamp_sync.kept import Kept
from bandcamp_sync.lately import Happened, lately
from bandcamp_sync.ledger import Books, Ledger, is_seen, read_json
from bandcamp_sync.library.names import for_terminal
from bandcamp_sync.listing import Listing
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.reconciles import last_runs
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.heartbeat import Progress
from bandcamp_sync.spool.job import Job, State
from bandcamp_sync.spool.spool import Spool

MAX_PER_PAGE = 1000
MOST_NEWS = 8
#: So much more or less room on the music disk is worth telling.
_FREE_STEP = 100_000_000


@dataclass(frozen=True)
class _Jobs:
    """What the queue tells of the jobs, but for how far the running ones are."""

    counts: dict[str, int]
    running: list[Job]
    retries: list[dict[str, Any]]


class Views:
    """The data folder of `settings`, as others may see it. Safe to use from several threads; changes nothing."""

    def __init__(self, settings: Settings, clock: Clock | None = None, expects_services: bool = False) -> None:
        """`expects_services`: silence of all of them is trouble, from a while after now on."""
        self.settings, self.clock = settings, clock or Clock()
        self._expected_since = self.clock.now() if expects_services else None
        self._free: int | None = None
        self.data, self._music = data_folder(settings), music_folder(settings)
        self.ledger = Ledger(settings, self.data)
        self._progress = Progress(self.data.progress, self.clock)
        self.covers = CoverIds(CoverFolder(self.data.covers))
        self._listed = (-1, Listing(()))
        # Looking through twenty thousand purchases takes a while, and a page that is open asks several times a second.
        self._used, self._items_need, self._jobs_are = Kept[int](), Kept[list[dict[str, Any]]](), Kept[_Jobs]()
        self._lately_was = Kept[list[dict[str, Any]]]()

    # --- the whole ---------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """`GET /api/status`: how the whole is and why, units, session, disk, sums, and what needs a person."""
        now = self.clock.now()
        books, units = self.ledger.books(), read_units(self.data.health, now)
        raised = [{**alarm, "sentence": redact(str(alarm["sentence"]))} for alarm in alarms.raised_alarms(self.data)]
        scrape, session = self._scrape(now), read_session(self.data.session)
        logged_out = session.checked_at is not None and not session.logged_in
        held = standing_hold(self.data.patience, now)
        seen = Seen(
            now=now,
            paused=is_seen(self.data.paused),
            session_problem=_said(session.problem) if logged_out else None,
            scraping=scrape["running_since"] is not None,
            scrape_error=scrape["error"] if scrape["result"] == "failed" else None,
            held=held.why if held else "",
            held_until=held.until if held else None,
            counts=books.counts,
            alarms=raised,
            units=units,
            expected_since=self._expected_since,
        )
        state, why = overall(seen)
        return {
            "state": state.value,
            "why": why,
            "now": rfc3339(now),
            "paused": seen.paused,
            "units": units,
            "systemd": worst_states(units),
            "session": {**asdict(session), "problem": _said(session.problem), "expiry": session.expiry(now)},
            "disk": self._disk(books),
            "counts": dict(books.counts or {}),
            "purchases": len(books.rows),
            "captured_at": books.captured_at,
            "scrape": scrape,
            "reconcile": last_runs(self.data),
            "alarms": raised,
            "hold": {"until": rfc3339(held.until), "why": held.why} if held else None,
            "needs_you": [
                *self._alarms_for_you(raised),
                *self._login_for_you(session, books, raised, now),
                *self._items_for_you(books),
                *self._verify_for_you(),
            ],
            "version": __version__,
        }

    def _scrape(self, now: datetime) -> dict[str, Any]:
        last = read_json(self.data.scrape_memory)
        last = last if isinstance(last, dict) else {}
        return {
            "last_run_at": last.get("last_run_at"),
            "result": last.get("result"),
            "error": _said(last.get("error")),
            "running_since": self._running_since(now),
        }

    def _running_since(self, now: datetime) -> str | None:
        memory = read_json(self.data.state / "scraper.json")
        started = memory.get("started_at") if isinstance(memory, dict) else None
        try:
            age_s = (now - datetime.fromisoformat(str(started))).total_seconds()
        except (ValueError, TypeError):
            return None
        # One that began long ago was left by a process that was killed.
        return str(started) if -60.0 <= age_s < 7200.0 else None

    def _disk(self, books: Books) -> dict[str, int | None]:
        used = self._used.of(lambda: sum(row.size or 0 for row in books.rows), books)
        free: int | None = None
        total: int | None = None
        published = read_json(self.data.state / "disk.json")
        if is_seen(self._music.marker):
            usage = shutil.disk_usage(self._music.root)
            free, total = usage.free, usage.total
        elif isinstance(published, dict):
            free, total = (published[n] if isinstance(published.get(n), int) else None for n in ("free", "total"))
        return {"free": self._news_of_free(free, total), "total": total, "music": used}

    def _news_of_free(self, free: int | None, total: int | None) -> int | None:
        """The room that is told: others write to that disk, too, and not every byte of theirs is news."""
        known, floor = self._free, self.settings.min_free_space
        is_news = (
            free is None
            or known is None
            or abs(free - known) >= max(_FREE_STEP, (total or 0) // 1000)
            or (free < floor) != (known < floor)
        )
        if is_news:
            self._free = free
        return self._free

    # --- what needs a person -----------------------------------------------------------------------------------------

    def _alarms_for_you(self, raised: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        login = f"{self.settings.base_url}/login"
        return [
            _need(None, str(a["name"]), str(a["sentence"]), login if a["name"] == alarms.SESSION else None)
            for a in raised
            if a["needs_person"]
        ]

    def _login_for_you(
        self, session: SessionState, books: Books, raised: Iterable[Mapping[str, Any]], now: datetime
    ) -> list[dict[str, Any]]:
        """A login that ends soon, or was never there; nothing where an alarm tells of it already."""
        if any(alarm["name"] == alarms.SESSION for alarm in raised):
            return []
        if session.checked_at is None and books.captured_at is None:
            sentence = "hand over the cookies of a browser that is logged in to Bandcamp"
        elif session.logged_in and session.expiry(now) in ("about to expire", "expired"):
            sentence = f"the login ends on {session.ends:%Y-%m-%d}: hand over new cookies before that"
        else:
            return []
        return [_need(None, alarms.SESSION, sentence, f"{self.settings.base_url}/login")]

    def _items_for_you(self, books: Books) -> list[dict[str, Any]]:
        return self._items_need.of(lambda: _needs(books.rows), books)

    def _verify_for_you(self) -> list[dict[str, Any]]:
        found = read_json(self.data.state / "verify.json")
        if not isinstance(found, dict) or not isinstance(found.get("broken"), list) or not found["broken"]:
            return []
        jobs = self.ledger.glance.jobs()
        try:
            at = datetime.fromisoformat(str(found["at"]))
        except (ValueError, KeyError):
            return []
        broken = [key for key in found["broken"] if key in jobs and _is_older(jobs[key], at)]
        if not broken:
            return []
        albums = f"{len(broken)} album{'s are' if len(broken) > 1 else ' is'} not as downloaded"
        return [_need(None, "verify", f"{albums} ({', '.join(broken[:10])}): run `bandcampsync verify --repair`", None)]

    # --- the queue ---------------------------------------------------------------------------------------------------

    def queue(self) -> dict[str, Any]:
        """`GET /api/queue`: jobs by folder, running downloads, and what is tried again and when."""
        jobs, ignored = self.ledger.glance.jobs(), self.ledger.ignored()
        known = self._jobs_are.of(lambda: _sorted_jobs(jobs, ignored, self.ledger.policy), jobs, ignored)
        progress = self._progress.of(job.key for job in known.running)
        return {
            "now": rfc3339(self.clock.now()),
            "counts": dict(known.counts),
            "current": [_download(job, progress.get(job.key, {})) for job in known.running],
            "retries": known.retries,
        }

    def lately(self) -> list[dict[str, Any]]:
        """What happened last to purchases, the newest first: `key`, `artist`, `title`, `at`, `state`, `sentence`."""
        jobs = self.ledger.glance.jobs()
        return self._lately_was.of(lambda: [_news(one) for one in lately(jobs, MOST_NEWS)], jobs)

    # --- the collection ----------------------------------------------------------------------------------------------

    def collection(
        self,
        states: Iterable[str] = (),
        q: str = "",
        sort: str = "-purchased",
        page: int = 1,
        per_page: int = 50,
    ) -> dict[str, Any]:
        """`GET /api/collection`. `counts` are of all purchases, `total` is of those that match.

        `states`, `q`, `sort`: as `Listing.select` takes them. Raises ValueError for a wrong argument.
        """
        if page < 1 or not 1 <= per_page <= MAX_PER_PAGE:
            raise ValueError(f"page counts from 1, and per_page is from 1 to {MAX_PER_PAGE}")
        books = self.ledger.books()
        total, found = self._listing(books).select(states, q, sort, (page - 1) * per_page, per_page)
        pictures = self.covers.ids()
        return {
            "now": rfc3339(self.clock.now()),
            "version": books.version,
            "total": total,
            "page": page,
            "pages": max(1, -(-total // per_page)),
            "per_page": per_page,
            "counts": dict(books.counts or {state.value: 0 for state in Shown}),
            "items": [_item(row, pictures) for row in found],
        }

    def collection_version(self) -> tuple[int, int]:
        """What differs whenever an answer of `collection` may: the books' version, and the pictures'."""
        self.covers.ids()
        return self.ledger.books().version, self.covers.version

    def _listing(self, books: Books) -> Listing:
        """Made anew for each version of the books. RACE: two threads make the same one, and the later one stays."""
        version, listing = self._listed
        if version != books.version:
            listing = Listing(books.rows, listing)
            self._listed = books.version, listing
        return listing

    def item(self, key: str) -> dict[str, Any] | None:
        """`GET /api/items/<key>`: a row of the collection and all that `details` adds; None for an unknown key."""
        row = next((row for row in self.ledger.books().rows if row.item.key == key), None)
        return None if row is None else {**_item(row, self.covers.ids()), **details(Spool(self.data.inbox), row)}


def web_link(url: str | None) -> str | None:
    """`url` when it may be a link on a page: http or https, and nothing secret in it."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return redact(url) if parts.scheme in ("http", "https") and parts.hostname else None


def _item(row: Row, pictures: Collection[int]) -> dict[str, Any]:
    return {
        "key": row.item.key,
        "artist": row.item.artist,
        "title": row.item.title,
        "state": row.state.value,
        "path": row.path,
        "format": row.format,
        "size": row.size,
        "purchased": rfc3339(row.item.purchased) if row.item.purchased else None,
        "item_url": web_link(row.item.item_url),
        "error": _said(row.error),
        "reason": _said(row.reason),
        "next_try": rfc3339(row.next_try) if row.next_try else None,
        "link": web_link(row.link),
        "cover": cover_address(row.item, pictures),
        "ignored": row.is_ignored,
    }


def _download(job: Job, progress: Mapping[str, object]) -> dict[str, Any]:
    return {
        "key": job.key,
        "artist": job.item.artist,
        "title": job.item.title,
        "attempt": job.attempt + 1,
        "bytes_done": progress.get("bytes_done", 0),
        "bytes_total": progress.get("bytes_total"),
        "bytes_per_second": progress.get("bytes_per_second", 0),
        "eta": progress.get("eta"),
    }


def _news(one: Happened) -> dict[str, Any]:
    told = {"key": one.key, "artist": one.artist, "title": one.title, "at": rfc3339(one.at)}
    return {**told, "state": one.state.value, "sentence": _said(one.sentence)}


def _retry(job: Job, due: datetime) -> dict[str, Any]:
    return {
        "key": job.key,
        "artist": job.item.artist,
        "title": job.item.title,
        "attempt": job.attempt,
        "not_before": rfc3339(due),
        "error": _said(job.failure.sentence) if job.failure else None,
    }


def _needs(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The purchases that wait for a person."""
    return [
        _need(row.item.key, row.item.label, row.reason, row.link or row.item.item_url)
        for row in rows
        if row.needs_person or row.state is Shown.FAILED
    ]


def _sorted_jobs(jobs: Jobs, ignored: Collection[str], policy: Policy) -> _Jobs:
    """Jobs by key and state, as the queue tells of them. What nobody wants any more is not tried again."""
    by_state: dict[State, list[Job]] = {state: [] for state in State}
    for state, job in jobs.values():
        by_state[state].append(job)
    failed = [job for job in by_state[State.FAILED] if unwanted(job.item, ignored, policy) is None]
    due = [(job.not_before, job) for job in failed if job.not_before is not None]
    return _Jobs(
        counts={state.value: len(found) for state, found in by_state.items()},
        running=sorted(by_state[State.IN_PROGRESS], key=lambda job: job.key),
        retries=[_retry(job, at) for at, job in sorted(due, key=lambda pair: (pair[0], pair[1].key))],
    )


def _need(key: str | None, label: str, reason: str, link: str | None) -> dict[str, Any]:
    return {"key": key, "label": label, "reason": _said(reason), "link": web_link(link)}


def _is_older(found: tuple[State, Job], at: datetime) -> bool:
    state, job = found
    return state is State.DONE and job.receipt is not None and job.receipt.placed_at <= at


def _said(text: object) -> str | None:
    return for_terminal(redact(str(text))) if text else None
