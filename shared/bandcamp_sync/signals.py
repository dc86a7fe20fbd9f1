"""Signals that ask a process to end, heard by a thread of its own.

A handler runs amid whatever the main thread is at. What takes a lock there (an event that is set, a log line) can wait
for ever, as it may be the main thread itself that holds it. So the handler writes one byte, and no more.
"""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from types import FrameType


def call_at(numbers: Iterable[int], call: Callable[[], object]) -> None:
    """Have `call()` run in another thread each time one of these signals comes. For the main thread alone."""
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def tell(number: int, frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # so many were told already
            os.write(told, b".")

    def listen() -> None:
        while os.read(heard, 1):
            call()

    Thread(target=listen, name="signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, tell)
