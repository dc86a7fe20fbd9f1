"""`make faults`: run every row, print the table, and end with 1 unless every row holds.

`python tests/faults [--write docs/faults.md] [--at-once N] [words of row names]`
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

# Run as a folder, Python puts this folder first on the path; its parent must stand there instead.
_TESTS = Path(__file__).resolve().parent.parent
sys.path[0] = str(_TESTS)
sys.path.insert(1, str(_TESTS.parent / "shared"))

from faults import table  # noqa: E402
from faults.document import document  # noqa: E402
from faults.measure import Result  # noqa: E402
from faults.row import Row  # noqa: E402
from faults.rows import ROWS  # noqa: E402
from faults.run import run  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/faults")
    parser.add_argument("--write", type=Path, help="write the table into this file as well")
    parser.add_argument("--at-once", type=int, default=4, help="so many rows at a time")
    parser.add_argument("words", nargs="*", help="only rows whose name has one of these in it")
    asked = parser.parse_args()
    rows = [row for row in ROWS if not asked.words or any(word in row.name for word in asked.words)]
    began = time.monotonic()
    print(table.head(), flush=True)
    results = list(_run_all(rows, asked.at_once))
    bad = sum(bool(result.problems) for result in results)
    print(f"{len(results) - bad} of {len(results)} rows hold; {time.monotonic() - began:.0f} s", flush=True)
    if asked.write is not None:
        asked.write.write_text(document(results))
    return 1 if bad else 0


def _run_all(rows: list[Row], at_once: int) -> list[Result]:
    """Every row, printed as it ends; the results in the rows' order."""
    results: dict[int, Result] = {}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ThreadPoolExecutor(at_once) as pool:
        under_way = {pool.submit(_one, row, Path(folder) / str(number)): number for number, row in enumerate(rows)}
        try:
            for done in as_completed(under_way):
                results[under_way[done]] = done.result()
                print(table.terminal(done.result()), flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[number] for number in sorted(results)]


def _one(row: Row, folder: Path) -> Result:
    folder.mkdir()
    return run(row, folder)


if __name__ == "__main__":
    sys.exit(main())
