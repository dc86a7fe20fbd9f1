"""Answers that point elsewhere: nobody there is asked, no cookie leaves, that item says why, and the rest is whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from standin import StandIn, World

from .albums import assert_whole, deliverable
from .conftest import Home, Serve
from .stranger import Stranger


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with Stranger() as one:
        yield one


def refused(home: Home, key: str, host: str) -> str:
    """Why that purchase waits; the host is named, and nothing of what comes behind it."""
    (entry,) = [entry for entry in home.status()["waiting"] if entry["key"] == key]
    reason = str(entry["reason"])
    assert host in reason, reason
    assert "sig=" not in reason and "token=" not in reason and "?" not in reason
    return reason


#: Where an address stands that is followed: the fault, what it meets, and its parameters.
PLACES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the download page's files": ("elsewhere", {"class": "page"}, {"fields": ["downloads"]}),
    "the stat answer's file": ("elsewhere", {"class": "stat"}, {"fields": ["download_url"]}),
    "a redirect of the download page": ("redirect", {"class": "page"}, {}),
    "a redirect of the stat question": ("redirect", {"class": "stat"}, {}),
    "a redirect of the file": ("redirect", {"class": "file"}, {}),
    "a permanent redirect of the file": ("redirect", {"class": "file"}, {"code": 308}),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_address_elsewhere_is_never_asked_and_names_its_host(
    home: Home, serve: Serve, stranger: Stranger, place: str
) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    key = next(iter(deliverable(standin)))
    fault, match, params = PLACES[place]
    target = f"{stranger.url}/x?sig=0123&token=4567" if fault == "redirect" else stranger.url
    standin.rules.add(fault, match={**match, "key": key}, to=target, **params)
    ran = home.run("sync", RETRY_BASE="5m")
    assert ran.code == 1, ran.everything
    assert stranger.visits == []
    refused(home, key, stranger.host)
    assert len(home.receipts()) == 2
    standin.rules.clear()
    assert home.run("retry", key).code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


def test_a_retry_url_elsewhere_is_never_asked(home: Home, serve: Serve, stranger: Stranger) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    key = next(iter(deliverable(standin)))
    standin.rules.add("stat", match={"class": "stat", "key": key}, variant="retry_url")
    standin.rules.add("elsewhere", match={"class": "stat", "key": key}, to=stranger.url, fields=["retry_url"])
    assert home.run("sync", RETRY_BASE="5m").code == 1
    assert stranger.visits == []
    refused(home, key, stranger.host)


def test_download_links_of_the_collection_that_lead_elsewhere_are_never_asked(
    home: Home, serve: Serve, stranger: Stranger
) -> None:
    standin = serve(World.build(purchases=3, preset="small"))
    rule = standin.rules.add("elsewhere", match={"class": "collection"}, to=stranger.url, fields=["redownload_urls"])
    assert home.run("sync", RETRY_BASE="5m").code == 1
    assert stranger.visits == [] and home.receipts() == {}
    for key in deliverable(standin):
        refused(home, key, stranger.host)
    standin.rules.remove(rule)
    assert home.run("scrape", "--full").code == 0
    assert home.run("retry", "--all").code == 0
    assert home.run("sync").code == 0
    assert_whole(home, standin)


@pytest.mark.parametrize("kind", ["page", "collection"])
def test_a_listing_that_is_sent_elsewhere_asks_nobody_there(
    home: Home, serve: Serve, stranger: Stranger, kind: str
) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.rules.add("redirect", match={"class": kind}, to=f"{stranger.url}/login?sig=0123")
    ran = home.run("scrape")
    assert ran.code == (4 if kind == "collection" else ran.code)
    assert stranger.visits == []
    assert "sig=" not in ran.everything


def test_a_picture_elsewhere_is_done_without(home: Home, serve: Serve, stranger: Stranger) -> None:
    standin = serve(World.build(purchases=2, preset="small"))
    standin.rules.add("redirect", match={"class": "art"}, to=f"{stranger.url}/img.jpg")
    assert home.run("sync").code == 0
    assert stranger.visits == []
    assert_whole(home, standin)


# --- streams, which yt-dlp fetches ------------------------------------------------------------------------------------

STREAMS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the page's streams": ("elsewhere", {"class": "album_page"}, {"fields": ["file"]}),
    "a redirect of the page": ("redirect", {"class": "album_page"}, {}),
    "a redirect of a stream": ("redirect", {"class": "stream"}, {}),
    "the collection's pages": ("elsewhere", {"class": "collection"}, {"fields": ["item_url"]}),
}


@pytest.mark.parametrize("place", STREAMS)
def test_a_stream_elsewhere_is_never_asked(home: Home, serve: Serve, stranger: Stranger, place: str) -> None:
    standin = serve(World.build(purchases=30))
    only_streams(standin)
    fault, match, params = STREAMS[place]
    target = f"{stranger.url}/x.mp3?token=4567" if fault == "redirect" else stranger.url
    standin.rules.add(fault, match=match, to=target, **params)
    ran = home.run("sync", RETRY_BASE="5m", STREAM_FALLBACK="yes")
    assert ran.code == 1, ran.everything
    assert stranger.visits == []
    assert any(stranger.host in str(entry["reason"]) for entry in home.status()["waiting"]), home.status()["waiting"]
    assert "token=4567" not in ran.everything


def only_streams(standin: StandIn) -> None:
    """Take away all purchases but those that have nothing but streams."""
    for purchase in list(standin.world.purchases):
        if purchase.kind != "stream_only":
            standin.world.remove_purchase(purchase.key)
    assert standin.world.purchases
