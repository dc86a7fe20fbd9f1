import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from bandcamp_sync.processes import identity, is_gone, started, this_boot


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_process_is_there_until_it_is_gone(child: "subprocess.Popen[bytes]") -> None:
    name = identity(child.pid)
    assert not is_gone(name)
    child.kill()
    child.wait()
    assert is_gone(name)


def test_a_number_that_was_given_to_another_process_is_another_name(child: "subprocess.Popen[bytes]") -> None:
    place, pid, start = identity(child.pid).split(":")
    assert start.isdigit()
    assert is_gone(f"{place}:{pid}:{int(start) - 1}")
    assert not is_gone(f"{place}:{pid}")  # a name that does not say when it began is believed


@pytest.mark.parametrize("name", ["", "elsewhere-12345678:1:2", ":1:2", "x", f"{this_boot()}:none:3"])
def test_of_what_is_not_known_nothing_is_said(name: str) -> None:
    assert not is_gone(name)


def test_two_processes_have_two_names(child: "subprocess.Popen[bytes]") -> None:
    assert identity(os.getpid()) != identity(child.pid)
    assert started(2**30) is None
