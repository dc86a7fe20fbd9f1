"""Reads `.env` as Compose does, so that the same file serves local processes. Pure but for the one read.

`python services/local/dotenv.py NAME` prints one value, for scripts/settings.sh; hence the standard library alone.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def parse(text: str) -> dict[str, str]:
    """The variables of a `.env` file. Quotes around a value go; ` #` begins a comment where there are none."""
    found: dict[str, str] = {}
    for line in text.replace("\ufeff", "").splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is not None:
            found[match[1]] = _value(match[2].strip())
    return found


def _value(text: str) -> str:
    for quote in ("'", '"'):
        end = text.find(quote, 1)
        if text.startswith(quote) and end > 0:
            return text[1:end]
    if text.startswith("#"):
        return ""
    return re.split(r"\s+#", text, maxsplit=1)[0]


def with_file(environ: Mapping[str, str], path: Path) -> dict[str, str]:
    """`environ`, and what `path` adds to it; what is set already wins."""
    try:
        added = parse(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        added = {}
    return {**added, **environ}


if __name__ == "__main__":
    _value_of = with_file({}, Path(__file__).resolve().parents[2] / ".env").get(sys.argv[1], "")
    sys.stdout.buffer.write(f"{_value_of}\n".encode())  # whatever the terminal's encoding: it may be a folder's name
