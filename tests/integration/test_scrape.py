"""Listing the purchases, from a Bandcamp that lies, changes, limits and challenges."""

import json
from typing import Any

import pytest
from standin import World

from .albums import assert_whole, truth
from .conftest import Home, Serve


def listed(home: Home) -> dict[str, dict[str, Any]]:
    content = json.loads((home.data / "collection.json").read_text())
    return {item["key"]: item for item in content["items"]}


def test_every_purchase_is_listed_hidden_ones_included(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=260))
    assert home.run("scrape").code == 0
    items = listed(home)
    assert sorted(items) == sorted(truth(standin))
    hidden = {key for key, purchase in truth(standin).items() if purchase["hidden"]}
    assert hidden and {key for key, item in items.items() if item["hidden"]} == hidden
    dates = [item["purchased"] for item in items.values() if item["purchased"]]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("false_more", {}),
        ("no_more_field", {}),
        ("overshoot", {"by": 7}),
        ("duplicates", {"count": 5}),
        ("short_page", {"count": 13}),
        ("string_ids", {}),
        ("null_fields", {"fields": ["band_url", "label", "url_hints", "featured_track"]}),
    ],
)
def test_a_listing_that_lies_about_its_end_is_walked_to_its_real_one(
    home: Home, serve: Serve, fault: str, params: dict[str, Any]
) -> None:
    standin = serve(World.build(purchases=130))
    standin.rules.add(fault, match={"class": "collection"}, **params)
    ran = home.run("scrape")
    assert ran.code == 0, ran.everything
    assert sorted(listed(home)) == sorted(truth(standin))


def test_a_scrape_without_news_costs_three_requests_however_large_the_collection(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=2000, preset="small"))
    assert home.run("scrape", REQUEST_INTERVAL="0").code == 0
    assert len(listed(home)) == 2000
    standin.log.clear()
    assert home.run("scrape").code == 0
    assert len(standin.log.entries()) == 3
    standin.world.add_purchase(2)
    standin.log.clear()
    ran = home.run("scrape")
    assert "2 new" in ran.out
    assert len(standin.log.entries()) <= 5
    assert len(listed(home)) == 2002


def test_removals_are_seen_by_a_full_walk(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    gone = next(iter(truth(standin)))
    standin.world.remove_purchase(gone)
    assert home.run("scrape", "--full").code == 0
    assert gone not in listed(home)


@pytest.mark.parametrize(
    ("fault", "params", "code", "words"),
    [
        ("rename_field", {"from": "redownload_urls", "to": "links"}, 4, "'redownload_urls'"),
        ("rename_field", {"from": "items", "to": "things"}, 4, "'items'"),
        ("garbage", {}, 4, "has changed shape"),
        ("empty_redownload", {}, 3, "without any download link"),
        ("null_redownload", {}, 3, "without any download link"),
        ("status", {"code": 500}, 4, "cannot be reached"),
        ("drop", {}, 4, "cannot be reached"),
        ("rate_limit", {"retry_after": None}, 4, "patience"),
    ],
)
def test_a_scrape_that_ends_early_leaves_the_old_collection_and_says_what_happened(
    home: Home, serve: Serve, fault: str, params: dict[str, Any], code: int, words: str
) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    before = (home.data / "collection.json").read_bytes()
    standin.rules.add(fault, match={"class": "collection", "path": "collection_items"}, **params)
    ran = home.run("scrape", "--full", RETRY_BASE="100ms")
    assert ran.code == code, ran.everything
    assert words in ran.err
    assert (home.data / "collection.json").read_bytes() == before
    sample = (home.data / "debug" / "debug.html").read_text()
    assert "sig=" not in sample.replace("sig=***", "")


def test_a_collection_that_comes_back_empty_is_an_alarm(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("sync").code == 0
    before = (home.data / "collection.json").read_bytes()
    for key in list(truth(standin)):
        standin.world.remove_purchase(key)
    ran = home.run("scrape")
    assert ran.code == 4
    assert "0 purchases where it had 12" in ran.err
    assert (home.data / "collection.json").read_bytes() == before
    assert "0 purchases where it had 12" in home.run("status").out
    assert home.run("scrape", "--full", "--accept-shrink").code == 0
    assert listed(home) == {}


@pytest.mark.parametrize("mode", ["cookie", "browser_only"])
def test_a_browser_challenge_is_passed_by_a_real_browser(home: Home, serve: Serve, mode: str) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    standin.rules.add("challenge", mode=mode)
    ran = home.run("sync", timeout=240)
    assert ran.code == 0, ran.everything
    assert "a real browser takes over" in ran.everything
    assert_whole(home, standin)
    standin.log.clear()
    again = home.run("scrape")
    assert again.code == 0
    if mode == "cookie":
        assert "a real browser takes over" not in again.everything, "what the browser was given still serves"
        assert all("Headless" not in (entry.user_agent or "") for entry in standin.log.entries())


def test_the_old_refusal_is_told_apart_from_a_logout(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=4, preset="small"))
    standin.rules.add("challenge403", match={"class": ["page", "collection"]})
    ran = home.run("scrape", timeout=240)
    assert ran.code == 4, ran.everything
    assert "403" in ran.err
    assert "not logged in" not in ran.err
    assert (home.data / "debug" / "debug.png").exists()


def test_a_listing_shorter_than_what_is_owned_is_refused_once_and_believed_when_it_stays(
    home: Home, serve: Serve
) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    before = (home.data / "collection.json").read_bytes()
    first = "^/api/fancollection/1/collection_items"
    standin.rules.add("short_page", match={"class": "collection", "path": first}, count=5, times=1)
    standin.rules.add("garbage", match={"class": "collection", "path": first}, body=EMPTY_PAGE, after=1)
    ran = home.run("scrape", "--full")
    assert ran.code == 4, ran.everything
    assert "listed 5 of 12" in ran.err
    assert (home.data / "collection.json").read_bytes() == before
    standin.rules.clear()
    assert home.run("scrape", "--full").code == 0
    assert len(listed(home)) == 12


EMPTY_PAGE = '{"items": [], "more_available": false, "last_token": null, "redownload_urls": {}}'


def test_lists_and_answers_that_are_not_there_any_more_are_done_without(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12))
    standin.rules.add("not_found", match={"class": "collection", "path": "hidden_items"})
    standin.rules.add("not_found", match={"class": "collection", "path": "collection_summary"})
    ran = home.run("scrape")
    assert ran.code == 0, ran.everything
    visible = [key for key, purchase in truth(standin).items() if not purchase["hidden"]]
    assert sorted(listed(home)) == sorted(visible)


