import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.factories import capture, item, put, sound


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


def run(root: Path, *words: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    path = ":".join(filter(None, sys.path))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "DATA_DIR": str(root / "data"), **changes}
    command = [sys.executable, "-m", "bandcamp_sync", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("hidden", "words", "folder"),
    [
        ("music", ["reconcile", "--dry-run"], "music"),
        ("config,music", ["fan-id"], "config"),
        ("config,music", ["backup", "-"], "config"),
        ("config,music", ["ignore", "p1"], "config"),
    ],
)
def test_a_covered_folder_is_not_taken_for_an_empty_one(
    tmp_path: Path, hidden: str, words: list[str], folder: str
) -> None:
    done = run(tmp_path, *words, BCS_HIDDEN=hidden)
    assert done.returncode == 2
    assert done.stderr == (
        f"bandcampsync: `{words[0]}` needs {folder}/, which this container does not see; "
        f"in containers run: docker compose exec worker bandcampsync {words[0]}\n"
    )
    assert not (tmp_path / "data").exists(), "no alarm, no log, nothing"


def test_what_needs_no_covered_folder_works_there(tmp_path: Path) -> None:
    assert run(tmp_path, "status", BCS_HIDDEN="config,music").returncode == 0
    assert run(tmp_path, "reconcile", "--help", BCS_HIDDEN="config,music").returncode == 0


def test_settings_are_checked_without_touching_anything(tmp_path: Path) -> None:
    good, wrong = run(tmp_path, "settings", "--check"), run(tmp_path, "settings", "--check", FORMAT="tape")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("bandcampsync: FORMAT='tape' is not valid: it may be flac")
    assert not (tmp_path / "data").exists()


def test_adopt_fails_for_a_purchases_folder_that_is_damaged_and_not_for_one_that_is_no_purchase(tmp_path: Path) -> None:
    music, whole = tmp_path / "data" / "music", sound()
    bought = capture(item("p1"), item("p2", item_title="Slack Water"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "collection.json").write_text(bought.model_dump_json(by_alias=True))
    for folder, content in (("Los Faros/Night Ferry", whole), ("Los Faros/Slack Water", whole[:50]), ("A/B", whole)):
        put(music / folder, {"01 Quay.wav": content})
    done = run(tmp_path, "adopt")
    assert done.returncode == 1, done.stderr
    assert "not adopted: Los Faros - Slack Water (p2): " in done.stdout
    assert "adopt: 1 adopted, 0 unsure, 1 unmatched" in done.stdout
    put(music / "Los Faros/Slack Water", {"01 Quay.wav": whole})
    again = run(tmp_path, "adopt")
    assert (again.returncode, "adopt: 1 adopted, 0 unsure, 1 unmatched" in again.stdout) == (0, True)
