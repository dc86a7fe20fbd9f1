"""The hand-over of new cookies: the dashboard's part, and the scraper's."""

from pathlib import Path

from crash.place import Place
from crash.stage import RECONCILE, SCRAPE, WORK, Run, Stage
from crash.stages import QUEUED, SELDOM, both
from crash.worlds import track_world

_NEW_COOKIES = "new-cookies.txt"
_TAKE_OVER = Run((), "take over")


def _new_login(place: Place) -> None:
    """The cookies in use are worth nothing any more; the user has new ones."""
    place.run(what="take over")
    place.standin.world.set_identity()
    place.standin.write_cookies(place.root / _NEW_COOKIES)


def _give(place: Place) -> None:
    assert place.run(str(place.root / _NEW_COOKIES), what="hand over") == 0


def handover_stages(root: Path) -> tuple[Stage, ...]:
    """The dashboard's part and the scraper's. `root`: where the place will be made, as the cookies lie there."""
    hand_over = Run((str(root / _NEW_COOKIES),), "hand over")
    rest = (_TAKE_OVER, SCRAPE, RECONCILE, WORK)
    ready = both(QUEUED, _new_login)
    return (
        Stage("hand-over, the dashboard", hand_over, ready, (hand_over, *rest), track_world, work_every=SELDOM),
        Stage("hand-over, the scraper", _TAKE_OVER, both(ready, _give), rest, track_world, work_every=SELDOM),
    )
