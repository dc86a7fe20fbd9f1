"""The stat answer: is a file ready, and where? In all the wrappings that were seen (protocol notes 4.2). Pure."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from bandcamp_sync.bandcamp.answers import Json, as_text


@dataclass(frozen=True)
class Stat:
    """What the stat endpoint says: `ok`, `err` or still preparing (`pending`). URLs are bearer secrets."""

    result: str
    download_url: str | None = field(default=None, repr=False)
    retry_url: str | None = field(default=None, repr=False)
    errortype: str | None = None


_LOOSE = re.compile(r"_statDL_result\s*=\s*\{[^}]*?['\"]?result['\"]?\s*:\s*['\"](\w+)['\"]", re.S)


def parse_stat(text: str) -> Stat | None:
    """A stat answer in any of its wrappings (protocol notes 4.2); None when it is something else (HTML, garbage)."""
    answer = _first_object(text)
    if answer is None:
        loose = _LOOSE.search(text)
        return Stat(_result(loose[1])) if loose else None
    return Stat(
        _result(answer.get("result")),
        as_text(answer.get("download_url")),
        as_text(answer.get("retry_url")),
        as_text(answer.get("errortype")),
    )


def _result(value: Any) -> str:
    return value if value in ("ok", "err") else "pending"


def _first_object(text: str) -> Json | None:
    # Inside `if ( window.Downloads ) { Downloads.statResult ( {...} ) }` the first brace is not the object's.
    call = re.search(r"statResult\s*\(\s*", text)
    starts = [call.end()] if call else [m.start() for m in re.finditer(r"\{", text[:400])]
    for start in starts:
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start:])
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "result" in value:
            return value
    return None
