"""Faults that change the data of an answer, whatever the answer is."""

import re
from collections.abc import Callable
from typing import Any

from standin.exchange import Exchange

#: Fields that clients have met as null.
NULLABLE = ("band_name", "item_title", "item_url", "artist", "title", "purchased", "url_hints")


def mutate(exchange: Exchange, data: Any) -> Any:
    """`data` with the faults of this exchange applied, at any depth."""
    if (params := exchange.fault("null_fields")) is not None:
        fields = set(params.get("fields") or NULLABLE)
        data = _walk(data, lambda name, value: (name, None if name in fields else value))
    if (params := exchange.fault("drop_fields")) is not None:
        dropped = set(params.get("fields") or NULLABLE)
        data = _walk(data, lambda name, value: (None if name in dropped else name, value))
    if exchange.fault("string_ids") is not None:
        data = _walk(data, _as_string)
    if (params := exchange.fault("rename_field")) is not None:
        old = str(params.get("from", "redownload_urls"))
        new = str(params.get("to", f"{old}_v2"))
        data = _walk(data, lambda name, value: (new if name == old else name, value))
    if (params := exchange.fault("elsewhere")) is not None:
        data = _pointed(data, params, named=params.get("fields") is None)
    return data


def _pointed(data: Any, params: dict[str, Any], named: bool) -> Any:
    """Every address in `data` (of the fields that are named, at any depth below them) with another host."""
    if isinstance(data, dict):
        fields = params.get("fields") or ()
        return {name: _pointed(value, params, named or name in fields) for name, value in data.items()}
    if isinstance(data, list):
        return [_pointed(value, params, named) for value in data]
    if named and isinstance(data, str) and re.match(r"(?:https?:)?//", data):
        return str(params["to"]) + "/" + data.partition("//")[2].partition("/")[2]
    return data


def _as_string(name: str, value: Any) -> tuple[str, Any]:
    is_id = name.endswith("_id") or name == "id"
    return name, str(value) if is_id and isinstance(value, int) else value


def _walk(data: Any, change: Callable[[str, Any], tuple[str | None, Any]]) -> Any:
    if isinstance(data, list):
        return [_walk(entry, change) for entry in data]
    if not isinstance(data, dict):
        return data
    result = {}
    for name, value in data.items():
        new_name, new_value = change(name, value)
        if new_name is not None:
            result[new_name] = _walk(new_value, change)
    return result
