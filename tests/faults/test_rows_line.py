"""The rows of no line to Bandcamp and of the login, and the one where nothing is wrong."""

from pathlib import Path

import pytest

from faults import rows_line, rows_session
from faults.holds import holds
from faults.row import Row

CALM = Row("nothing is wrong", requests_each=4.0)


@pytest.mark.parametrize("row", [CALM, *rows_line.ROWS, *rows_session.ROWS], ids=lambda row: row.name)
def test_the_library_ends_whole(row: Row, tmp_path: Path) -> None:
    holds(row, tmp_path)
