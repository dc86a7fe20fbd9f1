"""The JavaScript modules that need no browser: each `*.test.mjs` here runs under the Node that Playwright brings."""

import os
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

HERE = Path(__file__).parent
NODE = Path(compute_driver_executable()[0])


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_a_modules_own_tests_pass(name: str) -> None:
    # A test that ran under another zone than the machine's would hold by luck.
    environ = {**os.environ, "TZ": "Europe/Lisbon", "NODE_OPTIONS": "--no-warnings"}
    command = [str(NODE), "--test", "--test-reporter=spec", str(HERE / name)]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "\nℹ tests 0\n" not in ran.stdout, f"{name} holds no test"


def test_every_module_is_checked_for_its_types() -> None:
    modules = (HERE.parents[2] / "services/dashboard/web/static/js").rglob("*.js")
    unchecked = [path.name for path in modules if not path.read_text().startswith("// @ts-check")]
    assert unchecked == []
