"""Looks at strangers' audio in a process of its own, which may take so much memory and time and no more.

Decoders and tag readers are large, and some files are made to hurt them: a megabyte of compressed tags that becomes a
gigabyte, a tiny FLAC that decodes for days, a table that crashes the decoder. What happens to that process is the
file's fault and ends its purchase's attempt; the worker, its memory and its other purchases are not touched.

Run as a program it reads the allowance and a list of paths from stdin, as JSON, and prints a JSON line for each: what
is wrong, or null.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import BadAudio
from bandcamp_sync.library.audio import decode
from bandcamp_sync.library.tags import read_tags

#: Some builds of Python find their own library by this alone.
_LOADER = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ} | {"LC_ALL": "C.UTF-8"}
#: A machine with other work gives a process this part of a core at least; beyond that it hangs.
_WALL_PER_CPU = 10
_START_S = 300.0
_LOOK_S = 0.2
_TOO_MUCH = "looking at it takes too much memory or time, or ends the decoder"


@dataclass(frozen=True)
class Allowance:
    """What the process may take. `memory`: bytes over what it has at its start, of which each thread of a decoder
    reserves some. The seconds are of one core: to decode any file, for each megabyte of it, and to read its tags,
    which the worker itself does once more. Real music needs a hundredth.
    """

    memory: int = (512 << 20) + (32 << 20) * (os.cpu_count() or 1)
    cpu_s: float = 60.0
    cpu_s_per_mb: float = 1.0
    tags_s: float = 10.0

    def seconds(self, path: Path) -> float:
        """For this file."""
        return self.cpu_s + self.cpu_s_per_mb * path.stat().st_size / 1e6


ALLOWANCE = Allowance()


def examine(paths: Sequence[Path], clock: Clock, allowance: Allowance = ALLOWANCE) -> dict[Path, str]:
    """Decode each file to its end and read its tags; what is wrong, of those with which anything is.

    Raises OSError when a file cannot be read or no process can be started, Stopped when asked to end.
    """
    problems: dict[Path, str] = {}
    left = list(paths)
    while left:
        with _Child(left, clock, allowance) as child:
            for path in list(left):
                answer = child.answer(allowance.seconds(path) * _WALL_PER_CPU)
                left.remove(path)
                if answer is None:
                    problems[path] = _TOO_MUCH
                    break
                if answer.get("errno"):
                    raise OSError(answer["errno"], os.strerror(answer["errno"]), str(path))
                if answer.get("problem"):
                    problems[path] = str(answer["problem"])
    return problems


class _Child:
    """The process. It ends with its `with`, whatever it is at."""

    def __init__(self, paths: Sequence[Path], clock: Clock, allowance: Allowance) -> None:
        self._clock, self._rest = clock, b""
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            # -P: else it would take modules from the folder in which the worker was started.
            [sys.executable, "-P", "-m", "bandcamp_sync.library.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Nothing of ours is in its environment: a decoder has no use for passwords.
            env={**_LOADER, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
        )
        try:
            assert self._process.stdin is not None
            with self._process.stdin as stream:
                stream.write(json.dumps([asdict(allowance), [os.fspath(path) for path in paths]]).encode())
            if self.answer(_START_S) is None:
                raise OSError(0, "the process that decodes audio cannot be started")
        except BaseException as error:
            self.__exit__()
            if isinstance(error, BrokenPipeError):
                raise OSError(0, "the process that decodes audio cannot be started") from None
            raise

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def answer(self, patience_s: float) -> dict[str, Any] | None:
        """Its next line; None when it has ended, or says nothing for so long."""
        assert self._process.stdout is not None
        descriptor, until = self._process.stdout.fileno(), time.monotonic() + patience_s
        while b"\n" not in self._rest:
            self._clock.check()
            if not select.select([descriptor], [], [], _LOOK_S)[0]:
                if time.monotonic() > until:
                    return None
                continue
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        value = json.loads(line)
        return value if isinstance(value, dict) else None


def _limit_memory(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _allow_cpu(more_s: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used.ru_utime + used.ru_stime + more_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard < 0 else min(wanted, hard), hard))


def _look(path: Path, allowance: Allowance) -> dict[str, Any]:
    try:
        _allow_cpu(allowance.seconds(path))
        decode(path)
        _allow_cpu(allowance.tags_s)
        with suppress(BadAudio):  # its music is whole; its tags are then left as they are
            read_tags(path)
    except BadAudio as error:
        return {"problem": error.problem}
    except MemoryError:
        return {"problem": _TOO_MUCH}
    except OSError as error:
        return {"errno": error.errno or 5}
    return {"problem": None}


def _main() -> None:
    # Ctrl-C ends the worker, and that ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    given, paths = json.loads(sys.stdin.buffer.read())
    allowance = Allowance(**given)
    _limit_memory(allowance.memory)
    _tell({"ready": True})
    for path in paths:
        _tell(_look(Path(path), allowance))


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
