"""The rows of answers that are no file and no page."""

from pathlib import Path

import pytest

from faults import rows_answers
from faults.holds import holds
from faults.row import Row


@pytest.mark.parametrize("row", rows_answers.ROWS, ids=lambda row: row.name)
def test_the_library_ends_whole(row: Row, tmp_path: Path) -> None:
    holds(row, tmp_path)
