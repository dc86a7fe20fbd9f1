"""A log's line, and which lines somebody wants to see."""

import re
from dataclasses import dataclass
from typing import Final

from bandcamp_sync.logs.redact import redact

#: Of a line no more than this is shown.
MAX_LINE_BYTES = 4096
#: What may be asked for: a level means that one and the graver ones.
LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")

_RANKS: Final = {
    b"DEBUG": 0,
    b"INFO": 1,
    b"WARN": 2,
    b"WARNING": 2,
    b"ERROR": 3,
    b"FATAL": 3,
    b"CRITICAL": 3,
}
#: A line without a level (another program's) counts as one that says how things go.
_UNRANKED = 1
_HEAD = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z +([A-Z]+)\b")


def rank_of(raw: bytes) -> int:
    """How grave a line is, as an index into `LEVELS`."""
    head = _HEAD.match(raw)
    return _RANKS.get(head[1], _UNRANKED) if head else _UNRANKED


def level_of(line: str) -> str:
    """The level that a line counts as, one of `LEVELS`."""
    return LEVELS[rank_of(line[:64].encode())]


def text_of(raw: bytes) -> str:
    """The line as text: its first 4 KiB, without its end; bytes that are not UTF-8 are replaced."""
    return raw[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r\n")


@dataclass(frozen=True)
class Wanted:
    """Lines from a level (an index into `LEVELS`) on that hold each of these words, which are in lower case."""

    rank: int = 0
    words: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether no line is left out."""
        return not self.rank and not self.words

    def may_lie_in(self, block: bytes) -> bool:
        """False when none of these lines is wanted for sure; saves a look at each."""
        if self.rank > _UNRANKED and _GRAVE[self.rank].search(block) is None:
            return False
        if not self.words or not block.isascii():
            return True
        lowered = block.lower()
        return all(word.encode() in lowered for word in self.words)

    def shown(self, raw: bytes) -> str | None:
        """The line as it may be shown, without secrets; None when it is not wanted.

        What is searched is what is shown, so that nobody can guess at a secret by searching for it.
        """
        if self.rank and rank_of(raw) < self.rank:
            return None
        text = text_of(raw)
        if not self._holds(text):
            return None
        told = redact(text)
        return told if told is text or self._holds(told) else None

    def _holds(self, text: str) -> bool:
        if not self.words:
            return True
        lowered = text.lower()
        return all(word in lowered for word in self.words)


_GRAVE: Final = {2: re.compile(rb"Z +(?:WARN|ERROR|FATAL|CRIT)"), 3: re.compile(rb"Z +(?:ERROR|FATAL|CRIT)")}

EVERYTHING = Wanted()


def wanted(level: str, q: str) -> Wanted:
    """The lines of this level (empty for every one) with the words of `q`. Raises ValueError for an unknown level."""
    if level and level not in LEVELS:
        raise ValueError(f"level is one of {', '.join(LEVELS)}")
    return Wanted(LEVELS.index(level) if level else 0, tuple(dict.fromkeys(q.lower().split())))
