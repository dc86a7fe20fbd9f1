"""How a row is held as a test."""

from pathlib import Path

import pytest

from faults.row import Row
from faults.run import run


def holds(row: Row, folder: Path) -> None:
    """Run the row in a new folder below `folder`; fails with all that is wrong, skips what cannot be run here."""
    root = folder / "household"
    root.mkdir()
    result = run(row, root)
    if result.unable is not None:
        pytest.skip(result.unable)
    assert not result.problems, "\n".join(result.problems)
    assert result.whole == result.wanted > 0
