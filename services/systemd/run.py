"""`python -m services.systemd.run MODULE`: becomes that program, with the settings of `.env`.

systemd's own EnvironmentFile= quotes otherwise than Compose does, and `.env` is one file for both and for make. What
the unit's environment sets already wins, as everywhere.
"""

import os
import runpy
import sys
import time
from pathlib import Path

from services.local import dotenv

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """Run the module that is named; it ends this process."""
    if len(words) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    os.environ.update(dotenv.with_file(os.environ, ROOT / ".env"))
    time.tzset()  # TZ came too late for the interpreter's start
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
