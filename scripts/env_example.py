"""Prints `.env.example`: every setting, with what it does, what it may be, and its default."""

import sys
import textwrap

from bandcamp_sync.settings import Settings

_HEAD = """\
# Copy this file to .env and set what you like. Docker Compose and the make targets read it. What is empty keeps its
# default. A value with $, # or spaces goes in 'single quotes': elsewhere Compose takes $ for a variable. Under Compose
# DATA_DIR and MUSIC_DIR are folders of this machine, and the cookies lie in DATA_DIR/config/.
"""


def text() -> str:
    """The file's content."""
    parts = [_HEAD]
    for name, default, meaning, allowed in Settings.table():
        told = f"; default {default}" if default else ""
        about = textwrap.fill(f"{meaning} ({allowed}{told})", 118, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{about}\n{name}=\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(text())
