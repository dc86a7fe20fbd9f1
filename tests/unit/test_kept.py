"""What was worked out is kept for as long as what it was worked out of is the same object."""

from pathlib import Path

from bandcamp_sync.kept import Kept, KeptOfFiles


def test_it_is_worked_out_once_for_each_basis() -> None:
    kept, times = Kept[int](), []

    def asked_for(basis: list[int]) -> int:
        def work_out() -> int:
            times.append(basis)
            return sum(basis)

        return kept.of(work_out, basis)

    one, equal, longer = [1], [1], [1, 2]
    assert [asked_for(basis) for basis in (one, one, equal, longer, longer, one)] == [1, 1, 1, 3, 3, 1]
    # An equal one is another one: comparing twenty thousand rows is what is to be spared.
    assert len(times) == 4


def test_of_several_things_each_counts() -> None:
    kept, one, two = Kept[str](), [1], [2]
    assert [kept.of(lambda: "first", one, two), kept.of(lambda: "again", one, two)] == ["first", "first"]
    assert kept.of(lambda: "other", one, one) == "other"


def test_files_are_read_again_when_one_of_them_changes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    kept = KeptOfFiles[list[bool]](first, second)

    def read() -> list[bool]:
        return [first.exists(), second.exists()]

    assert kept.of(read) == [False, False]
    second.write_text("x")
    seen = kept.of(read)
    assert seen == [False, True] and kept.of(read) is seen
    second.unlink()
    assert kept.of(read) == [False, False]
