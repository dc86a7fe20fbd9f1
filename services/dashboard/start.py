"""The dashboard: `python -m services.dashboard.start`. One process that holds the books in memory, many threads."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from bandcamp_sync.errors import SettingInvalid
from bandcamp_sync.processes import leave_no_core
from bandcamp_sync.settings import Settings


def main() -> NoReturn:
    """Become gunicorn; ends with exit code 2 when the settings are wrong."""
    try:
        settings = Settings.from_environment(os.environ)
        if published := os.environ.get("BCS_PUBLISHED_AT"):
            Settings.from_environment({**os.environ, "DASHBOARD_BIND": published})
    except SettingInvalid as error:
        sys.stderr.write(f"bandcampsync: {error}\n")
        sys.exit(2)
    leave_no_core()  # and what it becomes keeps to that
    conf = Path(__file__).with_name("gunicorn.conf.py")
    gunicorn = ["-m", "gunicorn", "--config", str(conf), "--bind", settings.dashboard_bind]
    os.execv(sys.executable, [sys.executable, *gunicorn, "services.dashboard.web.app:from_environment()"])


if __name__ == "__main__":
    main()
