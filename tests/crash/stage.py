"""One stage, killed at every file-system step that it takes, and started again: what must hold each time."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bandcamp_sync.fetch.directory import TAIL_BYTES
from bandcamp_sync.files import atomic
from standin import World

from crash.books import Books, durable_bytes, leftovers, read_books, unclaimed, unreadable
from crash.place import Place, place
from crash.tracer import Step, Traced
from crash.worlds import pair_world

#: Headers of the answers that a download takes.
_HEADERS = 8192


class Run(NamedTuple):
    """A command, or one of the forker's other doings (`what`)."""

    arguments: tuple[str, ...]
    what: str = "command"


def run(*arguments: str) -> Run:
    """A command as a user types it."""
    return Run(arguments)


RECONCILE, WORK, SCRAPE = run("reconcile"), run("work", "--drain"), run("scrape")


@dataclass(frozen=True)
class Stage:
    """`prepare` brings the folders to where the stage starts; `trouble` is done before each run of it, and `over` when
    it was killed. `restart`: what is run then, in turn; the last is a reconcile and the work. `work_every`: the work is
    run after each so many kills; after the others the books must be what they are before the work elsewhere, so that
    the work would do the same.
    """

    name: str
    killed: Run
    prepare: Callable[[Place], None]
    restart: tuple[Run, ...] = (RECONCILE, WORK)
    world: Callable[[], World] = pair_world
    trouble: Callable[[Place], None] = lambda place: None
    over: Callable[[Place], None] = lambda place: None
    work_every: int = 1


@dataclass
class Outcome:
    """What came of it. `steps`: of one run, by kind. `points`: where it was killed. `halves`: kills with half a write.
    `leases`: how often only the end of a lease told that a job's worker was dead. `lost`: what did not hold."""

    name: str
    steps: Counter[str] = field(default_factory=Counter)
    points: int = 0
    halves: int = 0
    leases: int = 0
    lost: list[str] = field(default_factory=list)


def kill_everywhere(stage: Stage, root: Path, every: int = 1) -> Outcome:
    """Kill the stage at each step in turn (or at each `every`th), and check what is left and what a restart makes."""
    outcome = Outcome(stage.name)
    with place(root, stage.world()) as here:
        stage.prepare(here)
        here.keep("before")
        trial = _Trial(stage, here)
        for step in range(1, 100_000, every):
            traced = trial.at(step, False, outcome)
            if traced.killed is None:
                outcome.steps = traced.steps
                break
            outcome.points += 1
            if _is_worth_half(traced.killed, step):
                trial.at(step, True, outcome)
                outcome.halves += 1
    return outcome


