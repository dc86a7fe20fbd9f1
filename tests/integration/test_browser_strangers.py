"""A real browser on a page that wants things of others: it asks Bandcamp's hosts, and nobody else."""

from collections.abc import Iterator

import pytest
from bandcamp_sync.bandcamp.browser import Browser, BrowserCookie
from bandcamp_sync.bandcamp.hosts import HostPolicy
from bandcamp_sync.clock import Clock
from bandcamp_sync.errors import Challenged
from standin import StandIn, World

from .stranger import Stranger


@pytest.fixture
def strangers() -> Iterator[list[Stranger]]:
    """One at another port of the same address, one at another address of this machine."""
    with Stranger() as near, Stranger("127.0.0.2") as far:
        yield [near, far]


def browser(standin: StandIn) -> Browser:
    policy = HostPolicy(standin.url)
    return Browser(policy, [BrowserCookie("identity", "7", policy.host, "/", None, False)], Clock())


def test_what_a_page_loads_from_elsewhere_is_not_asked_for(strangers: list[Stranger]) -> None:
    wanted = "".join(
        f'<img src="{stranger.url}/a.png"><script src="{stranger.url}/a.js"></script>'
        f'<iframe src="{stranger.url}/a"></iframe><script>fetch("{stranger.url}/b", {{mode: "no-cors"}});'
        f'new WebSocket("{stranger.url.replace("http", "ws")}/c")</script>'
        for stranger in strangers
    )
    with StandIn(World.build(1, preset="small")) as standin, browser(standin) as one:
        page = f"<!DOCTYPE html><html><body>{wanted}<img src='/img/mark.jpg'></body></html>"
        standin.rules.add("status", match={"class": "page"}, code=200, body=page)
        one.visit(f"{standin.url}/")
        assert any(entry.path == "/img/mark.jpg" for entry in standin.log), "what is of its own host is loaded"
    # A connection that a browser opens ahead of time asks for nothing.
    assert [visit for stranger in strangers for visit in stranger.visits if visit.path] == []
    assert strangers[1].visits == []


def test_a_redirect_of_the_page_itself_to_another_host_is_not_followed(strangers: list[Stranger]) -> None:
    _, far = strangers
    with StandIn(World.build(1, preset="small")) as standin, browser(standin) as one:
        standin.rules.add("redirect", match={"class": "page"}, to=f"{far.url}/x?sig=0123")
        with pytest.raises(Challenged) as caught:
            one.visit(f"{standin.url}/")
    assert far.visits == [] and "sig=" not in str(caught.value)
