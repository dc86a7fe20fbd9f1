"""The rows of files that arrive broken, and of workers that die."""

from pathlib import Path

import pytest

from faults import rows_bodies, rows_workers
from faults.holds import holds
from faults.row import Row


@pytest.mark.parametrize("row", [*rows_bodies.ROWS, *rows_workers.ROWS], ids=lambda row: row.name)
def test_the_library_ends_whole(row: Row, tmp_path: Path) -> None:
    holds(row, tmp_path)
