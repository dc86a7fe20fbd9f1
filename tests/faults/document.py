"""docs/faults.md: the table with what it means. Pure."""

from collections.abc import Iterable

from faults.measure import Result
from faults.table import markdown

_TEXT = """# The fault table

Each row is one thing that goes wrong while the pipeline runs. A row starts a scraper, a reconciler and three workers
as real processes over a stand-in Bandcamp, lets the fault happen, and waits until everything that was bought is on
disk. No command is given by hand. `make faults` runs all rows, four at a time, and prints this table; `make faults
ROWS="disk 429"` runs those whose name has one of the words in it; `make test` runs every row as a test. This page is
written by `.venv/bin/python tests/faults --write docs/faults.md`.

- **Whole / wanted**: purchases whose album is complete, decodes to its end and is what its receipt says, of those that
  can be had. A row holds only if, besides, nothing else is in the music folder, nothing is left in the staging folder,
  and no loop ended by itself. In the rows of this machine's trouble (disks, permissions, open files) no purchase may
  have been counted an attempt, and one line of the log must have said what to do.
- **Requests (at most)**: all requests to Bandcamp (pages, API, stat, files; not the small covers of the dashboard), and
  how many are still polite: 12 for the listing, and 8 for each purchase where the row says nothing else. Without a
  fault a purchase takes three.
- **Bytes fetched / needed**: bytes of files that went over the line, for each byte of the files as Bandcamp has them. 1
  is the least; a row that resumes stays well below 2. The stand-in counts what it sent, also what the client did not
  read any more.
- **Seconds**: from the start of the processes until all is whole, the fault's own time included. Waits are short here:
  REQUEST_INTERVAL 20 ms, RETRY_BASE 1 s, RETRY_MAX 4 s, STALL_TIMEOUT 2 s, LEASE 30 s.
- **What a person does**: what the row needs a person for.

Rows that need a mount of their own (full and read-only disks, names that do not resolve) are run in a private mount
namespace; where that is not permitted they say so, and are skipped in `make test`.
"""


def document(results: Iterable[Result]) -> str:
    """The whole file."""
    return f"{_TEXT}\n{markdown(results)}"
