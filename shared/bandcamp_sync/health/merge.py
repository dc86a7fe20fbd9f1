"""One state for a unit that several sources publish: a container and the host it stands on, say. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

#: systemd's words for a unit's active state, the worst first. A word that is not here is as bad as silence.
_WORST_FIRST = (
    "failed",
    "unknown",
    "maintenance",
    "activating",
    "deactivating",
    "reloading",
    "refreshing",
    "inactive",
    "active",
)
_RANK = {state: rank for rank, state in enumerate(_WORST_FIRST)}


def worst_states(units: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Published units, as the API has them: each name's worst active state. So nothing green hides what is broken."""
    worst: dict[str, str] = {}
    for unit in units:
        name, state = str(unit["name"]), str(unit["active_state"])
        if name not in worst or _rank(state) < _rank(worst[name]):
            worst[name] = state
    return worst


def _rank(state: str) -> int:
    return _RANK.get(state, _RANK["unknown"])
