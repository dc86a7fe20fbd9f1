"""What was worked out is kept for as long as what it was worked out of is the same object."""

from bandcamp_sync.kept import Kept


def test_it_is_worked_out_once_for_each_basis() -> None:
    kept, times = Kept[int](), []

    def asked_for(basis: list[int]) -> int:
        def work_out() -> int:
            times.append(basis)
            return sum(basis)

        return kept.of(basis, work_out)

    one, equal, longer = [1], [1], [1, 2]
    assert [asked_for(basis) for basis in (one, one, equal, longer, longer, one)] == [1, 1, 1, 3, 3, 1]
    # An equal one is another one: comparing twenty thousand rows is what is to be spared.
    assert len(times) == 4
