"""What was worked out of something, kept until it is something else: for who is asked often and changes seldom."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """One value. Safe to use from several threads: two may work out the same one, and the later one stays."""

    def __init__(self) -> None:
        self._last: tuple[object, T] | None = None

    def of(self, basis: object, work_out: Callable[[], T]) -> T:
        """What `work_out` returns, or returned when it was last asked for this very `basis`. Treat it as read-only."""
        last = self._last
        if last is None or last[0] is not basis:
            last = self._last = basis, work_out()
        return last[1]
