"""What a row cost, from the request log. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from standin.requestlog import Entry

#: Requests that come before the first purchase: whose session it is, and the lists of a scrape.
_LISTING = 12


@dataclass(frozen=True)
class Result:
    """`whole` of `wanted` purchases; `requests` of at most `allowed`; `fetched` and `needed` in bytes; `problems`: why
    the row does not hold; `unable`: why it could not be run here."""

    name: str
    person: str
    wanted: int = 0
    whole: int = 0
    requests: int = 0
    allowed: int = 0
    fetched: int = 0
    needed: int = 0
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    unable: str | None = None

    @property
    def times_needed(self) -> float:
        """Bytes fetched for each byte needed."""
        return self.fetched / self.needed if self.needed else 0.0


def allowed_requests(purchases: int, each: float) -> int:
    """So many requests are polite for a row with so many purchases."""
    return _LISTING + round(purchases * each)


def fetched_bytes(entries: Iterable[Entry]) -> int:
    """Bytes of files that went over the line, broken downloads and refusals included."""
    return sum(entry.bytes_sent for entry in entries if entry.kind == "file")


def politeness(requests: int, allowed: int, fetched: int, needed: int, times: float) -> list[str]:
    """What was too much."""
    problems = []
    if requests > allowed:
        problems.append(f"{requests} requests where {allowed} are polite")
    if fetched > needed * times:
        problems.append(f"fetched {fetched / needed:.2f} times what is needed, where {times:.2f} is enough")
    return problems
