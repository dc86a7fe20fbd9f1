"""Runs something in a child and kills it with SIGKILL just before one chosen file-system step, by ptrace.

A step is a system call that changes a file below one of the given folders: in the kernel's order, of all its threads.
A call that can only fail (making a folder that is there) is none.
"""

import ctypes
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.calls import Call, by_number, install_filter, machine
from crash.stopped import AT_FDCWD, LIBC, Registers, of_fd, of_path, ptrace

_TRACEME, _CONT, _SYSCALL, _SETOPTIONS = 0, 7, 24, 0x4200
_O_FORK, _O_VFORK, _O_CLONE, _O_EXEC, _O_SECCOMP, _O_EXITKILL = 2, 4, 8, 16, 128, 1 << 20
_EVENT_SECCOMP = 7
_WALL = 0x40000000


@dataclass(frozen=True)
class Step:
    """One step: what it is counted as, the system call, the file (relative to the folders' parent), and how many
    bytes it was to write."""

    kind: str
    call: str
    path: str
    size: int | None = None

    def __str__(self) -> str:
        return f"{self.call} {self.path}" + (f" ({self.size} bytes)" if self.size is not None else "")


@dataclass
class Traced:
    """A run. `killed`: the step that it was killed at, None when it ended by itself. `code`: its exit code then."""

    steps: Counter[str] = field(default_factory=Counter)
    killed: Step | None = None
    code: int | None = None

    @property
    def count(self) -> int:
        """Steps that were seen, the last one included."""
        return self.steps.total()


def can_trace() -> bool:
    """Whether this machine allows a process to trace its children, with a filter."""
    if machine() is None:
        return False
    try:
        traced = trace_apart(lambda: 7, [Path("/nowhere")], [])
    except OSError:
        return False
    return traced.code == 7


