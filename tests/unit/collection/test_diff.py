from bandcamp_sync.collection.diff import Changes, changes
from unit.factories import capture, item


def test_against_nothing_everything_is_new() -> None:
    assert changes(None, capture(item("p2"), item("p1"))) == Changes(("p2", "p1"), (), ())


def test_what_came_went_and_was_released_is_told_in_order() -> None:
    old = capture(item("p1"), item("p2", is_preorder=True), item("p3"), item("p4", is_preorder=True))
    new = capture(item("p6"), item("p5"), item("p4", is_preorder=True), item("p2"), item("p1"))
    assert changes(old, new) == Changes(("p6", "p5"), ("p3",), ("p2",))


def test_the_same_again_is_no_change() -> None:
    one = capture(item("p1"), item("p2", is_preorder=True))
    assert changes(one, one) == Changes((), (), ())


def test_a_preorder_that_is_new_was_not_released() -> None:
    assert changes(capture(), capture(item(is_preorder=True))).released == ()
