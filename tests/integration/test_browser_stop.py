"""A stop while a real browser waits: for a challenge that does not end, or for an answer that does not come."""

import threading
import time
from collections.abc import Callable

import pytest
from bandcamp_sync.bandcamp.browser import Browser, BrowserCookie
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Stopped
from standin import StandIn, World
from standin.challenge import Challenge

WAITS: dict[str, Callable[[Browser, str], object]] = {
    "at a challenge": lambda browser, url: browser.pass_challenge(url),
    "for a page": lambda browser, url: browser.request("GET", url, None, "text/html"),
}


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("fault", ["hang", "garbage"], ids=["silence", "a challenge without end"])
def test_a_stop_is_heard_at_once(wait: str, fault: str) -> None:
    clock = Clock()
    with StandIn(World.build(1, preset="small")) as standin:
        policy = HostPolicy(standin.url)
        with Browser(policy, [BrowserCookie("identity", "7", policy.host, "/", None, False)], clock) as one:
            one.visit(f"{standin.url}/")
            given = {"seconds": 60} if fault == "hang" else {"body": Challenge.page().body.decode()}
            standin.rules.add(fault, match={"class": "page"}, **given)
            began: list[float] = []

            def stop() -> None:
                began.append(time.monotonic())
                clock.stop()

            timer = threading.Timer(1.0, stop)
            timer.start()
            try:
                with pytest.raises(Stopped):
                    WAITS[wait](one, f"{standin.url}/")
            finally:
                timer.cancel()
            assert time.monotonic() - began[0] < 3


def test_a_browser_that_is_closed_is_ended_by_no_later_stop() -> None:
    clock = Clock()
    with StandIn(World.build(1, preset="small")) as standin:
        one = Browser(HostPolicy(standin.url), [], clock)
        one.visit(f"{standin.url}/")
        one.close()
        clock.stop()
        with pytest.raises(Stopped):
            one.visit(f"{standin.url}/")
