import pytest
from bandcamp_sync.collection.item import Item
from bandcamp_sync.stages.adopt import Adoption, Found, letters, match
from hypothesis import given
from hypothesis import strategies as st
from unit.factories import item


def found(folder: str, *names: tuple[str, str]) -> Found:
    artist, _, title = folder.rpartition("/")
    own = names or ((artist, title),)
    return Found(folder, frozenset((letters(a), letters(t)) for a, t in own))


def matched(adoption: Adoption) -> dict[str, str]:
    return {one.key: folder for one, folder in adoption.sure}


def test_a_folder_of_the_same_name_is_the_purchase() -> None:
    adoption = match([item("p1")], [found("Los Faros/Night Ferry")], {})
    assert matched(adoption) == {"p1": "Los Faros/Night Ferry"} and adoption.unsure == () == adoption.unmatched


@pytest.mark.parametrize("folder", ["LOS FAROS/night ferry", "Los_Faros/Night-Ferry!", "los faros/Night  Ferry"])
def test_capitals_and_punctuation_do_not_matter(folder: str) -> None:
    assert matched(match([item("p1")], [found(folder)], {})) == {"p1": folder}


def test_a_folder_may_go_by_the_names_in_its_tags() -> None:
    folder = found("Unsorted/2024", ("Unsorted", "2024"), ("Los Faros", "Night Ferry"))
    assert matched(match([item("p1")], [folder], {})) == {"p1": "Unsorted/2024"}


def test_what_lies_where_it_was_to_be_placed_is_the_purchase_whatever_its_name() -> None:
    adoption = match([item("p1")], [found("Elsewhere/Else")], {"p1": "Elsewhere/Else"})
    assert matched(adoption) == {"p1": "Elsewhere/Else"}


def test_two_folders_that_fit_one_purchase_are_unsure() -> None:
    folders = [found("A/x", ("Los Faros", "Night Ferry")), found("B/x", ("Los Faros", "Night Ferry"))]
    adoption = match([item("p1")], folders, {})
    assert adoption.sure == () and adoption.unmatched == ()
    assert adoption.unsure == ((item("p1"), ("A/x", "B/x")),)


def test_two_purchases_that_fit_one_folder_are_unsure() -> None:
    adoption = match([item("p1"), item("p2")], [found("Los Faros/Night Ferry")], {})
    assert adoption.sure == () and [one.key for one, _ in adoption.unsure] == ["p1", "p2"]


def test_two_purchases_of_one_name_in_their_two_places_are_sure() -> None:
    planned = {"p1": "Los Faros/Night Ferry", "p2": "Los Faros/Night Ferry [p2]"}
    folders = [found(folder, ("Los Faros", "Night Ferry")) for folder in planned.values()]
    assert matched(match([item("p1"), item("p2")], folders, planned)) == planned


def test_what_fits_nothing_is_named() -> None:
    adoption = match([item("p1", item_title="Other")], [found("Los Faros/Night Ferry"), found("A/B")], {})
    assert adoption == Adoption((), (), ("A/B", "Los Faros/Night Ferry"))


def test_names_without_a_letter_fit_nothing() -> None:
    strange = item("p1", band_name="!!!", item_title="???")
    assert match([strange], [found("***/---")], {}).sure == ()


PLACES = st.sampled_from(["A/x", "B/x", "A/y", "C/z"])
TITLES = st.sampled_from(["x", "y", "X!"])


@st.composite
def shelves(draw: st.DrawFn) -> tuple[list[Item], list[Found], dict[str, str]]:
    keys = draw(st.lists(st.sampled_from(["p1", "p2", "p3", "p4"]), unique=True))
    items = [item(key, band_name=draw(st.sampled_from("ABC")), item_title=draw(TITLES)) for key in keys]
    folders = [found(folder) for folder in draw(st.lists(PLACES, unique=True))]
    return items, folders, {key: draw(PLACES) for key in keys}


@given(shelves())
def test_no_folder_is_given_twice_and_each_is_accounted_for(
    shelf: tuple[list[Item], list[Found], dict[str, str]],
) -> None:
    items, folders, planned = shelf
    adoption = match(items, folders, planned)
    sure = [folder for _, folder in adoption.sure]
    assert len(set(sure)) == len(sure)
    doubtful = {folder for _, fits in adoption.unsure for folder in fits}
    assert set(sure) | doubtful | set(adoption.unmatched) == {one.folder for one in folders}
    assert set(sure).isdisjoint(adoption.unmatched) and doubtful.isdisjoint(adoption.unmatched)
    decided = [one.key for one, _ in adoption.sure] + [one.key for one, _ in adoption.unsure]
    assert len(set(decided)) == len(decided)


@given(st.text(max_size=30))
def test_letters_of_letters_are_the_same(text: str) -> None:
    assert letters(letters(text)) == letters(text)
