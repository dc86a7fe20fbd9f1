"""No line to Bandcamp: refused, dropped, no name for it."""

from pathlib import Path

from faults.household import Household
from faults.mounts import Unable
from faults.row import Row, Rule

_HOST = "bandcamp.faults.test"
_OURS = "127.0.0.1 localhost\n"


def _close_for_a_while(home: Household) -> None:
    home.until_under_way()
    home.close_bandcamp()
    home.for_seconds(6)
    home.open_bandcamp()


def _own_names(home: Household) -> None:
    """Bandcamp gets a name that nobody knows yet; who is asked for names says no at once."""
    assert home.mounts is not None
    names, servers = home.root / "hosts", home.root / "resolv.conf"
    names.write_text(_OURS)
    servers.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    try:
        home.mounts.cover(Path("/etc/hosts"), names)
        home.mounts.cover(Path("/etc/resolv.conf"), servers)
    except Unable as error:
        raise Unable(f"an own /etc/hosts: {error}") from None
    home.settings["BANDCAMP_BASE_URL"] = f"http://{_HOST}:{home.standin.port}"
    home.standin.write_cookies(home.cookies, domain=_HOST)
    home.cookies.chmod(0o600)


def _learn_the_name(home: Household) -> None:
    home.until_said("connection failed|cannot be reached")
    home.for_seconds(4)
    (home.root / "hosts").write_text(f"{_OURS}127.0.0.1 {_HOST}\n")


def _forget_the_name(home: Household) -> None:
    _learn_the_name(home)
    home.until_under_way()
    (home.root / "hosts").write_text(_OURS)
    home.for_seconds(5)
    (home.root / "hosts").write_text(f"{_OURS}127.0.0.1 {_HOST}\n")


ROWS = (
    Row("connections are refused for 6 s", happens=_close_for_a_while, rate=150_000, times_needed=1.6),
    Row("each first connection is dropped", (Rule("drop", {}, {"class": "any"}, times=1, first_each=True),)),
    Row("Bandcamp's name cannot be resolved, twice", before=_own_names, happens=_forget_the_name, mounts=True,
        rate=150_000),
)  # fmt: skip
