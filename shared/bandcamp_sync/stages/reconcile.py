"""Reconcile: make a plan, apply it, and tidy up after the dead. Needs no network.

It changes no album: where it may write to the music folder, it tidies our own corner there.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from bandcamp_sync import alarms
from bandcamp_sync.actions import sentence_of
from bandcamp_sync.books import Jobs
from bandcamp_sync.choice import check_choice, put_aside, read_choice, too_old
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.store import read_capture
from bandcamp_sync.errors import MusicFolderMissing
from bandcamp_sync.files import atomic
from bandcamp_sync.ignore import check_ignored, publish_ignored, read_ignored
from bandcamp_sync.ledger import policy_of
from bandcamp_sync.library.marker import check_music_folder
from bandcamp_sync.library.receipts import copies
from bandcamp_sync.paths import DataFolder, MusicFolder
from bandcamp_sync.plan import Act, Intent, Known, Plan, from_the_dead, make_plan
from bandcamp_sync.reconciles import note_run
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.tidy import tidy_data, tidy_music

log = logging.getLogger(__name__)


def plan_reconcile(settings: Settings, data: DataFolder, music: MusicFolder, clock: Clock) -> Plan:
    """Look at everything and decide; changes nothing but what is no job (that goes to quarantine).

    Raises MusicFolderMissing (with its alarm), FolderTrouble.
    """
    return make_plan(_look(settings, data, music, clock)[0])


def _look(
    settings: Settings, data: DataFolder, music: MusicFolder, clock: Clock, by_lease: bool = True
) -> tuple[Known, frozenset[str]]:
    """Everything that a plan is made from, and the keys that are ignored from this look on, for the user's choice."""
    now, spool = clock.now(), Spool(data.inbox)
    try:
        check_music_folder(data, music, books_empty=not spool.keys(State.DONE))
    except MusicFolderMissing as error:
        alarms.raise_alarm(data, alarms.MUSIC_FOLDER, str(error), True, now)
        raise
    alarms.clear_alarm(data, alarms.MUSIC_FOLDER)
    capture = read_capture(data.collection, now)
    jobs = spool.snapshot()
    if capture is None and jobs:
        sentence = "collection.json is missing or was unreadable; the next scrape writes it anew"
        alarms.raise_alarm(data, alarms.COLLECTION, sentence, False, now)
    items, ignored = capture.items if capture else (), read_ignored(data)
    # A job that waits and has no receipt, where the music folder has one, came back with an old inbox.
    waiting = (State.PENDING, State.FAILED)
    settled = frozenset(key for key, (state, job) in jobs.items() if job.receipt or state not in waiting)
    received = {job.key: job for job in copies(music, settled)}
    had = received.keys() | {key for key, (state, job) in jobs.items() if state is State.DONE or job.receipt}
    older = too_old(read_choice(data), items, had, ignored)
    # By the time as it is now: all that was read since the beginning can have taken longer than a lease, and a sign of
    # life that was given meanwhile would lie too far ahead.
    dead = spool.expired(settings.lease, clock.now()) if by_lease else spool.abandoned()
    known = Known(
        items=items,
        jobs=jobs,
        dead=frozenset(job.key for job in dead),
        copies=received,
        ignored=ignored | older,
        policy=policy_of(settings),
        max_attempts=settings.max_attempts,
        longest=settings.retry_max,
        now=now,
        gone=frozenset(_gone(music, jobs)),
    )
    return known, older


def _gone(music: MusicFolder, jobs: Jobs) -> Iterable[str]:
    for key, (state, job) in jobs.items():
        streamed = job.receipt if state is State.DONE and job.receipt and job.receipt.source == "stream" else None
        if streamed is not None and not (music.root / streamed.folder).exists():
            yield key


def reconcile(
    settings: Settings, data: DataFolder, music: MusicFolder, clock: Clock, by_lease: bool = True
) -> list[Intent]:
    """Plan and apply; the intents that took effect. Raises what `plan_reconcile` raises. Either way it is noted.

    `by_lease`: False just after the clock was set, when a lease's age says nothing.
    """
    try:
        applied = _reconcile(settings, data, music, clock, by_lease)
    except Exception as error:
        note_run(data, clock.now(), {}, sentence_of(error))
        raise
    note_run(data, clock.now(), counted(applied))
    return applied


