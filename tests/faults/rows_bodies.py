"""Files that arrive broken: cut short, stalled, damaged, changed in between."""

from standin import World

from faults.household import Household
from faults.row import Row, Rule, once_each


def _damage_singles(home: Household) -> None:
    """One byte is wrong in the first copy of every track that comes without an archive."""
    for key in singles(home.world):
        home.standin.rules.add("flip_byte", match={"class": "file", "key": key}, times=1, percent=50)


def singles(world: World) -> list[str]:
    """The purchases that come as one bare file."""
    return [purchase.key for purchase in world.purchases if purchase.release and purchase.release.bare]


ROWS = (
    Row("every first download ends early", (once_each("truncate", percent=70),), times_needed=1.6),
    Row("every first download is reset", (once_each("reset", percent=60),), times_needed=1.6),
    Row("every first download stalls", (once_each("stall", percent=50, seconds=30),), times_needed=1.6),
    Row("every first download is slow", (once_each("slow", rate=120_000),)),
    Row("a byte of each archive is wrong", (once_each("flip_byte", percent=50),), times_needed=2.1),
    Row("a byte of each single track is wrong", before=_damage_singles, purchases=8, times_needed=1.5),
    # What comes second is another file by its tag, so nothing of the first is kept.
    Row("the music in each first archive is damaged", (once_each("damaged_audio", bytes=400),), times_needed=3.2),
    Row("Content-Length is too long", (once_each("wrong_length", delta=5000),), times_needed=1.6),
    Row("Content-Length is too short", (once_each("wrong_length", delta=-5000),), times_needed=1.6),
    Row(
        "the file has changed when a download is resumed",
        (once_each("truncate", percent=70), Rule("changed_file", {"resume_only": True})),
        times_needed=3.2,  # 0.7 in vain, what was sent of the resume that was refused, and the whole
    ),
    Row(
        "the server does not resume",
        (once_each("truncate", percent=70), Rule("ignore_range")),
        times_needed=3.2,
    ),
)
