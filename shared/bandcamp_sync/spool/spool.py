"""The spool: `inbox/{pending,in_progress,failed,done}/<key>.job`, one JSON file a purchase.

Who may move what: the reconciler adds to `pending`, returns what is due or abandoned to it; a worker claims, and only
the holder of a claim finishes, fails or releases it. The rename out of a folder is the decision: of several who try,
one succeeds and the others find the file gone. Looking at a job, changing it and moving it are several steps; who does
them keeps the spool to itself meanwhile, where the file system has locks, so that nothing is written back to where
another has just taken it from. A job's time in `in_progress` is the last sign of life of its holder.
Files that are not jobs go to `<folder>/quarantine/`. Dot files are files in the making and are never listed.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from bandcamp_sync.collection.item import is_key
from bandcamp_sync.errors import FolderTrouble, LeaseLost
from bandcamp_sync.files import atomic
from bandcamp_sync.files.quarantine import quarantine
from bandcamp_sync.files.reading import NotAFile, read_bytes
from bandcamp_sync.processes import identity, is_gone
from bandcamp_sync.spool.job import Claim, Job, State

SUFFIX = ".job"
MODE = 0o600  # a job holds its redownload URL


def new_holder() -> str:
    """A name for one worker: which process it is, and a random part, as a process may have several."""
    return f"{identity(os.getpid())}:{secrets.token_hex(4)}"


def _is_dead(holder: str) -> bool:
    """Whether a holder was a process of this host and is gone. Of others only the lease tells."""
    return is_gone(holder.rpartition(":")[0])


class Spool:
    """The jobs on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, state: State) -> Path:
        """The folder of a state."""
        return self.root / state.value

    def path(self, state: State, key: str) -> Path:
        """Where a job of this key lies in this state."""
        return self.folder(state) / f"{key}{SUFFIX}"

    def make_folders(self) -> None:
        """Make the four folders; something else in their place is put aside."""
        for state in State:
            atomic.make_folder(self.folder(state))

    # --- looking --------------------------------------------------------------------------------------------------

    def keys(self, state: State) -> list[str]:
        """The keys in a state, in no order."""
        try:
            names = os.listdir(self.folder(state))  # noqa: PTH208 - half the cost of iterdir, and this runs often
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [n[: -len(SUFFIX)] for n in names if n.endswith(SUFFIX) and is_key(n[: -len(SUFFIX)])]

    def read(self, state: State, key: str) -> Job | None:
        """The job, or None when it is not there. What is no job is put into quarantine."""
        path = self.path(state, key)
        now = datetime.now(UTC)
        try:
            job = Job.model_validate_json(read_bytes(path))
        except FileNotFoundError:
            return None
        except NotAFile as error:
            quarantine(path, now, error.strerror or "it is no file")
            return None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            quarantine(path, now, f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}")
            return None
        except OSError as error:
            raise FolderTrouble(path, error.strerror or str(error)) from error
        if job.key != key:
            quarantine(path, now, f"it says it is {job.key}")
            return None
        return job

    def jobs(self, state: State) -> Iterator[Job]:
        """Every readable job of a state."""
        for key in self.keys(state):
            job = self.read(state, key)
            if job is not None:
                yield job

    def find(self, key: str) -> tuple[State, Job] | None:
        """Where a job is, done first. Looks twice at `pending`, to which jobs can return while one looks."""
        order = (State.DONE, State.PENDING, State.IN_PROGRESS, State.FAILED, State.PENDING, State.DONE)
        for state in order:
            job = self.read(state, key)
            if job is not None:
                return state, job
        return None

    def knows(self, key: str) -> bool:
        """Whether any state has a job of this key; looks twice at `pending`, as `find` does."""
        order = (State.DONE, State.PENDING, State.IN_PROGRESS, State.FAILED, State.PENDING, State.DONE)
        return any(self.path(state, key).exists() for state in order)

    def snapshot(self) -> dict[str, tuple[State, Job]]:
        """Every job by key. A job that moves meanwhile is seen in one of its places, done winning over the rest."""
        seen: dict[str, tuple[State, Job]] = {}
        # RACE: a job can pass from a folder not yet read to one read already only backwards, to `pending`; so
        # `pending` is read once more at the end.
        for state in (State.PENDING, State.IN_PROGRESS, State.FAILED, State.DONE, State.PENDING):
            for key in self.keys(state):
                if key in seen and state is State.PENDING and seen[key][0] is State.DONE:
                    continue
                job = self.read(state, key)
                if job is not None:
                    seen[key] = (state, job)
        return seen

    # --- the reconciler's moves -----------------------------------------------------------------------------------

    def add(self, job: Job) -> bool:
        """Queue a new job; False when `pending` has one of that key already."""
        return atomic.write_new(self.path(State.PENDING, job.key), _content(job), MODE)

    def queue(self, job: Job) -> bool:
        """Queue a new job; False when any state has one of that key by now."""
        with self._alone():
            return not self.knows(job.key) and self.add(job)

    def requeue(self, source: State, job: Job) -> bool:
        """Bring a failed, done or abandoned job back to `pending`, as `job` says.

        `job.claim` is the claim that was seen on it. False when someone else moved it meanwhile.
        """
        return self._bring(source, State.PENDING, job)

    def rest(self, job: Job) -> bool:
        """Bring an abandoned job to `failed`. False when someone else moved it."""
        return self._bring(State.IN_PROGRESS, State.FAILED, job)

    def withdraw(self, job: Job) -> bool:
        """Take a pending job that is not wanted any more out of the queue. False when a worker was first."""
        if job.receipt is not None:
            return self._bring(State.PENDING, State.DONE, job)
        try:
            self.path(State.PENDING, job.key).unlink()
        except FileNotFoundError:
            return False
        return True

    def _bring(self, source: State, target: State, job: Job) -> bool:
        path = self.path(source, job.key)
        with self._alone():
            held = self.read(source, job.key)
            if held is None or held.claim != job.claim:
                return False  # someone else moved it, or a live worker has it by now
            # The new content goes in first: killed between the two steps, the job still lies where it was. One that
            # failed must then be due, or nobody would come back for it.
            changes = {"claim": None, **({"not_before": job.queued_at} if source is State.FAILED else {})}
            atomic.write_bytes(path, _content(job.model_copy(update=changes)), MODE)
            try:
                atomic.move(path, self.path(target, job.key))
            except FileNotFoundError:
                return False
        return True

    def expired(self, lease: timedelta, now: datetime) -> list[Job]:
        """Jobs in `in_progress` whose holder gave no sign of life for a lease, or is known to be gone."""
        dead = []
        for key in self.keys(State.IN_PROGRESS):
            last_sign = self._last_sign(key)
            job = self.read(State.IN_PROGRESS, key) if last_sign is not None else None
            if last_sign is None or job is None:
                continue
            # A time in the future (the clock jumped back) counts as dead only after a whole lease beyond it.
            if abs(now - last_sign) > lease or (job.claim is not None and _is_dead(job.claim.holder)):
                dead.append(job)
        return dead

    def abandoned(self) -> list[Job]:
        """Jobs in `in_progress` whose holder was a process of this host that is gone."""
        return [job for job in self.jobs(State.IN_PROGRESS) if job.claim is not None and _is_dead(job.claim.holder)]

    def _last_sign(self, key: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(self.path(State.IN_PROGRESS, key).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    # --- a worker's moves -----------------------------------------------------------------------------------------

    def claim(self, key: str, holder: str, now: datetime) -> Job | None:
        """Take one pending job; None when another worker was first."""
        with self._alone():
            return self._noted(key, Claim(holder=holder, at=now)) if self._take(key) else None

    def _take(self, key: str) -> bool:
        """The rename that is the claim; False when another worker has the job."""
        source, target = self.path(State.PENDING, key), self.path(State.IN_PROGRESS, key)
        for _ in range(2):
            try:
                # A rename keeps the file's time, and a lease counted from the day of queuing would be over at once.
                os.utime(source)
                atomic.move(source, target, replace=False)
            except FileNotFoundError:
                return False
            except FileExistsError:
                if self.read(State.IN_PROGRESS, key) is not None:
                    return False
                # It was no job, and this look has put it aside.
            else:
                return True
        return False

    def _noted(self, key: str, claim: Claim) -> Job | None:
        """The job that was just taken, with its holder's name in it; None when it is no job."""
        path = self.path(State.IN_PROGRESS, key)
        try:
            job = self.read(State.IN_PROGRESS, key)
            if job is None:
                return None
            claimed = job.model_copy(update={"claim": claim})
            atomic.write_bytes(path, _content(claimed), MODE)
        except (OSError, FolderTrouble):
            # A full disk, too many open files: a rename needs neither room nor a file, and a job that says nobody's
            # name would wait for its lease to end.
            with suppress(OSError):
                atomic.move(path, self.path(State.PENDING, key))
            raise
        return claimed

    def put_back(self, key: str) -> None:
        """Undo a claim that failed before it could be noted. Only for who made it, within a lease of it."""
        with self._alone():
            held = self.read(State.IN_PROGRESS, key)
            if held is not None and held.claim is None:
                with suppress(FileNotFoundError):
                    atomic.move(self.path(State.IN_PROGRESS, key), self.path(State.PENDING, key))

    def renew(self, job: Job) -> None:
        """Give a sign of life. Raises LeaseLost when the job is not this holder's any more."""
        self._check_holder(job)
        try:
            os.utime(self.path(State.IN_PROGRESS, job.key))
        except FileNotFoundError:
            raise LeaseLost(job.key) from None

    def check(self, job: Job) -> None:
        """Raise LeaseLost unless this holder still has the job."""
        self._check_holder(job)

    def finish(self, job: Job) -> None:
        """Move to `done`; `job` carries its receipt. Raises LeaseLost."""
        if job.receipt is None:
            raise ValueError(f"{job.key} has no receipt")
        with self._alone():
            self._leave(job, State.DONE)

    def fail(self, job: Job) -> None:
        """Move to `failed`; `job` says why and until when. Raises LeaseLost."""
        with self._alone():
            self._leave(job, State.FAILED)

    def release(self, job: Job) -> None:
        """Hand a claimed job back, unharmed. A claim that was lost is fine: someone else has it."""
        with suppress(LeaseLost), self._alone():
            try:
                self._leave(job, State.PENDING)
            except OSError:
                # A full disk. It is ours, or that would have been said first; a rename needs no room, and the name that
                # the job then still says is written over by whoever claims it next.
                self._move_out(job.key, State.PENDING)

    def _leave(self, job: Job, target: State) -> None:
        # RACE: between this check and the rename the lease could run out, if this process sleeps for a whole lease
        # just here. Then two workers did the work; both wrote whole albums, and the later receipt stands.
        self._check_holder(job)
        path = self.path(State.IN_PROGRESS, job.key)
        atomic.write_bytes(path, _content(job.model_copy(update={"claim": None})), MODE)
        self._move_out(job.key, target)

    def _move_out(self, key: str, target: State) -> None:
        try:
            atomic.move(self.path(State.IN_PROGRESS, key), self.path(target, key))
        except FileNotFoundError:
            raise LeaseLost(key) from None

    def _alone(self) -> AbstractContextManager[None]:
        """For a few steps on the disk, and never for longer."""
        return atomic.alone_in(self.root)

    def _check_holder(self, job: Job) -> None:
        held = self.read(State.IN_PROGRESS, job.key)
        if held is None or held.claim is None or job.claim is None or held.claim.holder != job.claim.holder:
            raise LeaseLost(job.key)


def _content(job: Job) -> bytes:
    return (job.model_dump_json(by_alias=True, indent=1) + "\n").encode()
