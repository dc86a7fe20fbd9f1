"""Every row of the table, in its order."""

from faults import rows_answers, rows_bodies, rows_line, rows_machine, rows_session, rows_workers
from faults.row import Row

ROWS: tuple[Row, ...] = (
    Row("nothing is wrong", requests_each=4.0),
    *rows_bodies.ROWS,
    *rows_answers.ROWS,
    *rows_line.ROWS,
    *rows_machine.ROWS,
    *rows_session.ROWS,
    *rows_workers.ROWS,
)
