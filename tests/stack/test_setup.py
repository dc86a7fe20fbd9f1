"""Cookies handed over in the browser, in containers: the dashboard takes them and cannot read them again."""

from typing import Any

import pytest
from integration.albums import deliverable
from standin import World

from .conftest import Launch
from .stack import wait_until

pytestmark = [pytest.mark.needs_docker, pytest.mark.timeout(900)]


def test_cookies_that_are_handed_over_start_the_first_sync_and_the_dashboard_keeps_none(launch: Launch) -> None:
    stack = launch(World.build(purchases=3, preset="small"))
    stack.up(healthy=True)
    wait_until(lambda: stack.api("/api/setup")["ready"], 30, "the scraper makes its key")
    assert stack.api("/api/setup")["first_run"]
    cookies = stack.standin.write_cookies(stack.data.parent / "exported.txt").read_text()

    bad = stack.post("/api/cookies", "# Netscape HTTP Cookie File\n")["id"]
    verdict = wait_until(lambda: _verdict(stack.api("/api/setup"), bad), 10, "what is no login is refused")
    assert verdict["state"] == "refused" and verdict["problem"]

    good = stack.post("/api/cookies", cookies)["id"]
    # Sealed, it may lie there for a moment; nothing that the dashboard sees holds it.
    assert stack.search("dashboard")[1] == "[]"
    verdict = wait_until(lambda: _verdict(stack.api("/api/setup"), good), 10, "the login is recognised")
    assert (verdict["state"], verdict["problem"]) == ("accepted", None)
    assert verdict["username"] and verdict["expires"]

    stack.wait_for_albums(len(deliverable(stack.standin)))
    assert stack.search("scraper")[1] == "['/data/config/cookies.txt']"
    assert stack.search("dashboard")[1] == "[]"
    assert (stack.data / "config" / "cookies.txt").stat().st_mode & 0o777 == 0o600
    assert stack.exec("dashboard", "cat", "/data/config/drop.key", check=False).code != 0
    cover = next(item["cover"] for item in stack.api("/api/collection")["items"] if item["cover"])
    assert stack.get(cover).headers["Content-Type"] == "image/jpeg"


def _verdict(setup: dict[str, Any], drop_id: str) -> dict[str, Any]:
    """What was found about that drop; nothing yet is empty."""
    drop = setup["drop"]
    if isinstance(drop, dict) and drop["id"] == drop_id and drop["state"] in ("accepted", "refused"):
        return drop
    return {}
