"""What a target may end with: a value, or one of our errors with one line that a terminal can show."""

import random
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from bandcamp_sync.errors import BandcampSyncError

from fuzz.mutate import mutated

SEEDS = Path(__file__).parent / "seeds"
#: Of processor time; a seed takes milliseconds.
MOST_S = 20.0
MOST_CHARS = 2000

Target = Callable[[bytes], object]


class TooSlow(BaseException):
    """It takes so long that somebody could keep us busy with it."""


class Broke(AssertionError):
    """A target ended in a way that it may not."""


def seeds_of(name: str) -> list[tuple[str, bytes]]:
    """The seeds of a target, by file name."""
    return sorted((path.name, path.read_bytes()) for path in (SEEDS / name).iterdir())


def run(target: Target, data: bytes) -> None:
    """Give `data` to the target. Raises Broke."""
    try:
        with _limited():
            target(data)
    except BandcampSyncError as error:
        sentence = str(error)
        if "\n" in sentence or not sentence.strip() or len(sentence) > MOST_CHARS:
            raise Broke(f"no one-line sentence: {sentence[:300]!r}") from error
    except Broke:
        raise
    except (Exception, TooSlow) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        raise Broke(f"{type(error).__name__} in {where}: {str(error)[:300]!r}") from error


@contextmanager
def _limited() -> Iterator[None]:
    def over(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def inputs(name: str, number: int) -> Iterator[bytes]:
    """Mutations of a target's seeds without end; the same for the same number."""
    dice = random.Random(f"{name} {number}")
    seeds = [content for _, content in seeds_of(name)]
    while True:
        yield mutated(dice.choice(seeds), seeds, dice)


def keep(name: str, data: bytes, folder: Path = SEEDS) -> Path:
    """Save what broke a target among its seeds; give it a telling name before it is committed."""
    path = folder / name / f"broke-{sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
