from pathlib import Path

from bandcamp_sync.files.marks import file_mark


def test_a_files_mark_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert file_mark(path) is None
    path.write_text("a")
    before = file_mark(path)
    path.write_text("ab")
    assert file_mark(path) not in (None, before)
