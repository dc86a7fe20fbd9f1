"""Several workers and reconciles over a collection, killed at random moments; then a quiet run, and all is whole."""

import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bandcamp_sync.fetch.directory import TAIL_BYTES
from bandcamp_sync.paths import DataFolder, MusicFolder
from integration.albums import assert_whole
from integration.conftest import Home
from standin import StandIn, World

from crash.books import Album, albums, leftovers, read_books, unclaimed

_KILLS, _PURCHASES = 20, 24
_HEADERS = 8192


class Crowd:
    """Three workers and a reconcile now and then, on one home; whoever is killed is started again."""

    def __init__(self, home: Home, standin: StandIn, chance: random.Random) -> None:
        self.home, self.standin, self._chance = home, standin, chance
        self.data, self.music = DataFolder(home.data), MusicFolder(home.music)
        self._output = (home.root / "output.txt").open("a")
        self._crew: list[subprocess.Popen[bytes]] = []
        self.killed = self.rounds = 0
        self.seen: list[dict[str, Album]] = []
        self.codes: set[int] = set()

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "bandcamp_sync", *arguments],
            env=self.home.environment(),
            stdout=self._output,
            stderr=self._output,
        )

    def work(self) -> None:
        """Until enough were killed: keep the crew at work, and kill one of it at a random moment."""
        while self.killed < _KILLS:
            self._tend()
            time.sleep(self._chance.uniform(0.1, 1.2))
            victim = self._chance.choice(self._crew)
            if victim.poll() is None:
                victim.kill()
                victim.wait()
                self.killed += 1
                self.seen.append(albums(self.music))

    def _tend(self) -> None:
        for process in [process for process in self._crew if process.poll() is not None]:
            self._crew.remove(process)
            self.codes.add(process.returncode)
        if not list((self.data.inbox / "pending").glob("*.job")):
            # All are on their way or done: those that are done are asked for again, to be replaced by the same.
            self.rounds += 1
            assert self.home.run("retry", *self._keys()).code == 0
        while len(self._crew) < 3:
            self._crew.append(self.start("work", "--drain"))
        if len(self._crew) < 4:
            self._crew.append(self.start("reconcile"))

    def _keys(self) -> list[str]:
        return [purchase.key for purchase in self.standin.world.purchases]

    def end(self) -> None:
        for process in self._crew:
            process.wait(120)
            self.codes.add(process.returncode)
        self._crew.clear()

    def close(self) -> None:
        for process in self._crew:
            process.kill()
            process.wait()
        self._output.close()


@contextmanager
def crowd(root: Path, seed: str) -> Iterator[Crowd]:
    with StandIn(World.build(purchases=_PURCHASES, preset="small", seconds=(0.3, 0.6))) as standin:
        standin.settings.rate = 300_000
        home = Home(root, {"RETRY_BASE": "100ms", "RETRY_MAX": "1s", "BANDCAMP_BASE_URL": standin.url})
        home.cookies.parent.mkdir(parents=True)
        standin.write_cookies(home.cookies)
        one = Crowd(home, standin, random.Random(seed))
        try:
            yield one
        finally:
            one.close()


@pytest.mark.timeout(600)
def test_what_is_killed_at_random_moments_under_load_ends_whole(quick: Path) -> None:
    seed = os.environ.get("CRASH_SEED") or secrets.token_hex(4)
    print(f"CRASH_SEED={seed}")
    with crowd(quick, seed) as one:
        assert one.home.run("scrape").code == 0
        assert one.home.run("reconcile").code == 0
        one.work()
        one.end()
        assert one.codes <= {0, 1, -9}, f"whoever was not killed ended well: {one.codes}"
        _let_quiet(one)
        print(f"killed {one.killed} times, {one.rounds} times everything was asked for again")

        assert_whole(one.home, one.standin)
        books = read_books(one.data, one.music)
        assert set(books.states.values()) == {("done",)}
        assert dict(books.receipts.values()) == books.albums
        assert leftovers(one.data, one.music) == []
        for seen in one.seen:
            assert seen.items() <= books.albums.items(), "whatever was visible at a kill was whole"
        _assert_little_was_fetched_again(one)


def _let_quiet(one: Crowd) -> None:
    time.sleep(1.2)  # what rests after too many deaths is due again
    for _ in range(3):
        assert one.home.run("reconcile").code == 0
        for path in unclaimed(one.data):
            os.utime(path, (1, 1))  # their lease is over
        assert one.home.run("work", "--drain").code in (0, 1)
    assert one.home.run("reconcile").code == 0


def _assert_little_was_fetched_again(one: Crowd) -> None:
    """Each purchase once for each time that it was asked for; each kill costs the member in flight and a directory."""
    entries = one.standin.log.entries(kind="file")
    whole = dict.fromkeys((entry.key or "" for entry in entries), 0)
    for entry in entries:
        if entry.range is None:
            whole[entry.key or ""] = max(whole[entry.key or ""], entry.bytes_sent)
    largest = max(size for album in albums(one.music).values() for size, _ in album.values())
    most = sum(whole.values()) * (1 + one.rounds) + one.killed * (largest + TAIL_BYTES + _HEADERS)
    fetched = sum(entry.bytes_sent for entry in entries)
    print(f"fetched {fetched} bytes; at most {most} were needed")
    assert fetched <= most
