"""What a person sees in a terminal: progress while albums arrive, and the books in lines."""

import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from bandcamp_sync.library.names import for_terminal
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.spool.job import Job


class Progress:
    """A bar a download on a terminal; nothing elsewhere, where the log's plain lines tell the same."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._bars: Bars | None = None
        if sys.stdout.isatty():
            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(),
            )

    def __enter__(self) -> "Progress":
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def watch(self, job: Job, done: int | None, total: int | None) -> None:
        """See `Worker`: `done` is None when a job begins and -1 when it is over."""
        if self._bars is None:
            return
        with self._lock:
            if done is None:
                self._tasks[job.key] = self._bars.add_task(for_terminal(job.label)[:60], total=None)
            elif done < 0:
                task = self._tasks.pop(job.key, None)
                if task is not None:
                    self._bars.remove_task(task)
                    mark = "placed " if total else "not yet"
                    self._bars.console.print(f"{mark} {for_terminal(job.label)}", markup=False, highlight=False)
            elif job.key in self._tasks:
                self._bars.update(self._tasks[job.key], completed=done, total=total)


class Saying(logging.Handler):
    """The latest thing that a stage says, as one living line on a terminal; nothing elsewhere."""

    def __init__(self, begin: str) -> None:
        super().__init__(logging.INFO)
        self._status = Console(stderr=True).status(begin) if sys.stdout.isatty() else None

    def __enter__(self) -> "Saying":
        if self._status is not None:
            self._status.start()
            logging.getLogger().addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._status is not None:
            logging.getLogger().removeHandler(self)
            self._status.stop()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record's message."""
        self.say(record.getMessage())

    def say(self, text: str) -> None:
        """Show this line now."""
        if self._status is not None:
            self._status.update(Text(redact(for_terminal(text))[:100]))


def printable_json(value: object) -> str:
    """`value` as JSON that a terminal can only show: what would steer one is an escape in it, which means the same."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return "\n".join("".join(map(_escaped, line)) for line in text.split("\n"))


def _escaped(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


_WORDS = {"preorder": "pre-order"}


def _local(moment: str) -> str:
    """A time as the user's clock (TZ) shows it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M %Z}"


def status_lines(view: Mapping[str, Any]) -> Iterator[str]:
    """The books as lines: the session, the sum, what waits, what needs the user."""
    session = view["session"]
    who = session.get("username") or session.get("fan_id")
    if session["logged_in"]:
        until = f" until {str(session['expires'])[:10]}" if session.get("expires") else ""
        yield f"session: logged in as {who}{until} ({session['expiry']})"
    else:
        yield f"session: {session.get('problem') or 'not checked yet'}"
    if view["state"] == "paused":
        yield "state: paused"
    counts: Mapping[str, int] = view["counts"]
    parts = " + ".join(f"{_WORDS.get(name, name)} {number}" for name, number in counts.items())
    yield f"{parts} = {sum(counts.values())} purchases"
    for entry in view["waiting"]:
        when = f"; next try {_local(entry['next_try'])}" if entry["next_try"] else ""
        yield f"{_WORDS.get(entry['state'], entry['state'])}: {entry['label']}: {entry['reason']}{when}"
    if view.get("hold"):
        yield f"hold: {view['hold']['why']}; nothing is asked before {_local(view['hold']['until'])}"
    for alarm in view["alarms"]:
        yield f"alarm: {alarm['sentence']}"
    if view["needs_you"]:
        yield "needs you:"
        for need in view["needs_you"]:
            yield f"  {need['label']}: {need['reason']}" + (f" -> {need['link']}" if need["link"] else "")
    else:
        yield "needs you: nothing"
