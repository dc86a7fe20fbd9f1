"""An archive's end, kept while the archive passes, and what it says is still missing."""

from collections.abc import Iterable, Iterator

from bandcamp_sync.errors import ArchiveBroken, TransferBroken
from bandcamp_sync.fetch.directory import TAIL_BYTES, Entry, TailTooShort, read_directory
from bandcamp_sync.fetch.journal import Member
from bandcamp_sync.fetch.limits import LIMITS, ArchiveRefused, too_many

#: How much of an archive's end is looked at for its list of content.
MOST_OF_END = LIMITS.directory + 2 * TAIL_BYTES


class PassingEnd:
    """Remembers the last bytes of what passes."""

    def __init__(self) -> None:
        self.bytes, self.size = b"", 0

    def watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            self.size += len(chunk)
            self.bytes = (self.bytes + chunk)[-MOST_OF_END:]
            yield chunk


def read_directory_of(tail: bytes, total: int) -> list[Entry]:
    """`read_directory` of a stream that has ended; whatever is wrong with it is a broken transfer."""
    try:
        return read_directory(tail, total)
    except ArchiveRefused:
        raise
    except (TailTooShort, ArchiveBroken) as error:
        if isinstance(error, TailTooShort) and error.wanted > MOST_OF_END:
            raise ArchiveRefused(too_many()) from None
        raise TransferBroken("the archive ended early") from None


def missing_runs(entries: Iterable[Entry], members: Iterable[Member]) -> list[list[Entry]]:
    """Stretches of neighbouring entries that are not had yet, so that each is one request. Pure."""
    had = {(m.ordinal, m.size, m.crc) for m in members}
    runs: list[list[Entry]] = []
    for entry in entries:
        if entry.is_folder or (entry.ordinal, entry.size, entry.crc) in had:
            continue
        if runs and runs[-1][-1].ordinal == entry.ordinal - 1:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs
