"""What a soak counted, and its verdict. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_MB = 1e6
#: What no service may reach, whatever it does. A dashboard that holds 20,000 purchases takes 280 MB.
MOST_RSS, MOST_FDS = 500_000_000, 300
#: How much a process may still grow after its first minute.
MOST_GROWTH = 120_000_000
#: Six files of 10 MB each, and the last line.
MOST_LOG_BYTES = 66_000_000
#: A dashboard that was killed is back by then.
LONGEST_SILENCE_S = 90.0


@dataclass
class Weights:
    """A program's processes over time: resident bytes and open files at the first look, at most, and at the last."""

    first: tuple[int, int]
    most: tuple[int, int]
    last: tuple[int, int]
    growth: int = 0

    def see(self, rss: int, fds: int) -> None:
        """One look more."""
        self.most = max(self.most[0], rss), max(self.most[1], fds)
        self.last = rss, fds


@dataclass
class Figures:
    """Everything that the verdict says. Times in seconds."""

    seed: int
    asked_s: float
    lasted_s: float = 0.0
    settled_s: float | None = None
    wanted: int = 0
    whole: int = 0
    not_whole: str = ""
    mischief: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    bytes_fetched: int = 0
    bytes_needed: int = 0
    asked: int = 0
    unanswered: int = 0
    longest_silence_s: float = 0.0
    events: int = 0
    looks: int = 0
    arrival_s: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    log_bytes: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def violated(self, what: str) -> None:
        """A promise was broken. Each is told once, and of very many the first."""
        if what not in self.violations and len(self.violations) < 50:
            self.violations.append(what)


def reasons(figures: Figures) -> list[str]:
    """Why it failed; empty when it passed."""
    found = list(figures.violations)
    if figures.settled_s is None:
        found.append(f"not whole in time: {figures.whole} of {figures.wanted} purchases; {figures.not_whole}")
    elif figures.not_whole:
        found.append(figures.not_whole)
    if figures.whole != figures.wanted:
        found.append(f"{figures.whole} of {figures.wanted} purchases are whole")
    if not (figures.looks and figures.asked and figures.events):
        found.append("nobody watched")
    if figures.longest_silence_s > LONGEST_SILENCE_S:
        found.append(f"the dashboard did not answer for {figures.longest_silence_s:.0f} s")
    for program, weights in sorted(figures.weights.items()):
        if weights.most[0] > MOST_RSS or weights.most[1] > MOST_FDS:
            found.append(f"{program} took {weights.most[0] / _MB:.0f} MB and {weights.most[1]} open files")
        if weights.growth > MOST_GROWTH:
            found.append(f"{program} grew by {weights.growth / _MB:.0f} MB after its first minute")
    found += [f"{name} has {size / _MB:.0f} MB" for name, size in figures.log_bytes.items() if size > MOST_LOG_BYTES]
    return list(dict.fromkeys(found))


def table(figures: Figures) -> str:
    """The figures, a line each."""
    longest = max(figures.arrival_s.values(), default=0.0)
    over = figures.bytes_fetched / figures.bytes_needed if figures.bytes_needed else 0.0
    settled = "not in time" if figures.settled_s is None else f"{figures.settled_s:.0f} s"
    rows = [
        ("seed", f"{figures.seed}"),
        ("mischief for", f"{figures.lasted_s:.0f} s of {figures.asked_s:.0f} s; then whole within {settled}"),
        ("purchases whole", f"{figures.whole} of {figures.wanted}"),
        ("mischief", _counted(figures.mischief)),
        ("Bandcamp's faults", _counted(figures.faults)),
        ("killed", _counted(figures.kills)),
        ("requests to Bandcamp", f"{figures.requests}"),
        (
            "fetched over needed",
            f"{figures.bytes_fetched / _MB:.1f} over {figures.bytes_needed / _MB:.1f} MB ({over:.2f})",
        ),
        ("longest arrival", f"{longest:.0f} s, of {len(figures.arrival_s)}"),
        ("dashboard asked", f"{figures.asked} times, {figures.unanswered} unanswered while it was struck"),
        ("its longest silence", f"{figures.longest_silence_s:.1f} s"),
        ("events heard", f"{figures.events}"),
        ("looks at the library", f"{figures.looks}"),
    ]
    for program, weights in sorted(figures.weights.items()):
        rss = " / ".join(f"{one[0] / _MB:.0f}" for one in (weights.first, weights.most, weights.last))
        fds = " / ".join(f"{one[1]}" for one in (weights.first, weights.most, weights.last))
        rows.append((program, f"{rss} MB, {fds} open files (first / most / last)"))
    rows.append(("logs", ", ".join(f"{name} {size / _MB:.1f} MB" for name, size in sorted(figures.log_bytes.items()))))
    rows.append(("promises broken", f"{len(figures.violations)}"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def verdict(figures: Figures) -> str:
    """The last line, or lines."""
    why = reasons(figures)
    return "SOAK PASSED" if not why else "SOAK FAILED: " + "\n  and: ".join(why)


def _counted(counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> str:
    pairs = dict(counts)
    parts = [f"{name} {number}" for name, number in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))]
    return f"{sum(pairs.values())}: {', '.join(parts)}" if parts else "none"
