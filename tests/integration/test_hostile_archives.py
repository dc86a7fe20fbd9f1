"""Archives that must not be unpacked: each purchase fails with one sentence, and costs nobody else anything."""

import json
import re

import pytest
from hostile.cases import CASES
from hostile.run import MOST_MEMORY, everything_under, served, watched

from .albums import deliverable
from .conftest import Home, Serve

FAILING = {name: case for name, case in CASES.items() if case.fails is not None}


@pytest.mark.parametrize("third", range(3))
def test_each_fails_alone_with_its_reason_and_leaves_nothing(home: Home, serve: Serve, third: int) -> None:
    standin, named = served(serve, dict(list(FAILING.items())[third::3]))
    ran, memory = watched(home, "sync", MAX_ATTEMPTS="1", WORKERS="4", LOG_LEVEL="INFO")
    assert ran.code == 1, ran.everything[-3000:]
    assert "Traceback" not in ran.everything and "unexpected" not in ran.everything
    assert memory < MOST_MEMORY, memory

    honest = set(deliverable(standin)) - set(named)
    assert set(home.receipts()) == honest
    sentences = {}
    for key, name in named.items():
        job = json.loads((home.data / "inbox" / "failed" / f"{key}.job").read_text())
        sentences[name] = str(job["failure"]["sentence"])
        assert len(sentences[name]) < 200 and sentences[name].isprintable(), sentences[name]
        assert job["not_before"] is None and job["attempt"] == 1
    odd = {name: said for name, said in sentences.items() if not re.search(str(FAILING[name].fails), said)}
    assert not odd

    left = {str(path.relative_to(home.music)) for path in everything_under(home.music)}
    albums = {receipt["folder"] for receipt in home.receipts().values()}
    strange = {one for one in left if not one.startswith(".bandcampsync") and not _below(one, albums)}
    assert not strange
    assert not list((home.music / ".bandcampsync" / "staging").glob("*")), "what was given up leaves nothing"
    assert {path.name for path in home.root.iterdir()} == {"data", "music", "out.txt", "err.txt"}


def _below(path: str, albums: set[str]) -> bool:
    return any(f"{album}/".startswith(f"{path}/") or path.startswith(f"{album}/") for album in albums)


def test_a_refused_archive_is_asked_for_twice_and_not_for_ever(home: Home, serve: Serve) -> None:
    standin, named = served(serve, {"a bomb": CASES["a bomb"], "a symbolic link": CASES["a symbolic link"]})
    assert home.run("sync", MAX_ATTEMPTS="1").code == 1
    for key in named:
        assert len(standin.log.entries(kind="file", key=key)) == 2