class _Trial:
    """A stage whose whole run is known, so that every killed one can be compared with it."""

    def __init__(self, stage: Stage, here: Place) -> None:
        self.stage, self.here = stage, here
        self.before = read_books(here.data, here.music)
        self.garbage = unreadable(here.data, here.music)
        self.can_exchange = _can_exchange(here.music.root)
        here.bytes_fetched()
        self._start()
        here.run(*stage.killed.arguments, what=stage.killed.what)
        stage.over(here)
        self.settled = self.before
        for one in stage.restart:
            here.run(*one.arguments, what=one.what)
            if one == RECONCILE:
                self.settled = read_books(here.data, here.music)
        self.whole = read_books(here.data, here.music)
        self.needed = here.bytes_fetched()
        problems = [*_untrue(self.whole), *leftovers(here.data, here.music)]
        assert not problems, f"without any kill: {problems}; {here.output.read_text()[-2000:]}"

    def _start(self) -> None:
        self.here.bring_back("before")
        self.stage.trouble(self.here)

    def at(self, step: int, half: bool, outcome: Outcome) -> Traced:
        self._start()
        self.here.output.write_text("")
        traced = self.here.kill(self.stage.killed.arguments, step, half, self.stage.killed.what)
        self.stage.over(self.here)
        if traced.killed is not None:
            working = step % self.stage.work_every == 0
            problems = list(self._problems(outcome, working))
            where = f"step {step}{', half of it done' if half else ''}: {traced.killed}"
            outcome.lost += [f"{where}: {problem}" for problem in problems]
        return traced

    def _problems(self, outcome: Outcome, working: bool) -> Iterator[str]:
        here = self.here
        data, music = here.data, here.music
        killed = read_books(data, music)
        yield from self._at_once(killed)
        had = durable_bytes(music)
        here.bytes_fetched()
        for one in self.stage.restart:
            if one == WORK and not working:
                continue
            here.run(*one.arguments, what=one.what)
            if one == RECONCILE:
                if jobs := unclaimed(data):
                    outcome.leases += 1
                    for path in jobs:
                        os.utime(path, (1, 1))
                    here.run(*RECONCILE.arguments)
                yield from (f"left after the reconcile: {name}" for name in leftovers(data, music))
        after = read_books(data, music)
        yield from self._at_last(after, self.whole if working else self.settled)
        yield from self._fetched_again(killed, had, here.bytes_fetched())

    def _at_once(self, killed: Books) -> Iterator[str]:
        """What must hold as soon as the stage is dead, before anything is started again."""
        for folder, album in killed.albums.items():
            if album not in (self.before.albums.get(folder), self.whole.albums.get(folder)):
                yield f"half an album is visible: {folder}, {sorted(album)}"
        for folder in self.before.albums.keys() & self.whole.albums.keys() if self.can_exchange else ():
            if folder not in killed.albums:
                yield f"an album is gone: {folder}"
        for name, content in unreadable(self.here.data, self.here.music).items():
            if self.garbage.get(name) != content:
                yield f"half a file: {name}"
        for key in self.before.states.keys() & self.whole.states.keys() - killed.states.keys():
            yield f"its job is lost: {key}"
        if killed.cookies not in (self.before.cookies, self.whole.cookies):
            yield "the cookies are neither the old nor the new"
        yield from (f"lost from the collection: {key}" for key in self._listed_before() - killed.listed)
        known = [*self.before.receipts.items(), *self.whole.receipts.items()]
        for key, receipt in killed.receipts.items():
            if (key, receipt) not in known and killed.albums.get(receipt[0]) != receipt[1]:
                yield f"the receipt of {key} is not true"

    def _listed_before(self) -> frozenset[str]:
        return self.before.listed & self.whole.listed

    def _at_last(self, after: Books, whole: Books) -> Iterator[str]:
        """What must hold when the stages have run again."""
        for key, states in after.states.items():
            if len(states) != 1:
                yield f"{key} is in {' and '.join(states)}"
        for what in ("states", "receipts", "listed", "ignored", "albums", "cookies", "handed"):
            is_there, wanted = getattr(after, what), getattr(whole, what)
            if is_there != wanted:
                yield f"{what} are {_brief(is_there)} and should be {_brief(wanted)}"
        yield from _untrue(after) if whole is self.whole else ()
        yield from (f"left at the end: {name}" for name in leftovers(self.here.data, self.here.music))

    def _fetched_again(self, killed: Books, had: Counter[str], fetched: Counter[str]) -> Iterator[str]:
        for key, came in fetched.items():
            folder, album = self.whole.receipts.get(key, ("", {}))
            if album and killed.albums.get(folder) == album:
                yield f"{key} was in place, and {came} bytes were downloaded again"
            # What is not noted as whole is fetched: of an archive the member in flight, and the archive's own list.
            most = max(0, self.needed[key] - had[key]) + (TAIL_BYTES if had[key] else 0) + _HEADERS
            if came > most:
                yield f"{key}: {came} bytes were downloaded again where {most} were needed; {had[key]} were there"


def _is_worth_half(step: Step, number: int) -> bool:
    """Of the many files that are written beside their place, every third is enough."""
    return (step.size or 0) > 1 and (not step.path.endswith(atomic.TMP_SUFFIX) or number % 3 == 0)


def _untrue(books: Books) -> Iterator[str]:
    for key, (folder, files) in books.receipts.items():
        if books.albums.get(folder) != files:
            there = _brief(books.albums.get(folder))
            yield f"the receipt of {key} is not true: {_brief(files)}, and {folder} has {there}"


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_brief(one)}" for name, one in value.items()) + "}"
    if isinstance(value, tuple | frozenset):
        return "(" + ", ".join(map(_brief, value)) + ")"
    return str(value)[:40]


def _can_exchange(folder: Path) -> bool:
    one, other = (folder / f".{name}" for name in ("one", "other"))
    one.mkdir()
    other.mkdir()
    try:
        return atomic.exchange(one, other)
    finally:
        one.rmdir()
        other.rmdir()
