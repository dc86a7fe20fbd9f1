"""A small world with one purchase of every kind, and a client that is logged in to it."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from standin import StandIn, World


@dataclass
class Client:
    """Walks the way from the list to the file, as the site's own pages do."""

    standin: StandIn
    http: requests.Session

    def get(self, path: str, **more: Any) -> requests.Response:
        """GET an address, or a path under the stand-in."""
        place = path if "://" in path else self.standin.url + path
        return self.http.get(place, timeout=10, **more)

    def listing(self, which: str = "collection", token: str = "9999999999::a::", count: int = 100) -> Any:
        """One page of a list."""
        body = {"fan_id": str(self.standin.world.fan_id), "older_than_token": token, "count": count}
        url = f"{self.standin.url}/api/fancollection/1/{which}_items"
        return self.http.post(url, data=json.dumps(body), timeout=10).json()

    def links(self) -> dict[str, str]:
        """All redownload links, hidden ones among them."""
        return {**self.listing()["redownload_urls"], **self.listing("hidden")["redownload_urls"]}

    def item(self, key: str) -> dict[str, Any]:
        """The purchase's entry on its download page."""
        entries = page_data(self.get(self.links()[key]).text)["digital_items"]
        return next(entry for entry in entries if entry["sale_id"] == int(key[1:]))

    def file_url(self, key: str, fmt: str = "flac") -> str:
        """Popplers' address of a format."""
        return str(self.item(key)["downloads"][fmt]["url"])

    def key(self, kind: str) -> str:
        """The key of the first purchase of a kind."""
        return next(entry.key for entry in self.standin.world.purchases if entry.kind == kind)


def page_data(text: str, element: str = "pagedata") -> Any:
    """The JSON in a page's data element."""
    match = re.search(rf"id=([\"']){element}\1 data-blob=([\"'])(.*?)\2", text)
    assert match, text[:500]
    return json.loads(html.unescape(match[3]))


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    """One server for a whole file of tests."""
    with StandIn(World.build(40, seconds=(1.0, 1.25))) as standin:
        yield standin


@pytest.fixture
def client(running: StandIn) -> Iterator[Client]:
    """A logged-in client, with no rules left over from another test."""
    running.rules.clear()
    running.log.clear()
    session = requests.Session()
    session.headers["Cookie"] = f"identity={running.world.identity}"
    yield Client(running, session)
    session.close()
