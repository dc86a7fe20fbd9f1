"""The rows of trouble of this machine."""

from pathlib import Path

import pytest

from faults import rows_machine
from faults.holds import holds
from faults.row import Row


@pytest.mark.parametrize("row", rows_machine.ROWS, ids=lambda row: row.name)
def test_the_library_ends_whole(row: Row, tmp_path: Path) -> None:
    holds(row, tmp_path)