def test_an_ignored_purchase_that_is_queued_already_is_taken_out_of_the_queue(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    assert home.run("scrape").code == 0
    assert home.run("reconcile").code == 0
    key = next(iter(truth(standin)))
    assert home.run("ignore", key).code == 0
    assert home.run("work", "--drain").code == 0
    assert key not in home.receipts() and len(home.receipts()) == 2
    assert "withdrew 1" in home.run("reconcile").out
    assert home.status()["counts"]["ignored"] == 1


def test_a_list_that_seems_empty_for_a_moment_is_asked_again(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    path = "^/api/fancollection/1/collection_items"
    standin.rules.add("garbage", match={"class": "collection", "path": path}, body=EMPTY_PAGE, times=1)
    assert home.run("scrape", REQUEST_INTERVAL="0").code == 0
    assert len(listed(home)) == 12


def test_what_is_known_is_never_dropped_on_a_short_listings_word(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    path = "^/api/fancollection/1/collection_items"
    standin.rules.add("short_page", match={"class": "collection", "path": path}, count=5)
    standin.rules.add("garbage", match={"class": "collection", "path": path}, body=EMPTY_PAGE, after=1)
    assert home.run("scrape", "--full").code == 4
    standin.rules.clear()
    standin.rules.add("short_page", match={"class": "collection", "path": path}, count=5)
    standin.rules.add("garbage", match={"class": "collection", "path": path}, body=EMPTY_PAGE, after=1)
    assert home.run("scrape", "--full").code == 0, "twice the same: its news are taken in"
    assert len(listed(home)) == 12
    standin.rules.clear()
    standin.world.add_purchase(1)
    ran = home.run("scrape")
    assert ran.code == 0 and "everything walked" in ran.out
    assert len(listed(home)) == 13


def give_to_another_fan(home: Home) -> bytes:
    """The collection becomes another fan's than the cookies are; its content."""
    path = home.data / "collection.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fan_id": 1}))
    return path.read_bytes()


def test_another_fans_short_listing_does_not_replace_a_complete_collection(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    before = give_to_another_fan(home)
    path = "^/api/fancollection/1/collection_items"
    standin.rules.add("short_page", match={"class": "collection", "path": path}, count=5)
    standin.rules.add("garbage", match={"class": "collection", "path": path}, body=EMPTY_PAGE, after=1)
    ran = home.run("scrape")
    assert ran.code == 4 and "listed 5 of 12" in ran.err, ran.everything
    assert (home.data / "collection.json").read_bytes() == before
    standin.rules.clear()
    assert home.run("scrape").code == 0
    written = json.loads((home.data / "collection.json").read_text())
    assert (written["fan_id"], written["complete"], len(written["items"])) == (7654321, True, 12)


@pytest.mark.parametrize(("left", "counted"), [(0, True), (0, False), (5, False)])
def test_another_fans_empty_or_uncounted_small_listing_needs_a_word(
    home: Home, serve: Serve, left: int, counted: bool
) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    before = give_to_another_fan(home)
    for key in list(truth(standin))[left:]:
        standin.world.remove_purchase(key)
    if not counted:
        standin.rules.add("status", match={"class": "page", "path": f"^/{standin.world.username}$"}, code=500)
    ran = home.run("scrape")
    assert ran.code == 4 and f"{left} purchases where it had 12" in ran.err, ran.everything
    assert (home.data / "collection.json").read_bytes() == before
    assert home.run("scrape", "--accept-shrink").code == 0
    assert len(listed(home)) == left


def test_another_fan_may_own_far_less(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=12, preset="small"))
    assert home.run("scrape").code == 0
    give_to_another_fan(home)
    for key in list(truth(standin))[3:]:
        standin.world.remove_purchase(key)
    assert home.run("scrape").code == 0
    assert len(listed(home)) == 3


@pytest.mark.parametrize("code", [500, 403, 404])
def test_a_profile_page_that_is_out_of_order_holds_up_no_listing(home: Home, serve: Serve, code: int) -> None:
    standin = serve(World.build(6, preset="small"))
    standin.rules.add("status", match={"class": "page", "path": f"^/{standin.world.username}$"}, code=code)
    ran = home.run("scrape", "--full")
    assert ran.code == 0, ran.everything
    assert len(listed(home)) == len(standin.world.purchases)


@pytest.mark.parametrize("kind", ["collection", "page"])
def test_an_answer_that_is_garbled_once_is_asked_for_again(home: Home, serve: Serve, kind: str) -> None:
    standin = serve(World.build(4, preset="small"))
    standin.rules.add("garbage", match={"class": kind}, times=1, first_each=True)
    ran = home.run("sync")
    assert ran.code == 0, ran.everything
    assert "changed shape" not in ran.everything
    assert len(home.receipts()) == 4
