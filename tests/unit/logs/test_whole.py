from pathlib import Path
from tempfile import TemporaryDirectory

from bandcamp_sync.logs.line import EVERYTHING, MAX_LINE_BYTES, wanted
from bandcamp_sync.logs.whole import every_line
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=80), st.booleans())
def test_every_line_comes_once_in_order_and_is_cut_where_it_is_too_long(lengths: list[int], ended: bool) -> None:
    lines = [f"{number} {'x' * length}" for number, length in enumerate(lengths)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "worker.log"
        path.write_text("\n".join(lines) + ("\n" if ended else ""))
        assert list(every_line(path, EVERYTHING)) == [line[:MAX_LINE_BYTES] for line in lines]


def test_a_line_longer_than_a_block_is_cut_and_its_neighbours_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("before\n" + "x" * 1_000_000 + "\nafter\n")
    assert list(every_line(path, EVERYTHING)) == ["before", "x" * MAX_LINE_BYTES, "after"]
    assert list(every_line(path, wanted("", "AFTER"))) == ["after"]


def test_the_oldest_rotated_file_comes_first(tmp_path: Path) -> None:
    for name in ("worker.log", "worker.log.1", "worker.log.2"):
        (tmp_path / name).write_text(f"{name}\n")
    assert list(every_line(tmp_path / "worker.log", EVERYTHING)) == ["worker.log.2", "worker.log.1", "worker.log"]
