"""A reconcile, and a verify: what `bandcamp-sync-reconcile.service` and `bandcamp-sync-verify.service` run.

Only the first of them moves jobs, and systemd never runs a unit twice at once; so whoever sees that something is due
(`retry_tick.py`) asks it by file.
"""

from bandcamp_sync.actions import State, sentence_of
from bandcamp_sync.clock import Clock
from bandcamp_sync.control import Verb, take
from bandcamp_sync.deeds import taken
from bandcamp_sync.errors import LocalTrouble
from bandcamp_sync.files.marks import file_mark
from bandcamp_sync.loops.once import EXIT_LOCAL_TROUBLE, code_of
from bandcamp_sync.loops.reconciler import Reconciler
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings

#: A change that comes while a reconcile runs is seen by the next look; this often, then the next run has its turn.
_LOOKS_AT_MOST = 5


def reconcile_tick(settings: Settings, data: DataFolder, clock: Clock) -> int:
    """Do what is asked for purchases, and reconcile until nothing is new. The exit code."""
    reconciler = Reconciler(settings, data, clock)
    try:
        for _ in range(_LOOKS_AT_MOST):
            clock.check()
            if not reconciler.look():
                break
    except (LocalTrouble, OSError) as error:
        reconciler.troubles.begin(error)
        _forget_request(data, clock, error)
        return code_of(error)
    finally:
        reconciler.publish_timers()
    return 0


def _forget_request(data: DataFolder, clock: Clock, error: LocalTrouble | OSError) -> None:
    """One that met trouble is not kept for later: as long as there is trouble, each minute tries anew by itself."""
    asked = take(data, Verb.RECONCILE)
    if asked is not None:
        with taken(data, clock, Verb.RECONCILE, kept=True) as doing:
            doing.end_all(State.FAILED, sentence_of(error))
        asked.done()


def verify_tick(settings: Settings, data: DataFolder, clock: Clock) -> int:
    """Check the library, as was asked. 0 also when albums are broken, as those are told; 5 when it could not look."""
    asked = take(data, Verb.VERIFY)
    found = data.state / "verify.json"
    before = file_mark(found)
    Reconciler(settings, data, clock).verify(asked)
    clock.check()
    return 0 if file_mark(found) != before else EXIT_LOCAL_TROUBLE
