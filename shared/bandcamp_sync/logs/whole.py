"""Every line of a log, from the oldest file that it was rotated into to the newest line."""

from collections.abc import Iterator
from pathlib import Path

from bandcamp_sync.logs.family import OpenLog, opened_family
from bandcamp_sync.logs.line import MAX_LINE_BYTES, Wanted

_BLOCK_BYTES = 256 * 1024


def every_line(path: Path, wanted: Wanted) -> Iterator[str]:
    """The wanted lines of the log at `path` as they may be shown; a block is held in memory, never a file.

    What is written while this is read is not in it. Raises OSError when a file cannot be read.
    """
    with opened_family(path) as family:
        for log, size in [(log, log.size()) for log in reversed(family)]:
            for block in _blocks(log, size):
                if wanted.may_lie_in(block):
                    for raw in block.removesuffix(b"\n").split(b"\n"):
                        text = wanted.shown(raw)
                        if text is not None:
                            yield text


def _blocks(log: OpenLog, size: int) -> Iterator[bytes]:
    """The file in pieces of whole lines; of a line longer than a block only the beginning."""
    position, rest = 0, b""
    while position < size:
        came = log.read(position, min(_BLOCK_BYTES, size - position))
        if not came:
            break  # it was cut short
        position += len(came)
        end = came.rfind(b"\n") + 1
        if end:
            yield rest + came[:end]
            rest = came[end:]
        else:
            rest = (rest + came)[: MAX_LINE_BYTES + 1]
    if rest:
        yield rest
