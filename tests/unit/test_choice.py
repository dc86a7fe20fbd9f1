import json
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.choice import (
    EVERYTHING,
    FROM_NOW_ON,
    Choice,
    ask_choice,
    asked_choice,
    choose,
    read_choice,
    too_old,
)
from bandcamp_sync.collection.item import Item
from bandcamp_sync.collection.store import write_capture
from bandcamp_sync.control import Verb, ask, is_asked, take
from bandcamp_sync.ignore import change_ignored, read_ignored
from bandcamp_sync.library.marker import write_marker
from bandcamp_sync.loops.reconciler import Reconciler
from bandcamp_sync.paths import DataFolder, data_folder, music_folder
from bandcamp_sync.settings import Settings
from bandcamp_sync.spool.job import State
from bandcamp_sync.spool.spool import Spool
from bandcamp_sync.stages.reconcile import plan_reconcile
from unit.factories import DAY, NOW, HurriedClock, capture, item, job, receipt

OLD, NEW = NOW - DAY, NOW + DAY


class Home:
    """A reconciler over real files, whose clock stands at NOW."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment({"DATA_DIR": str(root)})
        self.data = data_folder(self.settings)
        self.clock = HurriedClock()
        self.spool = Spool(self.data.inbox)
        self.spool.make_folders()
        write_marker(self.data, music_folder(self.settings), NOW)

    def look(self) -> None:
        Reconciler(self.settings, self.data, self.clock).look()

    def own(self, *items: Item) -> None:
        write_capture(self.data.collection, capture(*items))

    def put(self, state: State, key: str, **changes: Any) -> None:
        self.spool.path(state, key).write_text(job(key, **changes).model_dump_json(by_alias=True))

    def queued(self) -> set[str]:
        return set(self.spool.keys(State.PENDING))

    def choose(self, mode: str) -> None:
        ask_choice(self.data, mode, self.clock.now())
        self.look()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def old(key: str) -> Item:
    return item(key, purchased=OLD)


def new(key: str) -> Item:
    return item(key, purchased=NEW)


# --- deciding -------------------------------------------------------------------------------------------------------


def test_without_a_choice_nothing_is_too_old() -> None:
    assert too_old(None, [old("p1")], (), ()) == too_old(Choice(), [old("p1")], (), ()) == frozenset()


def test_too_old_is_what_was_bought_before_and_is_not_here_nor_ignored_already() -> None:
    items = [old("p1"), new("p2"), old("p3"), old("p4"), item("p5", purchased=None), item("p6", purchased=NOW)]
    assert too_old(Choice(NOW), items, {"p3"}, {"p4"}) == {"p1", "p5"}


def test_what_a_person_took_off_the_list_stays_off() -> None:
    assert too_old(Choice(NOW, keys=frozenset({"p1"})), [old("p1"), old("p2")], (), ()) == {"p2"}


def test_what_a_killed_reconcile_was_putting_aside_is_put_aside() -> None:
    choice = Choice(NOW, adding=frozenset({"p1"}))
    assert too_old(choice, [old("p1")], (), {"p1"}) == {"p1"}, "also when it is on the list, and not remembered"


# --- doing ----------------------------------------------------------------------------------------------------------


def test_chosen_before_there_is_a_collection_nothing_old_is_ever_queued(home: Home) -> None:
    home.choose(FROM_NOW_ON)
    assert not is_asked(home.data, Verb)
    home.own(old("p1"), old("p2"), new("p3"))
    home.look()
    assert home.queued() == {"p3"}
    assert read_ignored(home.data) == {"p1", "p2"}


def test_asked_in_the_very_look_that_finds_the_collection_nothing_old_is_queued(home: Home) -> None:
    home.own(old("p1"))
    home.choose(FROM_NOW_ON)
    assert home.queued() == set()


def test_what_is_queued_already_is_withdrawn_and_what_is_here_stays(home: Home) -> None:
    home.put(State.DONE, "p2", receipt=receipt())
    home.own(old("p1"), old("p2"), new("p3"))
    home.look()
    assert home.queued() == {"p1", "p3"}
    home.choose(FROM_NOW_ON)
    assert home.queued() == {"p3"}
    assert read_ignored(home.data) == {"p1"}


def test_old_purchases_that_a_later_scrape_finds_are_left_out_too(home: Home) -> None:
    home.own(new("p3"))
    home.choose(FROM_NOW_ON)
    home.own(old("p1"), new("p3"))
    home.look()
    assert read_ignored(home.data) == {"p1"}
    assert home.queued() == {"p3"}


def test_everything_takes_back_just_what_was_left_out_for_the_choice(home: Home) -> None:
    home.own(old("p1"), old("p2"), old("p3"))
    change_ignored(home.data, add=["p1"])
    home.choose(FROM_NOW_ON)
    assert read_ignored(home.data) == {"p1", "p2", "p3"}
    home.choose(EVERYTHING)
    assert read_ignored(home.data) == {"p1"}, "a person put it there"
    assert home.queued() == {"p2", "p3"}
    assert read_choice(home.data) == Choice()


def test_single_ones_can_be_wanted_all_the_same(home: Home) -> None:
    home.own(old("p1"), old("p2"))
    home.choose(FROM_NOW_ON)
    ask(home.data, Verb.UNIGNORE, "p1")
    home.look()
    home.look()
    assert home.queued() == {"p1"}
    home.choose(FROM_NOW_ON)
    assert home.queued() == {"p1"}, "saying it twice changes nothing"


def test_the_newest_wish_wins(home: Home) -> None:
    home.own(old("p1"))
    ask_choice(home.data, FROM_NOW_ON, NOW)
    assert asked_choice(home.data) == FROM_NOW_ON
    assert take(home.data, Verb.CHOOSE) is not None, "its taker is killed"
    ask_choice(home.data, EVERYTHING, NOW + DAY / 1000)
    assert asked_choice(home.data) == EVERYTHING
    home.look()
    assert home.queued() == {"p1"}
    assert asked_choice(home.data) is None


def test_a_dry_run_says_what_would_be_and_changes_nothing(home: Home) -> None:
    home.own(old("p1"), new("p2"))
    ask_choice(home.data, FROM_NOW_ON, NOW)
    wanted = take(home.data, Verb.CHOOSE)
    assert wanted is not None
    choose(home.data, wanted)
    plan = plan_reconcile(home.settings, home.data, music_folder(home.settings), home.clock)
    assert [intent.job.key for intent in plan.intents] == ["p2"]
    assert read_ignored(home.data) == frozenset()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"since": "noon"}', '{"since": 7, "keys": 8}'])
def test_a_broken_file_is_no_choice(tmp_path: Path, content: str) -> None:
    data = DataFolder(tmp_path)
    data.state.mkdir()
    data.choice.write_text(content)
    assert read_choice(data) is None


def test_a_request_by_hand_that_does_not_say_what_is_no_choice(home: Home) -> None:
    ask(home.data, Verb.CHOOSE)
    home.look()
    assert read_choice(home.data) is None and not is_asked(home.data, Verb)


def test_only_the_two_can_be_chosen(home: Home) -> None:
    with pytest.raises(ValueError, match="everything, from-now-on"):
        ask_choice(home.data, "nothing", NOW)


def test_the_file_says_what_was_chosen(home: Home) -> None:
    home.own(old("p1"))
    home.choose(FROM_NOW_ON)
    said = json.loads(home.data.choice.read_text())
    assert said == {"chosen": FROM_NOW_ON, "since": "2026-11-23T12:00:00Z", "keys": ["p1"], "adding": []}
