"""Wrong passwords of the last minute: guessing from one address shuts out that address alone, from very many everybody
who is not logged in."""

import ipaddress
import math
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

#: So many within a minute from one client, and from all clients together: many addresses do not help much either.
FROM_ONE, FROM_ALL, WITHIN_S = 10, 100, 60.0


class Tries:
    """Who gave how many wrong passwords. Holds FROM_ALL of them at most, as no more are looked at meanwhile.

    A client is any text. `clock`: seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: deque[tuple[float, str]] = deque(maxlen=FROM_ALL)
        self._lock = Lock()

    def wait_s(self, client: str) -> int:
        """In how many seconds a password from this client is looked at again; 0 when it is now."""
        with self._lock:
            return self._wait_s(client)

    def count(self, client: str, good: bool) -> bool:
        """Whether a password that was given counts as the right one: it is `good`, and there were not too many before.

        A good one forgives none: programs send it all the time while others guess.
        """
        # Asked and noted under one lock: of a hundred guesses at the same moment ten are looked at.
        with self._lock:
            if self._wait_s(client):
                return False
            if not good:
                self._wrong.append((self._clock(), client))
            return good

    def _wait_s(self, client: str) -> int:
        now = self._clock()
        while self._wrong and now - self._wrong[0][0] >= WITHIN_S:
            self._wrong.popleft()
        every = [at for at, _ in self._wrong]
        own = [at for at, who in self._wrong if who == client]
        # The oldest that is over makes room for another one.
        waits = [of[0] + WITHIN_S - now for of, most in ((own, FROM_ONE), (every, FROM_ALL)) if len(of) >= most]
        return math.ceil(max(waits, default=0.0))


def client_at(address: str | None) -> str:
    """Whom an address stands for: one of IPv4 for itself, of IPv6 for its network (/64), all of which one may have."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Address(int(found) >> 64 << 64))
