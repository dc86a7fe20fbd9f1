"""`python -m services.systemd.settings`: what install.sh needs to know of the settings, as shell assignments.

They are those of `.env` alone: what this shell has in its environment, the units will not see.
"""

import os
import shlex
import sys
from collections.abc import Mapping

from bandcamp_sync.errors import SettingInvalid
from bandcamp_sync.paths import data_folder, music_folder
from bandcamp_sync.settings import Settings

from services.local import crew, dotenv
from services.local.__main__ import dashboard_url


def assignments(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """By the shell variable's name. `UNSEEN`: settings that `environ` has, and the units will not have."""
    own = {row[0] for row in Settings.table()} - {"TZ"}
    return {
        "DATA": str(data_folder(settings).root),
        "MUSIC": str(music_folder(settings).root),
        "COOKIES": str(settings.cookies_file.expanduser().absolute()),
        "WORKERS": str(settings.workers),
        "DASHBOARD": dashboard_url(settings),
        "UNSEEN": " ".join(sorted(name for name in own if environ.get(name))),
    }


def main() -> int:
    """Print them; 2 when a setting is wrong."""
    os.chdir(crew.ROOT)  # which folders in .env count from
    try:
        settings = Settings.from_environment(dotenv.with_file({}, crew.ROOT / ".env"))
    except SettingInvalid as error:
        sys.stderr.write(f"bandcampsync: .env: {error}\n")
        return 2
    for name, value in assignments(settings, os.environ).items():
        sys.stdout.write(f"{name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
