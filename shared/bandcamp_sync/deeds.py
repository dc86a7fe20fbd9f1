"""Doing what the journal of actions lists: from its beginning until what came of it is known.

`running` is for what a timer or a person at a terminal begins, `taken` for what somebody had asked for by a request.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bandcamp_sync.actions import Action, By, State, begin, ended, every, new, path_of, sentence_of, write
from bandcamp_sync.clock import Clock
from bandcamp_sync.collection.item import is_key
from bandcamp_sync.control import Verb
from bandcamp_sync.errors import Stopped
from bandcamp_sync.paths import DataFolder

#: What is listed when it is run by hand; other commands only show something, or are about the data folder itself.
BY_HAND = frozenset({*Verb, "fan-id", "work", "sync", "adopt", "pause", "resume"})
_BEAT_S = 20.0


class Doing:
    """What runs now: no action, one, or several that one run answers. `outcome`: of all that have not ended yet."""

    def __init__(self, data: DataFolder, clock: Clock, actions: list[Action]) -> None:
        self.outcome: str | None = None
        self._data, self._clock, self._open = data, clock, actions

    def end(self, key: str | None, outcome: str, state: State = State.DONE) -> None:
        """Those about this purchase (None: about all of them) are over; what ended before stays as it ended."""
        self._close([action for action in self._open if action.key == key], state, outcome)

    def end_all(self, state: State, outcome: str | None) -> None:
        """Everything that has not ended yet is over."""
        self._close(self._open, state, outcome)

    def wait(self, why: str | None) -> None:
        """It has to be taken once more."""
        for action in self._open:
            write(self._data, ended(action, State.ASKED, f"waits: {why}" if why else None, None))
        self._open = []

    def _close(self, actions: list[Action], state: State, outcome: str | None) -> None:
        now = self._clock.now()
        for action in actions:
            write(self._data, ended(action, state, outcome, now))
        self._open = [action for action in self._open if action not in actions]

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Go on showing that these run."""
        over, paths = threading.Event(), [path_of(self._data, action) for action in self._open]
        thread = threading.Thread(target=_beat, args=(over, paths), name="journal", daemon=True)
        if paths:
            with suppress(RuntimeError):  # there may be no more threads
                thread.start()
        try:
            yield
        finally:
            over.set()


@contextmanager
def running(data: DataFolder, clock: Clock, verb: str, by: By, key: str | None = None) -> Iterator[Doing]:
    """Around what nobody asked for by a request: it begins now. What the body raises is how it failed."""
    action = new(verb, by, clock.now(), key, State.RUNNING)
    begin(data, action)
    with _carried(Doing(data, clock, [action]), kept=False) as doing:
        yield doing


@contextmanager
def taken(
    data: DataFolder, clock: Clock, verb: Verb, kept: bool = False, otherwise: By | None = None
) -> Iterator[Doing]:
    """Around what is done because a request was taken, just after that: whatever is asked for now is answered by it.

    `kept`: the request is forgotten only when all went well, so what fails waits, and what a killed process had begun
    is found again. `otherwise`: whose doing it is when the journal knows of nobody (None: then it is not listed).
    """
    # RACE: one that was written just now may have its request still to come; that makes one run more, and no harm.
    found = [ended(one, State.RUNNING, None, None) for one in every(data) if one.verb == verb and _is_open(one, kept)]
    for action in found:
        write(data, action)
    if not found and otherwise is not None:
        found = [new(verb, otherwise, clock.now(), None, State.RUNNING)]
        begin(data, found[0])
    with _carried(Doing(data, clock, found), kept) as doing:
        yield doing


@contextmanager
def by_hand(
    data: DataFolder, clock: Clock, command: str, given: Mapping[str, Any], said: Callable[[], str]
) -> Iterator[None]:
    """Around a command and what it was given; what came of it is the last line that it `said`."""
    if command not in BY_HAND or given.get("dry_run"):
        yield
        return
    keys = tuple(given.get("keys") or ())
    key = keys[0] if len(keys) == 1 and is_key(keys[0]) else None
    with running(data, clock, command, By.COMMAND_LINE, key) as doing:
        try:
            yield
        finally:
            doing.outcome = said().removeprefix(f"{command}: ")


@contextmanager
def _carried(doing: Doing, kept: bool) -> Iterator[Doing]:
    with doing.alive():
        try:
            yield doing
        except SystemExit:
            # A command that was done says so by its exit code, too.
            doing.end_all(State.DONE, doing.outcome)
            raise
        except BaseException as error:
            if kept:
                doing.wait(None if isinstance(error, Stopped) else sentence_of(error))
            else:
                doing.end_all(State.FAILED, sentence_of(error))
            raise
        doing.end_all(State.DONE, doing.outcome)


def _is_open(action: Action, kept: bool) -> bool:
    # Only the dashboard leaves requests, so what others had begun is not begun again by taking one.
    return action.state is State.ASKED or (kept and action.state is State.RUNNING and action.by is By.DASHBOARD)


def _beat(over: threading.Event, paths: list[Path]) -> None:
    while not over.wait(_BEAT_S):
        for path in paths:
            with suppress(OSError):
                os.utime(path)