def trace_apart(
    run: Callable[[], int],
    folders: Sequence[Path],
    ignored: Sequence[Path],
    kill_at: int | None = None,
    half: bool = False,
) -> Traced:
    """`trace`, from a fork of this process: for one that has other children. Raises OSError as `trace` does."""
    told, tell = os.pipe()
    tracing = os.fork()
    if tracing == 0:
        try:
            os.close(told)
            traced = trace(run, folders, ignored, kill_at, half)
            os.write(tell, json.dumps(as_json(traced)).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        answer = stream.read()
    os.waitpid(tracing, 0)
    if not answer:
        raise OSError("nothing can be traced from here")
    return from_json(json.loads(answer))


def as_json(traced: Traced) -> dict[str, Any]:
    """What `from_json` makes this of again."""
    killed = traced.killed
    return {
        "code": traced.code,
        "steps": dict(traced.steps),
        "killed": None if killed is None else [killed.kind, killed.call, killed.path, killed.size],
    }


def from_json(value: Mapping[str, Any]) -> Traced:
    """What `as_json` told."""
    return Traced(Counter(value["steps"]), Step(*value["killed"]) if value["killed"] else None, value["code"])


def trace(
    run: Callable[[], int],
    folders: Sequence[Path],
    ignored: Sequence[Path],
    kill_at: int | str | None = None,
    half: bool = False,
) -> Traced:
    """Fork, and run `run` in the child; kill it before its step number `kill_at` (from 1), or the first that begins so
    (`renameat2 music`).

    `half`: where that step writes bytes, let it write half of them first. What lies below `ignored` does not count.
    Raises OSError where tracing is not allowed, RuntimeError in a process that has children: a tracer hears of all of
    them, so it would take what others wait for, and wait for those itself.
    """
    if _has_children():
        raise RuntimeError("a process that traces may have no other children")
    child = os.fork()
    if child == 0:
        _be_traced(run)
    return _Tracer(child, folders, ignored, kill_at, half).follow()


def _has_children() -> bool:
    with suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    return False


def _be_traced(run: Callable[[], int]) -> None:
    code = 99
    try:
        os.setsid()
        if LIBC.ptrace(_TRACEME, 0, None, None) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            install_filter()
            code = run()
    finally:
        os._exit(code)


class _Tracer:
    def __init__(
        self, child: int, folders: Sequence[Path], ignored: Sequence[Path], kill_at: int | str | None, half: bool
    ) -> None:
        self.child, self.kill_at, self.half = child, kill_at, half
        self.folders, self.ignored = [str(folder) for folder in folders], [str(folder) for folder in ignored]
        self.calls, self.ended = by_number(), False
        self.seen, self.dying = {child}, False
        self.traced = Traced()

    def follow(self) -> Traced:
        _, status = os.waitpid(self.child, 0)
        if not os.WIFSTOPPED(status):
            raise OSError("the child does not let itself be traced")
        options = _O_FORK | _O_VFORK | _O_CLONE | _O_EXEC | _O_SECCOMP | _O_EXITKILL
        try:
            ptrace(_SETOPTIONS, self.child, None, ctypes.c_void_p(options))
        except OSError:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            raise
        self._go_on(self.child)
        with suppress(ChildProcessError):
            while True:
                thread, status = os.waitpid(-1, _WALL)
                self._heed(thread, status)
        return self.traced

    def _heed(self, thread: int, status: int) -> None:
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            self.seen.discard(thread)
            if thread == self.child:
                self._end(status)
            return
        first, number = thread not in self.seen, os.WSTOPSIG(status)
        self.seen.add(thread)
        if self.ended:
            os.kill(thread, signal.SIGKILL)
        elif self.dying and status >> 16 == 0 and number == signal.SIGTRAP:
            self._kill()  # the half of the bytes is written
        elif status >> 16 == _EVENT_SECCOMP:
            self._look(thread)
        elif status >> 16 or (first and number == signal.SIGSTOP):
            self._go_on(thread)
        else:
            self._go_on(thread, number)

    def _end(self, status: int) -> None:
        self.ended = True
        if self.traced.killed is None:
            self.traced.code = os.waitstatus_to_exitcode(status)
        for thread in self.seen:
            with suppress(ProcessLookupError):
                os.kill(thread, signal.SIGKILL)  # what it had started cannot go on without its tracer

    def _look(self, thread: int) -> None:
        registers = Registers(thread)
        call = self.calls.get(registers.number)
        step = self._step(thread, call, registers) if call is not None else None
        if step is None or call is None or self.dying:
            self._go_on(thread)
            return
        self.traced.steps[step.kind] += 1
        if not (
            str(step).startswith(self.kill_at) if isinstance(self.kill_at, str) else self.kill_at == self.traced.count
        ):
            self._go_on(thread)
            return
        self.traced.killed = step
        if self.half and call.length is not None and (step.size or 0) > 1:
            registers.put(call.length, (step.size or 0) // 2)
            self.dying = True
            ptrace(_SYSCALL, thread, None, None)
        else:
            self._kill()

    def _step(self, thread: int, call: Call, registers: Registers) -> Step | None:
        names = [of_fd(thread, registers.argument(n)) for n in call.fds]
        for folder, text in call.paths:
            base = AT_FDCWD if folder is None else registers.argument(folder)
            names.append(of_path(thread, base, registers.argument(text)))
        if _does_nothing(call, names):
            return None
        for name in names:
            if name and _lies_in(name, self.folders) and not _lies_in(name, self.ignored):
                size = registers.argument(call.length) if call.length is not None else None
                return Step(call.kind, call.name, _short(name, self.folders), size)
        return None

    def _kill(self) -> None:
        os.kill(self.child, signal.SIGKILL)

    def _go_on(self, thread: int, number: int = 0) -> None:
        with suppress(ProcessLookupError):
            ptrace(_CONT, thread, None, ctypes.c_void_p(number))


def _does_nothing(call: Call, names: Sequence[str | None]) -> bool:
    """Whether this can only fail: no step, as it changes nothing."""
    name = names[0]
    if name is None:
        return False
    if call.kind == "mkdir":
        return os.path.lexists(name)
    return call.kind in ("unlink", "rename", "touch", "chmod") and not call.fds and not os.path.lexists(name)


def _lies_in(name: str, folders: Sequence[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}/") for folder in folders)


def _short(name: str, folders: Sequence[str]) -> str:
    folder = next(folder for folder in folders if _lies_in(name, [folder]))
    return os.path.relpath(name, os.path.dirname(folder))  # noqa: PTH120