def counted(applied: Iterable[Intent]) -> dict[str, int]:
    """How many intents of each kind there are."""
    numbers = Counter(intent.act for intent in applied)
    return {act.value: numbers[act] for act in Act if numbers[act]}


def _reconcile(settings: Settings, data: DataFolder, music: MusicFolder, clock: Clock, by_lease: bool) -> list[Intent]:
    spool = Spool(data.inbox)
    spool.make_folders()
    atomic.make_folder(data.config)
    check_ignored(data)
    check_choice(data, clock.now())
    publish_ignored(data, read_ignored(data))
    known, older = _look(settings, data, music, clock, by_lease)
    put_aside(data, read_choice(data), older)
    applied = _apply(spool, _with_the_found(known, make_plan(known).intents, music, clock))
    tidy_data(data, settings.cookies_file.expanduser().absolute(), spool, clock.now())
    tidy_music(music, spool, clock.now(), books_whole=bool(known.items))
    return applied


def _with_the_found(known: Known, intents: Iterable[Intent], music: MusicFolder, clock: Clock) -> Iterable[Intent]:
    """The intents; what would be queued, and lies whole in its own place already, is remembered instead.

    That is so when the books were lost with the receipts' copies; else no purchase without a job has such a folder.
    Without its marker the music folder was never ours, and what lies there is the user's own: that is for `adopt`.
    """
    if not music.marker.exists():
        yield from intents
        return
    jobs = (*(job for _, job in known.jobs.values()), *known.copies.values())
    taken = {job.receipt.folder for job in jobs if job.receipt is not None}
    for intent in intents:
        clock.check()  # of a whole library that is looked at for hours
        if intent.act is Act.QUEUE and intent.job.folder not in taken and (music.root / intent.job.folder).is_dir():
            from bandcamp_sync.stages.recognise import recognised  # decodes audio: loaded when needed

            if (found := recognised(intent.job, music, clock)) is not None:
                yield Intent(Act.REMEMBER, found, None, "its folder holds it whole, though its receipt was lost")
                continue
        yield intent


def recover_abandoned(settings: Settings, data: DataFolder, clock: Clock) -> list[Intent]:
    """Bring back what processes of this host held when they died, without waiting for the lease to run out.

    For a worker that starts: its predecessor in the same container is seen dead from there alone.
    """
    spool, now = Spool(data.inbox), clock.now()
    most, longest = settings.max_attempts, settings.retry_max
    return _apply(spool, [from_the_dead(job, most, longest, now) for job in spool.abandoned()])


def _apply(spool: Spool, intents: Iterable[Intent]) -> list[Intent]:
    """The intents that took effect; what others moved meanwhile is left to them."""
    applied = []
    for intent in intents:
        if _APPLY[intent.act](spool, intent):
            log.info("%s: %s (%s)", intent.act, intent.job.label, intent.why)
            applied.append(intent)
    return applied


def _queue(spool: Spool, intent: Intent) -> bool:
    return spool.queue(intent.job)  # exclusive by key, as a job can have come or moved since the plan was made


def _requeue(spool: Spool, intent: Intent) -> bool:
    assert intent.source is not None
    return spool.requeue(intent.source, intent.job)


def _remember(spool: Spool, intent: Intent) -> bool:
    key = intent.job.key
    # RACE: one that a worker claims just now ends by itself, as it asks for a receipt first.
    if spool.path(State.IN_PROGRESS, key).exists():
        return False
    content = intent.job.model_dump_json(by_alias=True, indent=1) + "\n"
    if not atomic.write_new(spool.path(State.DONE, key), content.encode(), 0o600):
        return False
    for state in (State.PENDING, State.FAILED):
        atomic.remove(spool.path(state, key))
    return True


def _rest(spool: Spool, intent: Intent) -> bool:
    return spool.rest(intent.job)


def _withdraw(spool: Spool, intent: Intent) -> bool:
    return spool.withdraw(intent.job)


_APPLY: dict[Act, Callable[[Spool, Intent], bool]] = {
    Act.QUEUE: _queue,
    Act.RETRY: _requeue,
    Act.RECOVER: _requeue,
    Act.UPGRADE: _requeue,
    Act.REMEMBER: _remember,
    Act.REST: _rest,
    Act.WITHDRAW: _withdraw,
}
