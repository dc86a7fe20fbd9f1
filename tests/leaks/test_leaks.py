"""After a run in which everything went wrong, no secret is seen anywhere but where it belongs."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaks.needles import Needles
from leaks.run import PASSWORD, TOKEN, Leaks

pytestmark = pytest.mark.timeout(600)

#: Where secrets belong: the cookies, what a browser was given for them, and what holds the purchases' own links.
BELONGS = re.compile(
    r"file data/(config/(cookies\.txt|clearance\.json)|collection\.json|inbox/\w+/\w+\.job"
    r"|(inbox/\w+/)?quarantine/[^/]+)"
)


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaks]:
    one = Leaks(tmp_path_factory.mktemp("leaks"))
    one.go()
    yield one


def test_the_run_was_as_bad_as_it_should_be(leaks: Leaks) -> None:
    """Else nothing would be proved by what follows."""
    logs = b"".join(content for place, content in leaks.places.items() if re.search(r"data/logs/\w+\.log", place))
    for said in (b"***", b"ALARM session", b"DEBUG", b"(time-out)", b"; going on"):
        assert said in logs, said
    assert leaks.notified
    names = set(leaks.places)
    assert any(b"***" in leaks.places[name] for name in names if name.startswith("debug.html"))
    assert len([name for name in names if name.startswith("GET ")]) > 100
    assert len([name for name in names if name.startswith("bandcampsync ")]) > 15
    assert any(name.endswith(".flac") for name in names) and any(name.endswith(".mp3") for name in names)
    assert all(leaks.places[name] for name in names if name.startswith("GET /api/"))
    assert sum(b"Traceback" in leaks.places[name] for name in names if name.startswith("bandcampsync --debug")) > 4


def test_no_secret_is_seen_where_it_does_not_belong(leaks: Leaks) -> None:
    needles = Needles(leaks.secrets)
    found = [
        f"{place}: {hit}"
        for place, content in leaks.places.items()
        if not BELONGS.fullmatch(place)
        for hit in needles.hits(content)
    ]
    assert not found, "\n".join(found[:30])


def test_the_search_would_have_found_them(leaks: Leaks) -> None:
    """In the very files in which they belong."""
    needles = Needles(leaks.secrets, shapes=False)
    cookies = {hit.name for hit in needles.hits(leaks.places["file data/config/cookies.txt"])}
    collection = {hit.name for hit in needles.hits(leaks.places["file data/collection.json"])}
    assert cookies == {f"login {len(leaks.logins)}"}
    assert len([name for name in collection if name.startswith("redownload link")]) > 10


def test_where_they_belong_nobody_else_can_read_them(leaks: Leaks) -> None:
    holders = [place for place in leaks.places if BELONGS.fullmatch(place)]
    assert len(holders) > 10
    needles = Needles(leaks.secrets)
    for place in holders:
        path = leaks.root / place.removeprefix("file ")
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == 0o600 or not needles.hits(path.read_bytes()), (place, oct(mode))
    keys = [leaks.stack.data.drop_key, leaks.stack.data.state / "dashboard.key"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in keys] == [0o600, 0o600]


def test_no_process_has_a_secret_of_bandcamps_in_its_environment_nor_any_on_its_command_line(leaks: Leaks) -> None:
    programs = {name.split()[0] for name in leaks.command_lines}
    assert {"scraper", "reconciler", "worker", "dashboard", "listener"} <= programs
    everything, of_bandcamp = (
        Needles(leaks.secrets),
        Needles({name: value for name, value in leaks.secrets.items() if value not in (PASSWORD, TOKEN)}),
    )
    assert {name: hits for name, line in leaks.command_lines.items() if (hits := everything.hits(line))} == {}
    assert {name: hits for name, text in leaks.environments.items() if (hits := of_bandcamp.hits(text))} == {}


def test_a_service_that_dies_leaves_no_core_behind(leaks: Leaks) -> None:
    for program, limit in leaks.core_limits.items():
        if program.split()[0] in ("scraper", "worker", "dashboard", "reconciler"):
            assert re.match(r"Max core file size\s+0\s+0\s", limit), (program, limit)
    assert not [path for path in Path(leaks.root).rglob("core*") if path.is_file()]
