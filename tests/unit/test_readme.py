"""README and code say the same thing."""

import re
from pathlib import Path

from bandcamp_sync.cli import main
from bandcamp_sync.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def settings_table() -> str:
    rows = ["| Variable | Default | Meaning | May be |", "|---|---|---|---|"]
    for name, default, meaning, allowed in Settings.table():
        rows.append(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} | {allowed} |")
    return "\n".join(rows)


def test_the_settings_table_is_the_one_that_the_code_has() -> None:
    found = re.search(r"<!-- settings -->\n\n?(.*?)\n\n?<!-- /settings -->", README, re.S)
    assert found and found[1].strip() == settings_table()


def test_every_command_is_in_the_readme_and_every_command_there_exists() -> None:
    section = README.split("## Commands")[1].split("## Settings")[0]
    rows = [line.split("|")[1] for line in section.replace("\\|", "/").splitlines() if line.startswith("| `")]
    named = {match for row in rows for match in re.findall(r"`([a-z-]+)", row)} - {"bandcampsync"}
    assert named == set(main.commands)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`make ([a-z-]+)`|^    make ([a-z-]+)", README, re.M))
    assert {a or b for a, b in named} <= targets


def test_every_test_that_holds_a_promise_exists() -> None:
    promises = (ROOT / "docs" / "promises.md").read_text()
    named, folder = set(), ""
    for name in re.findall(r"`([a-z_]+/[a-z_/]*test_[a-z_*]+\.py|test_[a-z_*]+\.py)`", promises):
        folder = name.rpartition("/")[0] or folder  # a bare name is of the folder that was named last
        named.add(f"{folder}/{name.rpartition('/')[2]}")
    assert len(named) > 30
    assert [name for name in sorted(named) if not list((ROOT / "tests").glob(name))] == []
