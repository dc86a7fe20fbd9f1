import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("command", "missing"), [("verify", "av"), ("work", "stream_unzip"), ("adopt", "av")])
def test_a_command_that_this_image_cannot_do_says_where_it_can_be_done(
    tmp_path: Path, command: str, missing: str
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from bandcamp_sync.cli import main; main()"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join(filter(None, sys.path)),
        "DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"bandcampsync: `{command}` needs {missing}, which is not installed here; "
        f"in containers run: docker compose exec worker bandcampsync {command}\n"
    )
