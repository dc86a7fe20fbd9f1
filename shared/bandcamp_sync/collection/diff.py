"""What changed between two captures. Pure."""

from dataclasses import dataclass

from bandcamp_sync.collection.item import Capture


@dataclass(frozen=True)
class Changes:
    """Keys of purchases that came, went, and were released since."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    released: tuple[str, ...]


def changes(old: Capture | None, new: Capture) -> Changes:
    """The difference, in the new capture's order."""
    before = old.by_key() if old else {}
    after = new.by_key()
    released = (k for k, item in after.items() if k in before and before[k].is_preorder and not item.is_preorder)
    return Changes(
        tuple(k for k in after if k not in before),
        tuple(k for k in before if k not in after),
        tuple(released),
    )
